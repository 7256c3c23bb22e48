import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { canonicalJson } from './compile.ts';
import { compareSchemas, compileSchema, parseSchema, type Schema, validateSpec } from './index.ts';

const ID = '{name: id, type: uuid, primaryKey: true}';

function validated(models: string) {
  return validateSpec(parse(`models: [${models}]`));
}

function schemaOf(models: string): Schema {
  const result = validated(models);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return compileSchema(result.value);
}

const SOFT = 'lifecycle: {softDelete: true}';
const BRAND = `{name: Brand, fields: [${ID}]}`;
const FIELDS = `${ID}, {name: sku, type: string, unique: true}, {name: brand, type: reference, to: Brand}`;
const PRODUCT = `{name: Product, fields: [${FIELDS}], ${SOFT}}`;

test('deleted rows are a model behind the others, with no unique value and no reference', () => {
  const { models } = schemaOf(`${PRODUCT}, ${BRAND}`);
  assert.deepEqual(
    models.map(({ name, path }) => [name, path]),
    [
      ['Product', '/api/products'],
      ['Brand', '/api/brands'],
      ['ProductDeleted', '/api/products/_deleted'],
    ],
  );
  const [, , deleted] = models;
  assert.deepEqual(deleted?.deletedOf, 'Product');
  assert.deepEqual(deleted?.methods, ['GET', 'DELETE']);
  assert.deepEqual(
    deleted?.fields.map(({ name, type, unique, index, to }) => [name, type, unique, index, to]),
    [
      ['id', 'uuid', false, 'none', undefined],
      ['sku', 'string', false, 'hash', undefined],
      ['brand', 'uuid', false, 'hash', undefined],
      ['deletedAt', 'datetime', false, 'ordered', undefined],
      ['deletedBy', 'string', false, 'none', undefined],
    ],
  );
});

test('the compiled schema with deleted rows reads back as it is', () => {
  const schema = schemaOf(`${PRODUCT}, ${BRAND}`);
  assert.deepEqual(parseSchema(canonicalJson(schema)), schema);
});

test('computed fields are still computed: whoever may not read what they are made of knows neither', () => {
  const computed = '{name: size, type: integer, computed: "self.sku.size()"}';
  const fields = `${ID}, {name: sku, type: string, required: true}, ${computed}`;
  const { models } = schemaOf(`{name: Product, fields: [${fields}], ${SOFT}}`);
  const of = (name: string) =>
    models.find((model) => model.name === name)?.fields.find((field) => field.name === 'size');
  assert.equal(of('ProductDeleted')?.computed, of('Product')?.computed);
  assert.equal(of('ProductDeleted')?.computed, 'self.sku.size()');
});

test('turning it on is additive, and turning it off would lose rows', () => {
  const off = schemaOf(`{name: Product, fields: [${FIELDS}]}, ${BRAND}`);
  const on = schemaOf(`${PRODUCT}, ${BRAND}`);
  assert.equal(compareSchemas(off, on).kind, 'additive');
  assert.equal(compareSchemas(on, on).kind, 'same');
  const { kind, reasons } = compareSchemas(on, off);
  assert.equal(kind, 'breaking');
  assert.deepEqual(
    reasons.map(({ path, code }) => [path, code]),
    [['models[0].lifecycle.softDelete', 'soft_delete_removed']],
  );
});

test('a model that is called as the deleted rows of another one is not turned into them', () => {
  const own = schemaOf(
    `{name: Brand, fields: [${ID}]}, {name: BrandDeleted, fields: [${ID}, {name: note, type: text}]}`,
  );
  const soft = schemaOf(`{name: Brand, fields: [${ID}], ${SOFT}}`);
  for (const [old, next, code] of [
    [own, soft, 'model_removed'],
    [soft, own, 'soft_delete_removed'],
  ] as const) {
    const { kind, reasons } = compareSchemas(old, next);
    assert.equal(kind, 'breaking');
    assert.deepEqual(
      reasons.map((each) => each.code),
      [code],
    );
  }
});

test('a change of the model is told once, and not of its deleted rows, too', () => {
  const before = schemaOf(`{name: Brand, fields: [${ID}], ${SOFT}}`);
  const after = schemaOf(`{name: Brand, fields: [${ID}, {name: note, type: text}], ${SOFT}}`);
  assert.deepEqual(compareSchemas(before, after), {
    kind: 'additive',
    changes: ['Brand.note is new'],
    reasons: [],
  });
});

const REFUSED: [string, string, RegExp][] = [
  [
    `{name: Brand, fields: [${ID}], ${SOFT}}, {name: BrandDeleted, fields: [${ID}]}`,
    'models[0].lifecycle.softDelete',
    /are called "BrandDeleted"/,
  ],
  [
    `{name: Brand, fields: [${ID}, {name: deletedAt, type: datetime}], ${SOFT}}`,
    'models[0].fields[1].name',
    /"deletedAt" is what softDelete adds/,
  ],
];

for (const [models, path, message] of REFUSED) {
  test(`refused at ${path}`, () => {
    const result = validated(models);
    assert.ok(!result.ok);
    assert.deepEqual(
      result.problems.map((each) => each.path),
      [path],
    );
    assert.match(result.problems[0]?.message ?? '', message);
  });
}
