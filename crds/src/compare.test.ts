import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { compareSchemas, compileSchema, type Schema, validateSpec } from './index.ts';

function schemaOf(spec: string): Schema {
  const result = validateSpec(parse(spec));
  assert.ok(result.ok, JSON.stringify(result));
  return compileSchema(result.value);
}

const ID = '{name: id, type: uuid, primaryKey: true}';
const model = (fields: string) => `{name: A, fields: [${ID}, ${fields}]}`;
const withField = (field: string) => schemaOf(`models: [${model(field)}]`);

/** The field before, the field after, and what the change is called. */
const ADDITIVE: [string, string, string][] = [
  [
    '{name: x, type: string, required: true}',
    '{name: x, type: string}',
    'A.x is no longer required',
  ],
  ['{name: x, type: string}', '{name: x, type: string, nullable: true}', 'A.x becomes nullable'],
  [
    '{name: x, type: string}',
    '{name: x, type: string, index: hash}',
    'A.x: index none becomes hash',
  ],
  [
    '{name: x, type: string, index: hash}',
    '{name: x, type: string, index: ordered}',
    'A.x: index hash becomes ordered',
  ],
  ['{name: x, type: string, unique: true}', '{name: x, type: string}', 'A.x is no longer unique'],
  ['{name: x, type: string}', '{name: x, type: string, immutable: true}', 'A.x becomes immutable'],
  [
    '{name: x, type: string, immutable: true}',
    '{name: x, type: string}',
    'A.x is no longer immutable',
  ],
  [
    '{name: x, type: string}',
    '{name: x, type: string, default: a}',
    'A.x: default none becomes "a"',
  ],
  [
    '{name: x, type: date}',
    '{name: x, type: date, defaultFrom: now}',
    'A.x: defaultFrom none becomes "now"',
  ],
  [
    '{name: x, type: string, maxLength: 5}',
    '{name: x, type: string, maxLength: 6}',
    'A.x: maxLength 5 becomes 6',
  ],
  [
    '{name: x, type: string, maxLength: 5}',
    '{name: x, type: string}',
    'A.x: maxLength 5 becomes none',
  ],
  [
    '{name: x, type: decimal, minimum: 10}',
    '{name: x, type: decimal, minimum: 9}',
    'A.x: minimum 10 becomes 9',
  ],
  [
    '{name: x, type: integer, maximum: 9}',
    '{name: x, type: integer, maximum: 10}',
    'A.x: maximum 9 becomes 10',
  ],
  [
    '{name: x, type: array, items: {type: decimal, representation: number}}',
    '{name: x, type: array, items: {type: decimal}}',
    'A.x[] is a string in answers',
  ],
  ['{name: x, type: string, pattern: a}', '{name: x, type: string}', 'A.x has no pattern any more'],
  [
    '{name: x, type: enum, values: [a]}',
    '{name: x, type: enum, values: [b, a]}',
    'A.x: the value b is new',
  ],
  [
    '{name: x, type: array, items: {type: string, maxLength: 1}}',
    '{name: x, type: array, items: {type: string}}',
    'A.x[]: maxLength 1 becomes none',
  ],
  [
    '{name: x, type: object, fields: [{name: y, type: string}]}',
    '{name: x, type: object, fields: [{name: y, type: string}, {name: z, type: string}]}',
    'A.x.z is new',
  ],
  ['{name: x, type: string}', '{name: x, type: string}, {name: y, type: string}', 'A.y is new'],
  [
    '{name: x, type: string}',
    '{name: x, type: string}, {name: y, type: string, default: a}',
    'A.y is new',
  ],
  [
    '{name: x, type: string}, {name: y, type: string}',
    '{name: y, type: string}, {name: x, type: string}',
    'the order of models, fields or values',
  ],
];

for (const [before, after, change] of ADDITIVE) {
  test(`additive: ${change}`, () => {
    const comparison = compareSchemas(withField(before), withField(after));
    assert.deepEqual(comparison, { kind: 'additive', changes: [change], reasons: [] });
  });
}

