import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareSchemas, compileSchema, validateSpec } from './index.ts';

const FIELDS = [
  { name: 'id', type: 'uuid', primaryKey: true },
  { name: 'warehouse', type: 'string' },
  { name: 'sku', type: 'string' },
  { name: 'note', type: 'text' },
];

function model(indexes: unknown, more: object = {}, fields: readonly object[] = FIELDS) {
  return { auth: { mode: 'open' }, models: [{ name: 'Stock', fields, indexes, ...more }] };
}

function refusals(indexes: unknown, more: object = {}): string[] {
  const found = validateSpec(model(indexes, more));
  return found.ok ? [] : found.problems.map(({ path, message }) => `${path}: ${message}`);
}

function schemaOf(indexes: unknown, fields: readonly object[] = FIELDS) {
  const found = validateSpec(
    indexes === null ? model(undefined, {}, fields) : model(indexes, {}, fields),
  );
  assert.ok(found.ok, JSON.stringify(found));
  return compileSchema(found.value);
}

const PAIR = ['warehouse', 'sku'];
const AT = 'models[0].indexes[0]';

describe('an index over several fields', () => {
  it('is part of the schema as it is written', () => {
    const [stock] = schemaOf([
      { fields: PAIR, unique: 'live' },
      { fields: ['sku', 'warehouse'] },
    ]).models;
    const wanted = [{ fields: PAIR, unique: 'live' }, { fields: ['sku', 'warehouse'] }];
    assert.deepEqual(stock?.indexes, wanted);
  });

  it('is of two fields and more that the model has, each once', () => {
    assert.deepEqual(refusals([{ fields: ['sku'] }]), [
      `${AT}.fields: an index over one field is said of the field (index, unique), but with where or unique: forever`,
    ]);
    assert.deepEqual(refusals([{ fields: ['sku', 'skv'] }]), [
      `${AT}.fields[1]: there is no field "skv" in the model`,
    ]);
    assert.deepEqual(refusals([{ fields: ['sku', 'sku'] }]), [
      `${AT}.fields[1]: the field "sku" is there twice`,
    ]);
    assert.match(refusals([{ fields: ['sku', 'id'] }]).join(), /"id" is the primary key/);
    assert.match(refusals([{ fields: ['sku', 'note'] }]).join(), /takes no field of type text/);
    assert.deepEqual(refusals([{ fields: PAIR }, { fields: PAIR, unique: 'live' }]), [
      'models[0].indexes[1]: a second index has these fields',
    ]);
  });

  it('cannot be unique where nodes write by themselves', () => {
    const persistence = { consistency: 'eventual' };
    assert.match(
      refusals([{ fields: PAIR, unique: 'live' }], { persistence }).join(),
      /excludes unique/,
    );
    assert.deepEqual(refusals([{ fields: PAIR }], { persistence }), []);
  });

  it('that is unique forever has a model of used values, which stays', () => {
    const live = schemaOf([{ fields: PAIR, unique: 'live' }]);
    const forever = schemaOf([
      { fields: ['sku'], unique: 'forever' },
      { fields: PAIR, unique: 'live' },
    ]);
    assert.deepEqual(
      forever.models.map(({ name, usedBy, methods }) => [name, usedBy, methods]),
      [
        ['Stock', undefined, undefined],
        ['StockUsedValues', 'Stock', []],
      ],
    );
    const pair = schemaOf([{ fields: PAIR, unique: 'forever' }]);
    assert.deepEqual(compareSchemas(live, pair), {
      kind: 'additive',
      changes: ['Stock: (warehouse, sku) becomes unique forever'],
      reasons: [],
    });
    const back = compareSchemas(pair, live);
    assert.equal(back.kind, 'breaking');
    assert.equal(back.reasons[0]?.code, 'used_values_removed');
    const clash = validateSpec({
      auth: { mode: 'open' },
      models: [
        { name: 'A', fields: FIELDS, indexes: [{ fields: ['sku'], unique: 'forever' }] },
        { name: 'AUsedValues', fields: FIELDS },
      ],
    });
    assert.ok(!clash.ok);
    assert.match(clash.problems[0]?.message ?? '', /its used values are called "AUsedValues"/);
  });

  it('that is unique forever takes no other model for its used values', () => {
    const modelsOf = (unique: string, ...more: object[]) => {
      const indexes = [{ fields: PAIR, unique }];
      const models = [{ name: 'A', fields: FIELDS, indexes }, ...more];
      const found = validateSpec({ auth: { mode: 'open' }, models });
      assert.ok(found.ok, JSON.stringify(found));
      return compileSchema(found.value);
    };
    const own = modelsOf('live', { name: 'AUsedValues', fields: FIELDS });
    const { kind, reasons } = compareSchemas(own, modelsOf('forever'));
    assert.equal(kind, 'breaking');
    assert.deepEqual(
      reasons.map(({ code, message }) => [code, message]),
      [['model_removed', 'model AUsedValues is gone']],
    );
    const back = compareSchemas(modelsOf('forever'), own);
    assert.deepEqual(
      back.reasons.map(({ code }) => code),
      ['used_values_removed'],
    );
  });

  it('comes and goes as an additive change', () => {
    const added = compareSchemas(schemaOf(null), schemaOf([{ fields: PAIR }]));
    assert.equal(added.kind, 'additive');
    assert.deepEqual(added.changes, ['Stock: the index (warehouse, sku) is new']);
    const gone = compareSchemas(schemaOf([{ fields: PAIR, unique: 'live' }]), schemaOf(null));
    assert.equal(gone.kind, 'additive');
    assert.deepEqual(gone.changes, ['Stock: the index (warehouse, sku) is gone']);
  });

  it('becomes unique only where no rows that exist can have values in common', () => {
    const unique = [{ fields: PAIR, unique: 'live' }];
    const breaking = compareSchemas(schemaOf([{ fields: PAIR }]), schemaOf(unique));
    assert.equal(breaking.kind, 'breaking');
    assert.deepEqual(
      breaking.reasons.map(({ path, code }) => [path, code]),
      [[`${AT}.unique`, 'unique_added']],
    );
    const more = [...FIELDS, { name: 'lot', type: 'string' }];
    const withNew = schemaOf([{ fields: ['sku', 'lot'], unique: 'live' }], more);
    assert.equal(compareSchemas(schemaOf(null), withNew).kind, 'additive');
    assert.equal(compareSchemas(schemaOf(unique), schemaOf([{ fields: PAIR }])).kind, 'additive');
  });
});
