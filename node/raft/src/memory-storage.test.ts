import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryStorage, NO_LIMIT, RaftInvariantError, StorageError } from './index.ts';
import { bytes, confStateOf, makeEntry, makeSnapshot } from './testing/cluster.ts';

function storageWith(...terms: number[]): MemoryStorage {
  const storage = new MemoryStorage();
  storage.applySnapshot(makeSnapshot(3, 3, confStateOf([1])));
  storage.append(terms.map((term, i) => makeEntry(term, 4 + i)));
  return storage;
}

function code(expected: string) {
  return (error: unknown) => error instanceof StorageError && error.code === expected;
}

describe('a memory storage', () => {
  it('begins empty, before index 1', () => {
    const storage = new MemoryStorage();
    assert.deepEqual([storage.firstIndex(), storage.lastIndex(), storage.term(0)], [1, 0, 0]);
    assert.equal(storage.initialState().hardState, null);
  });

  it('knows the terms from just before the first entry to the last', () => {
    const storage = storageWith(4, 5);
    assert.deepEqual(
      [3, 4, 5].map((index) => storage.term(index)),
      [3, 4, 5],
    );
    assert.throws(() => storage.term(2), code('COMPACTED'));
    assert.throws(() => storage.term(6), code('UNAVAILABLE'));
  });

  it('returns entries within the limit, at least one', () => {
    const storage = storageWith(4, 5, 6);
    assert.equal(storage.entries(4, 7, NO_LIMIT).length, 3);
    assert.equal(storage.entries(4, 7, 0).length, 1);
    assert.throws(() => storage.entries(3, 5, NO_LIMIT), code('COMPACTED'));
    assert.throws(() => storage.entries(4, 8, NO_LIMIT), code('UNAVAILABLE'));
  });

  it('returns arrays that may be changed', () => {
    const storage = storageWith(4, 5);
    storage.entries(4, 6, NO_LIMIT).push(makeEntry(9, 9));
    assert.equal(storage.lastIndex(), 5);
  });

  it('replaces the tail from where an append begins', () => {
    const storage = storageWith(4, 4, 4);
    storage.append([makeEntry(5, 5)]);
    assert.deepEqual([storage.lastIndex(), storage.term(5)], [5, 5]);
  });

  it('leaves out what is compacted, and refuses a gap', () => {
    const storage = storageWith(4);
    storage.append([makeEntry(3, 2), makeEntry(3, 3)]);
    assert.equal(storage.lastIndex(), 4);
    storage.append([makeEntry(3, 3), makeEntry(5, 4), makeEntry(5, 5)]);
    assert.deepEqual([storage.term(4), storage.lastIndex()], [5, 5]);
    assert.throws(() => storage.append([makeEntry(5, 9)]), RaftInvariantError);
  });

  it('keeps the term of the last compacted entry', () => {
    const storage = storageWith(4, 5, 6);
    storage.compact(5);
    assert.deepEqual([storage.firstIndex(), storage.term(5), storage.lastIndex()], [6, 5, 6]);
    assert.throws(() => storage.compact(5), code('COMPACTED'));
    assert.throws(() => storage.compact(7), code('UNAVAILABLE'));
  });

  it('makes snapshots that only ever get newer', () => {
    const storage = storageWith(4, 5);
    const snapshot = storage.createSnapshot(4, null, bytes('x'));
    assert.deepEqual(snapshot.metadata, { confState: confStateOf([1]), index: 4, term: 4 });
    assert.throws(() => storage.createSnapshot(4, null, bytes('x')), code('SNAPSHOT_OUT_OF_DATE'));
    assert.throws(
      () => storage.applySnapshot(makeSnapshot(4, 4, confStateOf([1]))),
      code('SNAPSHOT_OUT_OF_DATE'),
    );
    assert.equal(storage.lastIndex(), 5, 'a snapshot does not compact the log');
  });

  it('forgets its log when a snapshot from elsewhere is applied', () => {
    const storage = storageWith(4, 5);
    storage.applySnapshot(makeSnapshot(9, 7, confStateOf([1, 2])));
    assert.deepEqual([storage.firstIndex(), storage.lastIndex(), storage.term(9)], [10, 9, 7]);
    assert.deepEqual(storage.initialState().confState.voters, [1, 2]);
  });
});
