import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalJson, type ModelSchema, type Schema } from '@lithair/crds';
import fc from 'fast-check';
import { encodeEntry, type PutChange } from '../entry/index.ts';
import { keyOfId, NULL_KEY } from '../values/index.ts';
import {
  compute,
  parseRow,
  type ReplicatedState,
  restoreState,
  rowKeys,
  stateHash,
} from './index.ts';
import { BRAND, field, idsOf, NOW_MS, SHOP, shopState, write } from './testing/shop.ts';
import { leaveToSnapshot } from './testing/snapshot-file.ts';

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
      field('label', 'string', { index: 'ordered', computed: 'self.note + self.code' }),
      field('tint', 'string', { default: 'red', index: 'bloom' }),
      field('kind', 'string', { index: 'bloom', computed: 'self.code' }),
      field('grade', 'string', { index: 'hash', computed: 'self.note' }),
    ],
    indexes: [
      { fields: ['rank', 'title'] },
      { fields: ['slug', 'note'], unique: 'live' },
      { fields: ['note'], where: 'has(self.title)' },
      { fields: ['rank'], where: 'self.rank == 7' },
    ],
  },
  {
    ...BRAND,
    fields: [
      field('home', 'string', { default: 'nowhere', index: 'hash' }),
      field('rank', 'integer', { default: 9, index: 'ordered' }),
      ...BRAND.fields.map((each) =>
        each.name === 'title' ? ({ ...each, unique: false, collation: 'ci' } as const) : each,
      ),
      field('slug', 'string', { unique: true, index: 'ordered' }),
      field('note', 'string', { default: 'n', index: 'ordered' }),
      field('mark', 'string', { index: 'hash', computed: 'self.label + self.home' }),
      field('label', 'string', { index: 'ordered', computed: 'self.title + self.code' }),
      field('tint', 'string', { default: 'red', index: 'bloom' }),
      field('kind', 'string', { index: 'hash', computed: 'self.code' }),
      field('grade', 'string', { index: 'bloom', computed: 'self.note' }),
    ],
    indexes: [
      { fields: ['home', 'note'] },
      { fields: ['slug', 'note'] },
      { fields: ['title', 'rank', 'parent'] },
      { fields: ['note'], where: 'has(self.title)' },
      { fields: ['rank', 'home'], where: 'self.label >= "T"' },
    ],
  },
];

const schemaAt = (step: number): Schema => {
  const [, ...others] = SHOP.models;
  const brand = { ...(MODELS[step] ?? assert.fail()), adaptive: { cacheMiB: 1 } };
  return { ...SHOP, models: [brand, ...others] };
};

/** Decides the next schema, and puts it in force. */
function changeSchema(state: ReplicatedState): void {
  if (decideSchema(state) === 'preparing') activate(state);
}

function decideSchema(state: ReplicatedState, next = schemaAt(state.schemaVersion)): string {
  const data = encodeEntry({
    kind: 'schema',
    memberId: 1,
    timestampMs: NOW_MS,
    expectedSchemaVersion: state.schemaVersion,
    schemaJson: canonicalJson(next),
  });
  const result = state.apply(state.appliedIndex + 1, 1, data);
  assert.ok(result.kind === 'schema');
  return result.outcome.kind === 'rejected' ? result.outcome.code : result.outcome.kind;
}

function activation(schemaVersion: number): Uint8Array {
  return encodeEntry({ kind: 'activate', memberId: 1, timestampMs: NOW_MS, schemaVersion });
}

function activate(state: ReplicatedState): void {
  const data = activation(state.schemaVersion + 1);
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
  compute(model.schema, complete);
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

/** One step of a random run, where the state allows it. */
function takeStep(state: ReplicatedState, kind: string, id: string, title: string | null): void {
  if (kind === 'put') put(state, id, title);
  else if (kind === 'remove' && state.versionOf('Brand', id) > 0) remove(state, id);
  else if (kind === 'decide' && state.schemaVersion < MODELS.length) decideSchema(state);
  else if (kind === 'activate' && state.pendingChange !== null) activate(state);
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
      if (model.plan.indexed[position]?.isBloom === true) {
        assert.equal(model.lacks(name, key), false, `${row.id} ${name}`);
        continue;
      }
      // Rows that an index leaves out have no key in it.
      if (key === NULL_KEY && model.plan.indexed[position]?.isPartial === true) continue;
      assert.deepEqual(idsOf(model.lookup(name, key)), idsOf(same));
    }
  }
}

