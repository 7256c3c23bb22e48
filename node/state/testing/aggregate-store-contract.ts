/** What every implementation of `AggregateStore` must do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { KeyRange } from '../../ports/index.ts';
import type { AggregateStore, Grave, IndexKind, StoredRow } from '../aggregate-store.ts';
import { NaiveStore } from './naive-store.ts';

/** The keys of the contract's rows: the first is unique, null apart; the second is ordered. */
export const CONTRACT_KINDS: readonly IndexKind[] = ['unique', 'ordered'];

const FORWARDS = { descending: false };

/** A row whose keys stand in its JSON or do not, by what they are. */
export function contractRow(id: string, version: number, unique = '', ordered = ''): StoredRow {
  const json = JSON.stringify({ id, unique, note: `${'é'.repeat(version % 3)}${version}` });
  return {
    id,
    version,
    json,
    keys: [unique, ordered],
    timestampMs: version * 7,
    sequence: version,
  };
}

function grave(id: string, version: number): Grave {
  return { id, version, timestampMs: version * 11, sequence: version };
}

const id = fc.oneof(
  fc.constantFrom('a', 'b', 'c', 'dd', 'é', '\uffff', '\u{1f600}', 'long-enough-to-be-shared'),
  fc.integer({ min: 0, max: 300 }).map((n) => `id-${n}`),
);
const key = fc.oneof(
  fc.constantFrom('', 'k', 'kk', 'ü', '\uffee', '\u{10000}', 'key-that-is-long'),
  fc.nat(20).map((n) => `key-${n}`),
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('put' as const), id, key, key) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('bury' as const), id, key, key) },
);
const bound = fc.option(fc.record({ key, inclusive: fc.boolean() }), { nil: undefined });
const keyRange = fc
  .record({
    from: bound,
    to: bound,
    after: fc.option(fc.record({ key, id }), { nil: undefined }),
    descending: fc.boolean(),
  })
  .map(({ from, to, after, descending }): KeyRange => {
    return { ...(from && { from }), ...(to && { to }), ...(after && { after }), descending };
  });
const idRange = fc
  .record({ afterId: fc.option(id, { nil: undefined }), descending: fc.boolean() })
  .map(({ afterId, descending }) => ({ ...(afterId !== undefined && { afterId }), descending }));

type Step = readonly ['put' | 'bury', string, string, string];

let lastSequence = 0;

function take(store: AggregateStore, naive: NaiveStore, [kind, each, unique, ordered]: Step): void {
  const version = Math.max(naive.versionOf(each), naive.deletedVersion(each)) + 1;
  const sequence = ++lastSequence;
  if (kind === 'bury') {
    store.bury({ ...grave(each, version), sequence });
    naive.bury({ ...grave(each, version), sequence });
    return;
  }
  const holder = naive.holder(0, unique);
  const isFree = holder === undefined || holder === each;
  const row = { ...contractRow(each, version, isFree ? unique : '', ordered), sequence };
  store.put(row);
  naive.put(row);
}

/** What is given out is good until the next change: its parts are what stays. */
function kept(rows: Iterable<StoredRow>): StoredRow[] {
  return Array.from(rows, (row) => {
    const first = keysByOne(row);
    const { id, version, json, timestampMs, sequence } = row;
    const single = [first, keysByOne(row)];
    const { keys } = row;
    for (const each of single) assert.deepEqual(each ?? keys, keys);
    return { id, version, json, keys, timestampMs, sequence };
  });
}

/** Null where a row does not give out single ones. */
function keysByOne(row: StoredRow): string[] | null {
  const keys: string[] = [];
  for (let key = row.keyAt?.(0); key !== undefined; key = row.keyAt?.(keys.length)) keys.push(key);
  return row.keyAt === undefined ? null : keys;
}

