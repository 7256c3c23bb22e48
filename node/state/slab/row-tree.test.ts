import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StoredRow } from '../aggregate-store.ts';
import { KeyedHash } from './keyed-hash.ts';
import { SlabStore } from './slab-store.ts';

const hasher = new KeyedHash(new Uint8Array(8));
const COUNT = 20_000;

/** A number that looks like chance and gives every number below COUNT once. */
const scattered = (n: number) => (n * 7919) % COUNT;

const idOf = (n: number) => `id-${String(n).padStart(6, '0')}`;
const keyOf = (n: number) => `key-${String(scattered(n)).padStart(6, '0')}`;

function row(n: number, key = keyOf(n), version = 1): StoredRow {
  const id = idOf(n);
  return { id, version, json: `{"id":"${id}"}`, keys: [key], timestampMs: 1, sequence: n };
}

const byKey = (a: StoredRow, b: StoredRow) =>
  (a.keys[0] ?? '') < (b.keys[0] ?? '') || (a.keys[0] === b.keys[0] && a.id < b.id) ? -1 : 1;

function read(found: Iterable<StoredRow>): string[] {
  return Array.from(found, ({ id }) => id);
}

function assertOrders(store: SlabStore, rows: readonly StoredRow[]): void {
  const ids = rows.map(({ id }) => id).toSorted();
  const keys = rows.toSorted(byKey).map(({ id }) => id);
  assert.deepEqual(read(store.scan({ descending: false })), ids);
  assert.deepEqual(read(store.scan({ descending: true })), ids.toReversed());
  assert.deepEqual(read(store.range(0, { descending: false })), keys);
  assert.deepEqual(read(store.range(0, { descending: true })), keys.toReversed());
  const middle = ids[ids.length >>> 1];
  if (middle === undefined) return;
  assert.deepEqual(
    read(store.scan({ afterId: middle, descending: false })),
    ids.filter((id) => id > middle),
  );
}

describe('trees of many rows', () => {
  it('keep both orders through growth in order and at random, moves, decay and growth again', () => {
    const store = new SlabStore(['ordered'], hasher);
    const live = new Map<number, StoredRow>();
    const put = (n: number, next: StoredRow) => {
      store.put(next);
      live.set(n, next);
    };
    const bury = (n: number) => {
      store.bury({ id: idOf(n), version: 2, timestampMs: 2, sequence: 1 });
      live.delete(n);
    };
    for (let n = 0; n < COUNT / 2; n++) put(n, row(n));
    for (let n = 0; n < COUNT; n++) {
      if (scattered(n) >= COUNT / 2) put(scattered(n), row(scattered(n)));
    }
    assertOrders(store, [...live.values()]);
    for (let n = 0; n < COUNT; n += 2) put(n, row(n, keyOf((n * 31) % COUNT), 2));
    assertOrders(store, [...live.values()]);
    for (let n = 0; n < COUNT; n++) if (n % 10 !== 3) bury(scattered(n));
    assertOrders(store, [...live.values()]);
    for (let n = COUNT - 1; n >= 0; n--) if (!live.has(n)) put(n, row(n, 'the same', 3));
    assertOrders(store, [...live.values()]);
    for (let n = 0; n < COUNT; n++) bury(n);
    assertOrders(store, []);
    put(5, row(5));
    assertOrders(store, [row(5)]);
  });

  it('stay as they were behind a frozen copy, and are copies of each other where all keys are one', () => {
    const store = new SlabStore([], hasher);
    for (let n = 0; n < 3000; n++) store.put({ ...row(scattered(n)), keys: [] });
    const frozen = store.freeze();
    store.change([{ key: 'x', kind: 'ordered' }], (json) => json);
    for (let n = 0; n < 3000; n += 3) {
      const id = idOf(scattered(n));
      if (n % 2 === 0) store.bury({ id, version: 2, timestampMs: 2, sequence: 2 });
      else store.put({ ...row(scattered(n)), version: 2, keys: ['a'] });
    }
    const before = Array.from({ length: 3000 }, (_, n) => idOf(scattered(n))).toSorted();
    assert.deepEqual(
      Array.from(frozen.rows(), ({ id }) => id),
      before,
    );
    frozen.release();
    const rows = [...store.scan({ descending: false })];
    assert.equal(rows.length, 2500);
    assertOrders(store, rows);
    assert.equal([...store.holders(0, 'a')].length, 500);
  });
});
