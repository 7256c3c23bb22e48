import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelSchema, Schema } from '@lithair/crds';
import fc from 'fast-check';
import { type Change, EntryError, PlainWrite } from '../entry/index.ts';
import { keyOfId, NULL_KEY } from '../values/index.ts';
import { type ReplicatedState, restoreState, type StateEvent, stateHash } from './index.ts';
import { BRAND, chunksOf, NOW_MS, PRODUCT, SHOP, shopState, write } from './testing/shop.ts';

const COUNTER: ModelSchema = {
  name: 'Counter',
  path: '/api/counters',
  primaryKey: 'id',
  fields: [PRODUCT.fields[0] ?? never()],
};
const SCHEMA: Schema = { ...SHOP, models: [BRAND, PRODUCT, COUNTER] };
const KEPT: Schema = {
  ...SCHEMA,
  models: [BRAND, PRODUCT, { ...COUNTER, lifecycle: { audited: true, versioned: 5 } }],
};

function never(): never {
  throw new Error('the schema of the tests has changed');
}

// Few ids and values, so that they meet; short ones, some that stand in the JSON twice, some not ASCII.
const ids = fc.constantFrom('a', 'abc', 'code', 'b-1', 'b-2', 'title', 'žluť', '\u0000x');
const titles = fc.option(fc.constantFrom('t', 'title', 'b-1', 'ü', 'x'.repeat(300)), { freq: 3 });
const notes = fc.constantFrom('', 'plain', 'née', 'a'.repeat(120), 'w'.repeat(70_000));

const brands = fc
  .record({
    id: ids,
    title: titles,
    parent: fc.option(ids, { freq: 2 }),
    note: notes,
    effect: fc.constantFrom('created', 'updated', 'updated', 'deleted', 'unchanged'),
    version: fc.nat(3),
    model: fc.constantFrom('Brand', 'Brand', 'Brand', 'Counter', 'Nothing'),
    keys: fc.constantFrom(2, 2, 2, 2, 1),
  })
  .map(({ id, title, parent, note, effect, version: expectedVersion, model, keys }): Change => {
    if (effect === 'deleted' || effect === 'unchanged') {
      return { effect, model, id, expectedVersion };
    }
    const json = JSON.stringify({ code: id, title, parent, note });
    const all = [title ?? NULL_KEY, parent === null ? NULL_KEY : keyOfId(parent)];
    const own = model === 'Counter' ? [] : all.slice(0, keys);
    return { effect: effect as 'created', model, id, expectedVersion, json, keys: own };
  });

/** Like a leader, that knows the version, most of the time. */
function settled(state: ReplicatedState, change: Change): Change {
  const { model, id, expectedVersion } = change;
  if (expectedVersion === 3) return change;
  const live = state.versionOf(model, id);
  const known = live === 0 ? state.deletedVersion(model, id) : live;
  return { ...change, expectedVersion: known };
}

const entries = fc.array(
  fc.record({
    changes: fc.oneof(
      { weight: 6, arbitrary: fc.array(brands, { minLength: 1, maxLength: 1 }) },
      { weight: 1, arbitrary: fc.array(brands, { maxLength: 3 }) },
    ),
    timestampMs: fc.nat(5).map((n) => NOW_MS + n * 1000),
    schemaVersion: fc.constantFrom(1, 1, 1, 1, 2),
    scope: fc.option(fc.constantFrom('s1', 's2'), { freq: 6 }),
    subject: fc.constantFrom('anonymous', 'Zoë', 'x'.repeat(200)),
  }),
  { maxLength: 60 },
);

function brand(id: string, title: string, version = 0): Change {
  return {
    effect: version === 0 ? 'created' : 'updated',
    model: 'Brand',
    id,
    expectedVersion: version,
    json: JSON.stringify({ code: id, title, parent: null }),
    keys: [title, NULL_KEY],
  };
}

interface Proposed {
  readonly changes: readonly Change[];
  readonly timestampMs: number;
  readonly schemaVersion: number;
  readonly scope: string | null;
  readonly subject: string;
}

function encoded(state: ReplicatedState, entry: Proposed): Uint8Array {
  const { scope, subject, timestampMs, schemaVersion } = entry;
  return write(
    entry.changes.map((change) => settled(state, change)),
    {
      timestampMs,
      schemaVersion,
      actor: { subject, method: 'jwt' },
      idempotency: scope === null ? null : { scope, fingerprint: 'f' },
    },
  );
}

