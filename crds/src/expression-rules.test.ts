import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { compareSchemas, compileSchema, type Schema, validateSpec } from './index.ts';

const MODEL = `
name: Product
fields:
  - {name: id, type: uuid, primaryKey: true}
  - {name: price, type: decimal}
  - {name: cost, type: decimal}
`;

function specOf(rules: object[]): unknown {
  return { auth: { mode: 'open' }, models: [{ ...parse(MODEL), rules }] };
}

function schemaOf(rules: object[]): Schema {
  const result = validateSpec(specOf(rules));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return compileSchema(result.value);
}

const RULE = { expr: 'self.price > self.cost', message: 'price is above cost' };

test('a rule that does not fit the model is refused with its path', () => {
  const result = validateSpec(specOf([RULE, { expr: 'self.prize > 1', message: 'x' }]));
  assert.ok(!result.ok);
  assert.deepEqual(result.problems, [
    {
      path: 'models[0].rules[1].expr',
      pointer: '/models/0/rules/1/expr',
      code: 'invalid_expression',
      message: 'there is no field prize',
    },
  ]);
});

test('rules of a model in which something else is wrong wait for that', () => {
  const spec = specOf([{ expr: 'self.nothing', message: 'x', extra: 1 }]);
  const result = validateSpec(spec);
  assert.ok(!result.ok);
  assert.deepEqual(
    result.problems.map(({ path }) => path),
    ['models[0].rules[0].extra'],
  );
});

test('a rule speaks of no caller: permissions do', () => {
  const result = validateSpec(specOf([{ expr: 'actor.id == "x"', message: 'x' }]));
  assert.ok(!result.ok);
  assert.match(result.problems[0]?.message ?? '', /cannot speak of actor/);
});

test('rules are part of the schema', () => {
  assert.deepEqual(schemaOf([RULE]).models[0]?.rules, [RULE]);
});

test('a new rule is breaking, because rows that exist need not meet it; fewer rules are not', () => {
  const [none, one] = [schemaOf([RULE]), schemaOf([RULE, { expr: 'self.cost > 0', message: 'm' }])];
  const added = compareSchemas(none, one);
  assert.equal(added.kind, 'breaking');
  assert.equal(added.reasons[0]?.code, 'rule_added');
  assert.equal(compareSchemas(one, none).kind, 'additive');
  const reworded = schemaOf([{ ...RULE, message: 'other' }]);
  assert.equal(compareSchemas(none, reworded).kind, 'additive');
});