function assertAlike(store: AggregateStore, naive: NaiveStore): void {
  assert.equal(store.size, naive.size);
  assert.deepEqual(kept(store.scan(FORWARDS)), naive.scan(FORWARDS));
  for (const row of naive.live.values()) {
    assert.deepEqual(store.get(row.id), row);
    assert.equal(store.versionOf(row.id), row.version);
    assert.equal(store.deletedVersion(row.id), 0);
    assert.deepEqual(store.mark(row.id), naive.mark(row.id));
    for (const position of [0, 1]) {
      const each = row.keys[position] ?? '';
      assert.deepEqual([...store.holders(position, each)], naive.holders(position, each));
      assert.equal(store.holder(position, each), naive.holder(position, each));
    }
  }
  for (const { id: each, version } of naive.graves.values()) {
    assert.equal(store.get(each), undefined);
    assert.equal(store.versionOf(each), 0);
    assert.equal(store.deletedVersion(each), version);
    assert.deepEqual(store.mark(each), naive.mark(each));
  }
  assert.equal(store.mark('never used'), undefined);
}

export function describeAggregateStore(name: string, make: () => AggregateStore): void {
  void describe(`${name}, as a store of aggregates`, () => {
    void it('gives back what was put in, and nothing else', () => {
      const store = make();
      assert.equal(store.get('a'), undefined);
      const row = contractRow('a', 2 ** 40, 'unique', 'ordered');
      store.put(row);
      assert.deepEqual(store.get('a'), row);
      assert.equal(store.get('A'), undefined);
      assert.equal(store.versionOf('a'), 2 ** 40);
      store.bury(grave('a', 2 ** 40 + 1));
      assert.equal(store.size, 0);
      assert.equal(store.deletedVersion('a'), 2 ** 40 + 1);
    });

    void it('takes rows and texts of any size', () => {
      const store = make();
      for (const size of [0, 1, 50_000, 70_000, 3_000_000]) {
        const json = JSON.stringify({ text: 'ß'.repeat(size) });
        const keys = [`u${size}`, 'o'.repeat(size)];
        const row = { ...contractRow(`row ${size}`, 1), json, keys };
        store.put(row);
        assert.deepEqual(store.get(row.id), row);
      }
      assert.deepEqual(
        [...store.range(1, FORWARDS)].map(({ json }) => json.length),
        [11, 12, 50_011, 70_011, 3_000_011],
      );
    });

    describeProperties(make);
  });
}

function describeProperties(make: () => AggregateStore): void {
  void it('goes on as before behind a frozen copy, which stays as it was', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(step, { maxLength: 60 }),
        (first, second) => {
          const [store, naive] = [make(), new NaiveStore()];
          for (const each of first) take(store, naive, each);
          const [frozen, expected] = [store.freeze(), naive.freeze()];
          for (const each of second) take(store, naive, each);
          assert.equal(frozen.size, expected.size);
          assert.equal(frozen.graves, expected.graves);
          assert.deepEqual([...frozen.rows()], expected.rows());
          assert.deepEqual([...frozen.buried()], expected.buried());
          frozen.release();
          assertAlike(store, naive);
        },
      ),
    );
  });

  void it('does as a sorted list of rows does, whatever is put in and deleted', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const [store, naive] = [make(), new NaiveStore()];
        for (const each of steps) take(store, naive, each);
        assertAlike(store, naive);
      }),
    );
  });

  void it('scans between any bounds, both ways', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80, size: 'max' }),
        keyRange,
        idRange,
        key,
        (steps, range, ids, each) => {
          const [store, naive] = [make(), new NaiveStore()];
          for (const one of steps) take(store, naive, one);
          assert.deepEqual(kept(store.range(1, range)), naive.range(1, range));
          assert.deepEqual(kept(store.rangeOfIds(range)), naive.rangeOfIds(range));
          assert.deepEqual(kept(store.scan(ids)), naive.scan(ids));
          for (const position of [0, 1]) {
            assert.deepEqual(
              kept(store.lookup(position, each, ids)),
              naive.lookup(position, each, ids),
            );
          }
        },
      ),
    );
  });
}