/** Brands with a computed enum that lists these values, which indexes follow in three ways. */
function sizedBy(...values: string[]): Schema {
  const computed = 'has(self.title) ? "titled" : "none"';
  const size = field('size', 'enum', { values, index: 'ordered', computed });
  const brand: ModelSchema = {
    ...BRAND,
    fields: [...BRAND.fields, field('rank', 'integer'), size],
    indexes: [
      { fields: ['code', 'title'], where: 'has(self.size)' },
      { fields: ['rank'], where: 'self.size == "none"' },
    ],
  };
  return { ...SHOP, models: [brand, ...SHOP.models.slice(1)] };
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
      '{"rank":7,"code":"b","title":"Bé","parent":null,"slug":null,"note":"n","label":"nb",' +
        '"tint":"red","kind":"b","grade":"n"}',
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

  it('are computed anew where a field is computed in another way', () => {
    const state = shopState();
    put(state, 'a', 'A');
    put(state, 'b', null);
    changeSchema(state);
    changeSchema(state);
    const [a, b] = ['a', 'b'].map((code) => brands(state).get(code)?.json ?? assert.fail());
    assert.deepEqual(parseRow(a ?? '')['label'], 'Aa');
    assert.deepEqual(parseRow(a ?? '')['mark'], 'Aanowhere');
    assert.deepEqual(parseRow(b ?? '')['mark'], null);
    assert.deepEqual(idsOf(brands(state).lookup('mark', 'Aanowhere')), ['a']);
    assert.deepEqual(idsOf(brands(state).lookup('label', 'na')), []);
  });

  it('have the values that a computed enum lists by now, in every index', async () => {
    const state = shopState({}, sizedBy('titled'));
    put(state, 'a', 'A');
    put(state, 'b', null);
    assert.deepEqual(idsOf(brands(state).lookup('size', NULL_KEY)), ['b']);
    assert.equal(decideSchema(state, sizedBy('titled', 'none')), 'preparing');
    activate(state);
    assertConsistent(state);
    assert.equal(parseRow(brands(state).get('b')?.json ?? '')['size'], 'none');
    assert.deepEqual(idsOf(brands(state).lookup('size', NULL_KEY)), []);
    const restored = await restoreState(state.snapshot());
    assertConsistent(restored);
    assert.equal(stateHash(restored), stateHash(state));
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

  it('come to the same on every way: replayed, restored, prepared early or late, in files', async () => {
    const code = fc.integer({ min: 0, max: 30 }).map((n) => `code-${n}`);
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constant('put' as const), code) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('remove' as const), code) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('decide' as const), code) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('prepare' as const), code) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('activate' as const), code) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('restore' as const), code) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('leave' as const), code) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('cool' as const), code) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (steps) => {
        const state = shopState({}, schemaAt(0));
        let other = shopState({}, schemaAt(0));
        for (const [at, [kind, id]] of steps.entries()) {
          for (const each of [state, other]) {
            takeStep(each, kind, id, at % 3 === 0 ? null : `Title ${at}`);
          }
          if (kind === 'prepare') brands(state).prepareSome(3);
          if (kind === 'leave') leaveToSnapshot(state);
          if (kind === 'cool') brands(state).store.coolSome(3);
          if (kind === 'restore') other = await restoreState(other.snapshot());
          assert.equal(stateHash(other), stateHash(state));
        }
        assertConsistent(state);
        assertConsistent(other);
        assert.equal(stateHash(other), stateHash(state));
      }),
      { numRuns: 60 },
    );
  });
});

/** Brands of the second schema, so that the third adds indexes to fields that they have. */
function filled(count: number): ReplicatedState {
  const state = shopState();
  changeSchema(state);
  for (let n = 0; n < count; n++) put(state, `brand-${n}`, `Title ${n}`);
  return state;
}