/** The field before, the field after, the path below models[0], the code and the reason. */
const BREAKING: [string, string, string, string, string][] = [
  [
    '{name: x, type: string}',
    '{name: x, type: text}',
    'fields[1].type',
    'type_changed',
    'A.x: type string becomes text',
  ],
  [
    '{name: x, type: string}, {name: y, type: string}',
    '{name: y, type: string}',
    'fields',
    'field_removed',
    'A.x is gone',
  ],
  [
    '{name: x, type: string}',
    '{name: x, type: string, required: true}',
    'fields[1].required',
    'field_required',
    'A.x becomes required',
  ],
  [
    '{name: x, type: string}',
    '{name: x, type: string}, {name: y, type: string, required: true, default: a}',
    'fields[2].required',
    'field_required',
    'A.y is new and required, and the rows that exist do not have it',
  ],
  [
    '{name: x, type: string, nullable: true}',
    '{name: x, type: string}',
    'fields[1].nullable',
    'constraint_narrowed',
    'A.x is no longer nullable',
  ],
  [
    '{name: x, type: string}',
    '{name: x, type: string, unique: true}',
    'fields[1].unique',
    'unique_added',
    'A.x becomes unique',
  ],
  [
    '{name: x, type: string}',
    '{name: x, type: string, maxLength: 5}',
    'fields[1].maxLength',
    'constraint_narrowed',
    'A.x: maxLength none becomes 5',
  ],
  [
    '{name: x, type: decimal, minimum: 9}',
    '{name: x, type: decimal, minimum: 10}',
    'fields[1].minimum',
    'constraint_narrowed',
    'A.x: minimum 9 becomes 10',
  ],
  [
    '{name: x, type: array, items: {type: string}, maxItems: 9}',
    '{name: x, type: array, items: {type: string}, maxItems: 8}',
    'fields[1].maxItems',
    'constraint_narrowed',
    'A.x: maxItems 9 becomes 8',
  ],
  [
    '{name: x, type: string, pattern: a}',
    '{name: x, type: string, pattern: b}',
    'fields[1].pattern',
    'constraint_narrowed',
    'A.x: the pattern becomes b',
  ],
  [
    '{name: x, type: enum, values: [a, b]}',
    '{name: x, type: enum, values: [b]}',
    'fields[1].values',
    'value_removed',
    'A.x: the value a is gone',
  ],
  [
    '{name: x, type: array, items: {type: string}}',
    '{name: x, type: array, items: {type: integer}}',
    'fields[1].items.type',
    'type_changed',
    'A.x[]: type string becomes integer',
  ],
  [
    '{name: x, type: object, fields: [{name: y, type: string}]}',
    '{name: x, type: object, fields: [{name: y, type: string, required: true}]}',
    'fields[1].fields[0].required',
    'field_required',
    'A.x.y becomes required',
  ],
];

for (const [before, after, path, code, reason] of BREAKING) {
  test(`breaking: ${reason}`, () => {
    const comparison = compareSchemas(withField(before), withField(after));
    assert.equal(comparison.kind, 'breaking');
    assert.deepEqual(
      comparison.reasons.map((p) => [p.path, p.code, p.message]),
      [[`models[0].${path}`, code, reason]],
    );
    assert.deepEqual(comparison.changes, [reason]);
  });
}

const MODELS: [string, string, string, string[]][] = [
  [
    `{name: A, fields: [${ID}]}`,
    `{name: A, fields: [${ID}]}, {name: B, fields: [${ID}]}`,
    'additive',
    [],
  ],
  [
    `{name: A, fields: [${ID}]}, {name: B, fields: [${ID}]}`,
    `{name: A, fields: [${ID}]}`,
    'breaking',
    ['model_removed'],
  ],
  [
    `{name: A, fields: [${ID}]}`,
    `{name: A, path: /api/x, fields: [${ID}]}`,
    'breaking',
    ['path_changed'],
  ],
  [
    `{name: A, fields: [${ID}]}`,
    '{name: A, fields: [{name: key, type: uuid, primaryKey: true}]}',
    'breaking',
    ['primary_key_changed', 'field_removed'],
  ],
  [
    `{name: A, fields: [${ID}, {name: b, type: reference, to: A}]}, {name: B, fields: [${ID}]}`,
    `{name: A, fields: [${ID}, {name: b, type: reference, to: B}]}, {name: B, fields: [${ID}]}`,
    'breaking',
    ['reference_changed'],
  ],
];

for (const [before, after, kind, codes] of MODELS) {
  test(`${kind}: ${before} becomes ${after}`, () => {
    const comparison = compareSchemas(
      schemaOf(`models: [${before}]`),
      schemaOf(`models: [${after}]`),
    );
    assert.equal(comparison.kind, kind);
    assert.deepEqual(
      comparison.reasons.map(({ code }) => code),
      codes,
    );
  });
}

test('settings of the store may change, and the cluster is not part of the schema', () => {
  const base = `models: [{name: A, fields: [${ID}]}]`;
  const settings = compareSchemas(schemaOf(base), schemaOf(`${base}\nstore: {batchSize: 10}`));
  assert.deepEqual(settings.changes, ['store.batchSize: 100 becomes 10']);
  assert.equal(settings.kind, 'additive');
  const voters = compareSchemas(schemaOf(base), schemaOf(`${base}\ncluster: {voters: 5}`));
  assert.deepEqual(voters, { kind: 'same', changes: [], reasons: [] });
});

test('one reason does not hide another', () => {
  const before = withField('{name: x, type: string}, {name: y, type: string}');
  const after = withField('{name: x, type: integer}, {name: z, type: string, required: true}');
  const codes = compareSchemas(before, after).reasons.map(({ code }) => code);
  assert.deepEqual(codes, ['type_changed', 'field_required', 'field_removed']);
});
