import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileSchema, type ModelSchema, type Problem, validateSpec } from './index.ts';

type Persistence = Record<string, unknown>;

function validated(persistence: Persistence) {
  const fields = [{ name: 'id', type: 'uuid', primaryKey: true }];
  return validateSpec({
    auth: { mode: 'open' },
    models: [{ name: 'Reading', fields, persistence }],
    cluster: { storage: { size: '1Gi' } },
  });
}

function compiled(persistence: Persistence): ModelSchema {
  const result = validated(persistence);
  assert.ok(result.ok, JSON.stringify(result));
  const [model] = compileSchema(result.value).models;
  assert.ok(model !== undefined);
  return model;
}

const MEANINGS: readonly [Persistence, ModelSchema['durability']][] = [
  [{ asynchronous: true }, 'leader'],
  [{ writeBehind: true }, 'periodic'],
  [{ asynchronous: true, durability: 'leader' }, 'leader'],
  [{ writeBehind: true, durability: 'periodic' }, 'periodic'],
  [{ asynchronous: false, writeBehind: false }, undefined],
  [{ writeBehind: false, durability: 'leader' }, 'leader'],
];

for (const [persistence, durability] of MEANINGS) {
  test(`${JSON.stringify(persistence)} is durability ${durability ?? 'quorum'}`, () => {
    assert.equal(compiled(persistence).durability, durability);
  });
}

test('what holds of every model may be said, and changes nothing', () => {
  const said = { eventSourced: true, replicate: true, optimizedForRead: true, memory: 'eager' };
  assert.deepEqual(compiled(said), compiled({}));
});

const REFUSED: readonly [Persistence, string, RegExp][] = [
  [{ eventSourced: false }, 'eventSourced', /must be true or left out: the log of events/],
  [{ replicate: false }, 'replicate', /must be true or left out: every member/],
  [{ asynchronous: true, durability: 'quorum' }, 'asynchronous', /is durability: leader$/],
  [{ writeBehind: true, durability: 'leader' }, 'writeBehind', /is durability: periodic$/],
  [{ writeBehind: true, asynchronous: true }, 'writeBehind', /say one of them$/],
  [{ writeBehind: true, consistency: 'eventual' }, 'writeBehind', /does not apply/],
  [{ optimizedForRead: true, memory: 'adaptive' }, 'optimizedForRead', /keeps every row/],
];

for (const [persistence, attribute, message] of REFUSED) {
  test(`${JSON.stringify(persistence)} is refused`, () => {
    const result = validated(persistence);
    const problems: readonly Problem[] = result.ok ? [] : result.problems;
    assert.deepEqual(
      problems.map(({ path }) => path),
      [`models[0].persistence.${attribute}`],
    );
    assert.match(problems[0]?.message ?? '', message);
  });
}
