import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSchemas, compileSchema, type Schema, validateSpec } from './index.ts';

const ID = { name: 'id', type: 'uuid', primaryKey: true };

function specOf(models: readonly object[]) {
  return validateSpec({ auth: { mode: 'open' }, models });
}

function problemsOf(...models: readonly object[]): readonly string[] {
  const validation = specOf(models);
  return validation.ok ? [] : validation.problems.map((p) => `${p.path}: ${p.message}`);
}

function eventual(fields: readonly object[], more: object = {}) {
  return {
    name: 'Memo',
    fields: [ID, ...fields],
    persistence: { consistency: 'eventual' },
    ...more,
  };
}

function schemaOf(...models: readonly object[]): Schema {
  const validation = specOf(models);
  if (!validation.ok) throw new Error(JSON.stringify(validation.problems));
  return compileSchema(validation.value);
}

test('an eventual model takes what can be kept without asking other nodes', () => {
  const fields = [
    { name: 'text', type: 'string', required: true, index: 'hash', maxLength: 10 },
    { name: 'takenAt', type: 'datetime', immutable: true, defaultFrom: 'now', index: 'ordered' },
  ];
  assert.deepEqual(problemsOf(eventual(fields, { lifecycle: { audited: true } })), []);
  assert.equal(schemaOf(eventual(fields)).models[0]?.consistency, 'eventual');
});

test('unique is refused with its reason', () => {
  assert.deepEqual(problemsOf(eventual([{ name: 'sku', type: 'string', unique: true }])), [
    'models[0].fields[1].unique: consistency eventual excludes unique: two nodes may take the same value at the same time',
  ]);
});

test('references from and to it are refused where they stand', () => {
  const brand = { name: 'Brand', fields: [ID] };
  const from = eventual([{ name: 'brand', type: 'reference', to: 'Brand' }]);
  assert.deepEqual(problemsOf(from, brand), [
    'models[0].fields[1].type: consistency eventual excludes a reference: the row that it points to may be gone on another node',
  ]);
  const item = { name: 'Item', fields: [ID, { name: 'memo', type: 'reference', to: 'Memo' }] };
  assert.deepEqual(problemsOf(eventual([]), item), [
    'models[1].fields[1].to: a reference cannot point to "Memo": with consistency eventual, its rows come and go without asking',
  ]);
});

function chosen(durability: string) {
  return eventual([], { persistence: { consistency: 'eventual', durability } });
}

test('what a write waits for cannot be chosen, and the default may be written out', () => {
  assert.deepEqual(problemsOf(chosen('quorum')), []);
  assert.notDeepEqual(problemsOf(chosen('leader')), []);
});

test('it keeps ten versions where nothing is said of its past, so that losing writes stay visible', () => {
  assert.equal(schemaOf(eventual([])).models[0]?.lifecycle?.versioned, 10);
  const audited = schemaOf(eventual([], { lifecycle: { audited: true } })).models[0];
  assert.equal(audited?.lifecycle?.versioned, undefined);
  const field = { name: 'text', type: 'string', historize: { mode: 'full' } };
  assert.equal(schemaOf(eventual([field])).models[0]?.lifecycle, undefined);
});

test('a model cannot become eventual, or cease to be', () => {
  const strong = { name: 'Memo', fields: [ID], lifecycle: { versioned: 10 } };
  for (const [old, next] of [
    [schemaOf(strong), schemaOf(eventual([]))],
    [schemaOf(eventual([])), schemaOf(strong)],
  ] as const) {
    const comparison = compareSchemas(old, next);
    assert.equal(comparison.kind, 'breaking');
    assert.deepEqual(
      comparison.reasons.map(({ code }) => code),
      ['consistency_changed'],
    );
  }
});
