import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  canonicalJson,
  compareSchemas,
  compileSchema,
  type LithairModelSpec,
  parseSchema,
  schemaFingerprint,
  validateSpec,
} from './index.ts';

function specOf(value: unknown): LithairModelSpec {
  const result = validateSpec(value);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

const KEY = { name: 'id', type: 'uuid', primaryKey: true };

test('a compiled field says everything that holds of it', () => {
  const spec = specOf({
    models: [
      {
        name: 'Product',
        fields: [
          { ...KEY, unique: true, index: 'hash' },
          {
            name: 'price',
            type: 'decimal',
            required: true,
            minimum: 0.1,
            default: 1e21,
            index: 'ordered',
          },
          {
            name: 'size',
            type: 'object',
            fields: [{ name: 'w', type: 'decimal', default: 2 }],
            default: { w: 1.5 },
          },
          { name: 'self', type: 'reference', to: 'Product' },
        ],
      },
    ],
  });
  const plain = {
    nullable: false,
    required: false,
    immutable: false,
    unique: false,
    index: 'none',
  };
  assert.deepEqual(compileSchema(spec), {
    models: [
      {
        name: 'Product',
        path: '/api/products',
        primaryKey: 'id',
        fields: [
          { ...plain, name: 'id', type: 'uuid', immutable: true },
          {
            ...plain,
            name: 'price',
            type: 'decimal',
            required: true,
            minimum: '0.1',
            default: '1000000000000000000000',
            index: 'ordered',
          },
          {
            ...plain,
            name: 'size',
            type: 'object',
            fields: [{ ...plain, name: 'w', type: 'decimal', default: '2' }],
            default: { w: '1.5' },
          },
          { ...plain, name: 'self', type: 'reference', to: 'Product', onDelete: 'restrict' },
        ],
      },
    ],
    store: { snapshotEvery: 100000, batchSize: 100, syncMode: 'group' },
  });
});

test('the usual window for repeated requests is not written down, another one is', () => {
  const models = [{ name: 'A', fields: [{ ...KEY }] }];
  const compiled = (idempotency: unknown) =>
    compileSchema(specOf({ models, store: { idempotency } })).store.idempotency;
  assert.equal(compiled({}), undefined);
  assert.equal(compiled({ window: '24h' }), undefined);
  assert.deepEqual(compiled({ window: '7d' }), { window: '7d', maxOutcomes: 100_000 });
  const schema = compileSchema(specOf({ models, store: { idempotency: { maxOutcomes: 5 } } }));
  assert.deepEqual(parseSchema(canonicalJson(schema)), schema);
});

test('a string key must be supplied and is never empty', () => {
  const spec = specOf({ models: [{ name: 'A', fields: [{ ...KEY, type: 'string' }] }] });
  const [key] = compileSchema(spec).models[0]?.fields ?? [];
  assert.deepEqual([key?.required, key?.minLength, key?.maxLength], [true, 1, 256]);
});

const fieldName = fc.integer({ min: 0, max: 9 }).map((n) => `f${n}`);
const flags = fc.record({ required: fc.boolean(), nullable: fc.boolean() }, { requiredKeys: [] });
const typed = fc.oneof(
  fc.record({ type: fc.constantFrom('string', 'integer', 'decimal', 'date', 'boolean') }),
  fc.record({
    type: fc.constant('string'),
    maxLength: fc.nat(99),
    index: fc.constantFrom('hash', 'none'),
  }),
  fc.record({ type: fc.constant('decimal'), minimum: fc.integer(), unique: fc.boolean() }),
  fc.record({
    type: fc.constant('enum'),
    values: fc.uniqueArray(fc.stringMatching(/^[a-z]+$/), { minLength: 1 }),
  }),
  fc.record({
    type: fc.constant('array'),
    items: fc.record({ type: fc.constantFrom('number', 'uuid') }),
  }),
  fc.record({
    type: fc.constant('object'),
    fields: fc.constant([{ name: 'x', type: 'text', default: 'a' }]),
  }),
);
const field = fc
  .tuple(fieldName, typed, flags)
  .map(([name, type, flag]) => ({ name, ...type, ...flag }));
const fields = fc.uniqueArray(field, { selector: ({ name }) => name, maxLength: 8 });
const spec = fc.tuple(fields, fields).map(([a, b]) => ({
  models: [
    { name: 'A', fields: [KEY, ...a] },
    {
      name: 'B',
      fields: [...b, { ...KEY, type: 'string' }, { name: 'a', type: 'reference', to: 'A' }],
    },
  ],
}));

test('validating and compiling again gives the same schema', () => {
  fc.assert(
    fc.property(spec, (value) => {
      const once = specOf(value);
      const twice = specOf(structuredClone(once));
      assert.deepEqual(twice, once);
      assert.deepEqual(compileSchema(twice), compileSchema(once));
    }),
  );
});

test('the canonical text does not depend on the order of attributes, and reads back', () => {
  fc.assert(
    fc.property(spec, (value) => {
      const schema = compileSchema(specOf(value));
      const shuffled = compileSchema(specOf(reversed(value)));
      assert.equal(canonicalJson(shuffled), canonicalJson(schema));
      assert.equal(schemaFingerprint(shuffled), schemaFingerprint(schema));
      assert.deepEqual(parseSchema(canonicalJson(schema)), schema);
    }),
  );
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([k, v]) => [k, reversed(v)]),
  );
}

test('two schemas are the same exactly when their canonical texts are', () => {
  fc.assert(
    fc.property(spec, spec, (a, b) => {
      const [left, right] = [compileSchema(specOf(a)), compileSchema(specOf(b))];
      const same = canonicalJson(left) === canonicalJson(right);
      assert.equal(compareSchemas(left, right).kind === 'same', same);
      assert.equal(compareSchemas(left, structuredClone(left)).kind, 'same');
    }),
  );
});

test('the fingerprint is a fixed function of the schema', () => {
  const schema = compileSchema(specOf({ models: [{ name: 'A', fields: [KEY] }] }));
  assert.match(schemaFingerprint(schema), /^[0-9a-f]{64}$/);
  assert.equal(
    canonicalJson(schema),
    '{"models":[{"fields":[{"immutable":true,"index":"none","name":"id","nullable":false,' +
      '"required":false,"type":"uuid","unique":false}],"name":"A","path":"/api/as",' +
      '"primaryKey":"id"}],"store":{"batchSize":100,"snapshotEvery":100000,"syncMode":"group"}}',
  );
});

test('what is not a schema is not read as one', () => {
  for (const text of ['', 'null', '{}', '{"models":[{}],"store":{}}']) {
    assert.throws(() => parseSchema(text), SyntaxError);
  }
});