/** The same in the middle of other bytes, as it stands in a segment. */
function embedded(data: Uint8Array): readonly [Buffer, number, number] {
  const bytes = Buffer.alloc(data.length + 20, 0x55);
  bytes.set(data, 12);
  return [bytes, 12, 12 + data.length];
}

function snapshotOf(state: ReplicatedState): string {
  return Buffer.concat(chunksOf(state)).toString('latin1');
}

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield chunk;
}

describe('A replay', () => {
  test('comes to the same state, byte for byte, as applying entries one by one', () => {
    fc.assert(
      fc.property(entries, (all) => {
        const [applied, replayed] = [shopState({}, SCHEMA), shopState({}, SCHEMA)];
        for (const [at, entry] of all.entries()) {
          const data = encoded(applied, entry);
          applied.apply(at + 1, 1, data);
          replayed.replay(at + 1, 1, ...embedded(data));
          assert.equal(replayed.eventSequence, applied.eventSequence);
        }
        assert.equal(snapshotOf(replayed), snapshotOf(applied));
        assert.equal(stateHash(replayed), stateHash(applied));
      }),
      { numRuns: 300 },
    );
  });

  test('leaves rows, indexes and uniqueness that later entries meet as they should', async () => {
    const state = shopState({}, SCHEMA);
    state.replay(1, 1, ...embedded(write([brand('one', 'first')])));
    state.replay(2, 1, ...embedded(write([brand('one', 'second', 1)])));
    state.replay(3, 1, ...embedded(write([brand('two', 'first')])));
    assert.equal(state.holder('Brand', 0, 'first'), 'two');
    assert.equal(state.holder('Brand', 0, 'second'), 'one');
    const refused = state.apply(4, 1, write([brand('three', 'second')]));
    assert.equal(refused.kind === 'write' && refused.outcome.kind, 'rejected');
    const again = await restoreState(each(chunksOf(state)), {});
    assert.equal(again.find('Brand', 'one')?.json, state.find('Brand', 'one')?.json);
    assert.equal(stateHash(again), stateHash(state));
  });

  test('remembers versions of models that keep history, and tells who listens', () => {
    const heard: StateEvent[] = [];
    const change: Change = {
      effect: 'created',
      model: 'Counter',
      id: 'c-1',
      expectedVersion: 0,
      json: '{"id":"c-1"}',
      keys: [],
    };
    const told = shopState({ onEvent: (event) => heard.push(event) }, SCHEMA);
    told.replay(1, 1, ...embedded(write([change])));
    assert.deepEqual(
      heard.map(({ type }) => type),
      ['CounterCreated'],
    );
    const keeping = shopState({}, KEPT);
    keeping.replay(1, 1, ...embedded(write([change])));
    assert.equal(keeping.history.versions('Counter', 'c-1', Infinity, 10).length, 1);
  });

  test('refuses what is not a whole entry as applying does', () => {
    const change: Change = {
      effect: 'created',
      model: 'Counter',
      id: 'c-1',
      expectedVersion: 0,
      json: '{"id":"c-1"}',
      keys: [],
    };
    const data = write([change]);
    assert.ok(new PlainWrite().read(...embedded(data)), 'the frequent form is not told');
    for (let cut = 1; cut < data.length; cut++) {
      const state = shopState({}, SCHEMA);
      assert.throws(() => state.replay(1, 1, ...embedded(data.subarray(0, cut))), EntryError);
      assert.equal(state.find('Counter', 'c-1'), undefined);
    }
  });

  test('reads a text that says it is ASCII and is not as applying does', () => {
    const id = 'counter-1';
    const json = JSON.stringify({ id });
    const data = write([
      { effect: 'created', model: 'Counter', id, expectedVersion: 0, json, keys: [] },
    ]);
    const at = Buffer.from(data).lastIndexOf('counter-1');
    data[at] = 0xe9;
    const [applied, replayed] = [shopState({}, SCHEMA), shopState({}, SCHEMA)];
    applied.apply(1, 1, data);
    replayed.replay(1, 1, ...embedded(data));
    assert.equal(snapshotOf(replayed), snapshotOf(applied));
  });
});