describe('an index on a field that there was', () => {
  it('is built in slices, while the model before goes on serving', () => {
    const state = filled(250);
    assert.equal(decideSchema(state), 'preparing');
    assert.equal(state.schemaVersion, 2);
    assert.deepEqual(brands(state).indexedFields, [
      'rank',
      'title',
      'parent',
      'slug',
      'label',
      'tint',
      'kind',
      'grade',
      '(rank, title)',
      '(slug, note)',
      '(note) where has(self.title)',
      '(rank) where self.rank == 7',
    ]);
    const { prepared, total } = state.preparation ?? assert.fail();
    assert.deepEqual([prepared, total], [0, 250]);
    assert.equal(state.prepareSome(), false);
    put(state, 'brand-150', 'Another');
    put(state, 'late', 'Late');
    remove(state, 'brand-170');
    assertConsistent(state);
    assert.equal(state.readyFor(activation(3)), false);
    while (!state.readyFor(activation(3)));
    activate(state);
    assert.equal(state.preparation, null);
    assertConsistent(state);
    const found = brands(state).range('note', {
      from: { key: 'about Late', inclusive: true },
      descending: false,
    });
    assert.equal(idsOf(found)[0], 'late');
  });

  it('takes slices of bounded size', () => {
    const state = filled(1000);
    decideSchema(state);
    for (let last = 0; !state.prepareSome(); ) {
      const { prepared } = state.preparation ?? assert.fail();
      assert.ok(prepared > last && prepared - last <= 100);
      last = prepared;
    }
  });

  it('is refused while another change is prepared, and is in force once only', () => {
    const state = filled(10);
    assert.equal(decideSchema(state), 'preparing');
    assert.equal(decideSchema(state), 'in_progress');
    const other = state.apply(state.appliedIndex + 1, 1, activation(4));
    assert.ok(other.kind === 'schema' && other.outcome.kind === 'rejected');
    activate(state);
    const again = state.apply(state.appliedIndex + 1, 1, activation(3));
    assert.ok(again.kind === 'schema' && again.outcome.kind === 'rejected');
  });

  it('goes on behind a restart from a snapshot that was taken meanwhile', async () => {
    const state = filled(150);
    decideSchema(state);
    state.prepareSome();
    const restored = await restoreState(state.snapshot());
    assert.equal(restored.preparation?.total, 150);
    assert.equal(stateHash(restored), stateHash(state));
    for (const each of [state, restored]) {
      put(each, 'x', 'X');
      activate(each);
      assertConsistent(each);
    }
    assert.equal(stateHash(restored), stateHash(state));
  });

  it('is in force at once where there is no row to look at, and in old logs', () => {
    const empty = filled(0);
    assert.equal(decideSchema(empty), 'applied');
    const old = filled(5);
    const data = encodeEntry({
      kind: 'schema',
      memberId: 1,
      timestampMs: NOW_MS,
      expectedSchemaVersion: 2,
      schemaJson: canonicalJson(schemaAt(2)),
      atOnce: true,
    });
    const result = old.apply(old.appliedIndex + 1, 1, data);
    assert.ok(result.kind === 'schema' && result.outcome.kind === 'applied');
    assertConsistent(old);
  });
});

describe('a model with indexes of a part of its rows', () => {
  const PARTS: ModelSchema = {
    ...BRAND,
    fields: [...BRAND.fields, field('label', 'string', { computed: 'self.title + self.code' })],
    indexes: [
      { fields: ['title'], where: 'has(self.title)' },
      { fields: ['title'], where: 'self.title > "M"', unique: 'live' },
      { fields: ['title'], where: 'self.title > "P"', unique: 'forever' },
      { fields: ['parent', 'title'], where: 'self.label >= "T"' },
    ],
  };
  const [, ...OTHERS] = SHOP.models;
  const schemaOf = (brand: Partial<ModelSchema>, others = OTHERS): Schema => ({
    ...SHOP,
    models: [{ ...PARTS, ...brand }, ...others],
  });
  const filledParts = (): ReplicatedState => {
    const state = shopState({}, schemaOf({}));
    for (let n = 0; n < 30; n++) put(state, `brand-${n}`, n % 3 === 0 ? null : `Title ${n}`);
    return state;
  };

  /** Of both models and of the store, and one that puts the same indexes at other positions. */
  const CHANGES: readonly Schema[] = [
    schemaOf({ cacheSeconds: 1 }),
    schemaOf({ cacheSeconds: 2 }),
    schemaOf(
      { cacheSeconds: 2 },
      OTHERS.map((model) => ({ ...model, cacheSeconds: 3 })),
    ),
    { ...schemaOf({}), store: { ...SHOP.store, batchSize: SHOP.store.batchSize + 1 } },
    schemaOf({ fields: [field('rank', 'integer', { index: 'ordered' }), ...PARTS.fields] }),
    schemaOf({ fields: [field('rank', 'integer', { index: 'ordered' }), ...PARTS.fields] }),
  ];

  it('takes any number of changes that need nothing of its rows, each at once', async () => {
    const state = filledParts();
    let restored = await restoreState(state.snapshot());
    for (const [at, next] of CHANGES.entries()) {
      for (const each of [state, restored]) {
        assert.equal(decideSchema(each, next), 'applied');
        assert.equal(brands(each).store.isPreparing, false);
        assert.equal(brands(each).store.takesPlain, true);
        put(each, `brand-${at}`, `Title of ${at}`);
        remove(each, `brand-${at + 10}`);
        assertConsistent(each);
      }
      restored = await restoreState(restored.snapshot());
      assert.equal(stateHash(restored), stateHash(state));
    }
  });

  it('builds the one whose condition is another, and those alone', async () => {
    const state = filledParts();
    const [, ...rest] = PARTS.indexes ?? [];
    const indexes = [...rest, { fields: ['title'], where: 'self.title < "M"' }];
    assert.equal(decideSchema(state, schemaOf({ indexes })), 'preparing');
    state.prepareSome();
    const restored = await restoreState(state.snapshot());
    for (const each of [state, restored]) {
      put(each, 'late', 'A title');
      activate(each);
      assertConsistent(each);
      assert.equal(decideSchema(each, schemaOf({ indexes, cacheSeconds: 1 })), 'applied');
      assertConsistent(each);
    }
    assert.equal(stateHash(restored), stateHash(state));
  });
});
