import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareSchemas, compileSchema, type Schema, validateSpec } from './index.ts';

function validate(title: object, more: object = {}) {
  const fields = [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'title', type: 'string', ...title },
    { name: 'lot', type: 'integer' },
  ];
  return validateSpec({ auth: { mode: 'open' }, models: [{ name: 'Product', fields, ...more }] });
}

function schemaOf(...given: Parameters<typeof validate>): Schema {
  const found = validate(...given);
  assert.ok(found.ok, JSON.stringify(found));
  return compileSchema(found.value);
}

function kindOf(old: Schema, next: Schema): string {
  return compareSchemas(old, next).kind;
}

describe('the collation of a field', () => {
  it('is ci or ci-ai, of a text that is no key', () => {
    assert.equal(schemaOf({ collation: 'ci-ai' }).models[0]?.fields[1]?.collation, 'ci-ai');
    for (const [title, message] of [
      [{ collation: 'de' }, /must be ci or ci-ai, not "de"/],
      [{ type: 'integer', collation: 'ci' }, /collation does not apply to type integer/],
    ] as const) {
      const found = validate(title);
      assert.ok(!found.ok);
      assert.match(found.problems[0]?.message ?? '', message);
    }
    const fields = [{ name: 'id', type: 'string', primaryKey: true, collation: 'ci' }];
    const key = validateSpec({ auth: { mode: 'open' }, models: [{ name: 'Product', fields }] });
    assert.ok(!key.ok);
    assert.match(key.problems[0]?.message ?? '', /it compares exactly/);
  });

  it('may change, but not so that unique values become the same', () => {
    const unique = { unique: true };
    const pair = { indexes: [{ fields: ['title', 'lot'], unique: 'live' }] };
    assert.equal(kindOf(schemaOf({}), schemaOf({ collation: 'ci' })), 'additive');
    assert.equal(kindOf(schemaOf(unique), schemaOf({ ...unique, collation: 'ci' })), 'breaking');
    assert.equal(kindOf(schemaOf({}, pair), schemaOf({ collation: 'ci' }, pair)), 'breaking');
    const [ai, ci] = ['ci-ai', 'ci'].map((collation) => schemaOf({ ...unique, collation }));
    assert.ok(ai && ci);
    assert.equal(kindOf(ai, ci), 'additive');
    assert.equal(kindOf(ci, ai), 'breaking');
    assert.equal(kindOf(ci, schemaOf(unique)), 'additive');
  });

  it('stays where values were used that must not be taken again', () => {
    const ci = { collation: 'ci' };
    const forever = { indexes: [{ fields: ['title'], unique: 'forever' }] };
    const pair = { indexes: [{ fields: ['lot', 'title'], unique: 'forever' }] };
    for (const more of [forever, pair]) {
      const { kind, reasons } = compareSchemas(schemaOf(ci, more), schemaOf({}, more));
      assert.equal(kind, 'breaking');
      assert.deepEqual(
        reasons.map(({ path, code, message }) => [path, code, message]),
        [
          [
            'models[0].fields[1].collation',
            'constraint_narrowed',
            'Product.title: collation ci becomes none, and what was used could be taken again',
          ],
        ],
      );
      assert.equal(kindOf(schemaOf({}, more), schemaOf(ci, more)), 'breaking');
      assert.equal(kindOf(schemaOf({ collation: 'ci-ai' }, more), schemaOf(ci, more)), 'breaking');
      assert.equal(kindOf(schemaOf(ci, more), schemaOf(ci, more)), 'same');
    }
    const live = { indexes: [{ fields: ['lot', 'title'], unique: 'live' }] };
    assert.equal(kindOf(schemaOf(ci, live), schemaOf({}, pair)), 'additive');
  });
});
