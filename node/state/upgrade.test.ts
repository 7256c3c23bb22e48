import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalJson, type ModelSchema, type Schema } from '@lithair/crds';
import fc from 'fast-check';
import { encodeEntry, type PutChange } from '../entry/index.ts';
import { keyOfId, NULL_KEY } from '../values/index.ts';
import { parseRow, type ReplicatedState, restoreState, rowKeys, stateHash } from './index.ts';
import { BRAND, field, idsOf, NOW_MS, SHOP, shopState, write } from './testing/shop.ts';

/** Brands as three schemas have them: each adds fields before, between and behind those before. */
const MODELS: readonly ModelSchema[] = [
  BRAND,
  {
    ...BRAND,
    fields: [
      field('rank', 'integer', { default: 7, index: 'ordered' }),
      ...BRAND.fields,
      field('slug', 'string', { unique: true }),
      field('note', 'string', { default: 'n' }),
    ],
  },
  {
    ...BRAND,
    fields: [
      field('home', 'string', { default: 'nowhere', index: 'hash' }),
      field('rank', 'integer', { default: 9, index: 'ordered' }),
      ...BRAND.fields.map((each) => (each.name === 'title' ? { ...each, unique: false } : each)),
      field('slug', 'string', { unique: true, index: 'ordered' }),
      field('note', 'string', { default: 'n', index: 'ordered' }),
    ],
  },
];

const schemaAt = (step: number): Schema => {
  const [, ...others] = SHOP.models;
  return { ...SHOP, models: [MODELS[step] ?? assert.fail(), ...others] };
};

function changeSchema(state: ReplicatedState): void {
  const data = encodeEntry({
    kind: 'schema',
    memberId: 1,
    timestampMs: NOW_MS,
    expectedSchemaVersion: state.schemaVersion,
    schemaJson: canonicalJson(schemaAt(state.schemaVersion)),
  });
  const result = state.apply(state.appliedIndex + 1, 1, data);
  assert.ok(result.kind === 'schema' && result.outcome.kind === 'applied');
}

const brands = (state: ReplicatedState) => state.model('Brand') ?? assert.fail();

/** Writes a brand as the leader would under the schema of the moment. */
function put(state: ReplicatedState, code: string, title: string | null): void {
  const model = brands(state);
  const before = model.get(code);
  const note = title === null ? 'plain' : `about ${title}`;
  const row = { ...(before && parseRow(before.json)), code, title, parent: null, note };
  const complete = Object.fromEntries(
    model.schema.fields.map(({ name }) => [
      name,
      Object.entries(row).find(([n]) => n === name)?.[1] ?? null,
    ]),
  );
  const change: PutChange = {
    effect: before === undefined ? 'created' : 'updated',
    model: 'Brand',
    id: code,
    expectedVersion: before?.version ?? model.deletedVersion(code),
    json: JSON.stringify(complete),
    keys: rowKeys(model.plan, complete),
  };
  const { schemaVersion } = state;
  state.apply(state.appliedIndex + 1, 1, write([change], { schemaVersion }));
}

function remove(state: ReplicatedState, id: string): void {
  const expectedVersion = brands(state).versionOf(id);
  const change = { effect: 'deleted', model: 'Brand', id, expectedVersion } as const;
  const { schemaVersion } = state;
  state.apply(state.appliedIndex + 1, 1, write([change], { schemaVersion }));
}

function assertConsistent(state: ReplicatedState): void {
  const model = brands(state);
  const rows = [...model.scan({ descending: false })];
  for (const row of rows) {
    assert.deepEqual(
      Object.keys(parseRow(row.json)),
      model.schema.fields.map(({ name }) => name),
    );
    assert.deepEqual(row.keys, rowKeys(model.plan, parseRow(row.json)));
    for (const [position, name] of model.indexedFields.entries()) {
      const key: string = row.keys[position] ?? NULL_KEY;
      const same: typeof rows = rows.filter(({ keys }) => keys[position] === key);
      assert.deepEqual(idsOf(model.lookup(name, key)), idsOf(same));
    }
  }
}

describe('rows from before a model change', () => {
  it('read as the model of today has them, under every field that is indexed', () => {
    const state = shopState();
    put(state, 'b', 'Bé');
    put(state, 'a', null);
    changeSchema(state);
    const model = brands(state);
    assert.equal(
      model.get('b')?.json,
      '{"rank":7,"code":"b","title":"Bé","parent":null,"slug":null,"note":"n"}',
    );
    assert.equal(model.get('b')?.version, 1);
    assert.deepEqual(idsOf(model.range('rank', { descending: true })), ['b', 'a']);
    assert.deepEqual(idsOf(model.lookup('slug', NULL_KEY)), ['a', 'b']);
    assert.deepEqual(idsOf(model.lookup('title', 'Bé')), ['b']);
    assert.deepEqual(idsOf(model.lookup('parent', keyOfId('x'))), []);
  });

  it('keep the default of the time when a field came', () => {
    const state = shopState();
    put(state, 'a', 'A');
    changeSchema(state);
    changeSchema(state);
    assert.match(brands(state).get('a')?.json ?? '', /^{"home":"nowhere","rank":7,/);
  });

  it('are the same in a snapshot whether they were written again or not', async () => {
    const state = shopState();
    for (let n = 0; n < 300; n++) put(state, `brand-${n}`, `Title ${n}`);
    changeSchema(state);
    const changed = await restoreState(state.snapshot());
    assert.equal(stateHash(changed), stateHash(state));
    for (const each of [state, changed]) {
      for (let n = 0; n < 200; n++) put(each, 'other', `Other ${n}`);
      assertConsistent(each);
    }
    assert.equal(stateHash(changed), stateHash(state));
  });

  it('show as they were in a snapshot from before', async () => {
    const state = shopState();
    put(state, 'a', 'A');
    const hash = stateHash(state);
    const snapshot = state.snapshot();
    changeSchema(state);
    put(state, 'a', 'B');
    assert.equal(stateHash(await restoreState(snapshot)), hash);
  });

  it('come to the same on every way: replayed, restored, or changed by many writes', async () => {
    const code = fc.integer({ min: 0, max: 30 }).map((n) => `code-${n}`);
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constant('put' as const), code) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('remove' as const), code) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('change' as const), code) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (steps) => {
        const state = shopState();
        let other = shopState();
        for (const [at, [kind, id]] of steps.entries()) {
          for (const each of [state, other]) {
            if (kind === 'put') put(each, id, at % 3 === 0 ? null : `Title ${at}`);
            else if (kind === 'remove' && each.versionOf('Brand', id) > 0) remove(each, id);
            else if (kind === 'change' && each.schemaVersion < MODELS.length) changeSchema(each);
          }
          if (kind === 'change') other = await restoreState(other.snapshot());
        }
        assertConsistent(state);
        assertConsistent(other);
        assert.equal(stateHash(other), stateHash(state));
      }),
      { numRuns: 60 },
    );
  });
});
