import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '../logger.ts';
import { confStateOf, makeEntry, makeSnapshot } from '../testing/cluster.ts';
import { UNKNOWN_TERM, Unstable } from './index.ts';

function unstableWith(...terms: number[]): Unstable {
  const unstable = new Unstable(5, silentLogger);
  if (terms.length > 0) {
    unstable.truncateAndAppend(terms.map((term, i) => makeEntry(term, 5 + i)));
  }
  return unstable;
}

function indexes(unstable: Unstable): number[] {
  return unstable.nextEntries().map((entry) => entry.index);
}

describe('the unstable log', () => {
  it('knows the terms of its entries and of its snapshot, and no others', () => {
    const unstable = unstableWith();
    unstable.restore(makeSnapshot(4, 1, confStateOf([1])));
    unstable.truncateAndAppend([makeEntry(2, 5)]);
    assert.deepEqual(
      [3, 4, 5, 6].map((index) => unstable.term(index)),
      [UNKNOWN_TERM, 1, 2, UNKNOWN_TERM],
    );
    assert.equal(unstable.lastIndex(), 5);
  });

  it('hands out every entry once', () => {
    const unstable = unstableWith(1, 1);
    assert.deepEqual(indexes(unstable), [5, 6]);
    unstable.acceptInProgress();
    assert.deepEqual(indexes(unstable), []);
    unstable.truncateAndAppend([makeEntry(1, 7)]);
    assert.deepEqual(indexes(unstable), [7]);
    assert.equal(unstable.length, 3, 'entries in progress stay');
  });

  it('hands out again what was replaced after it had been handed out', () => {
    const unstable = unstableWith(1, 1, 1);
    unstable.acceptInProgress();
    unstable.truncateAndAppend([makeEntry(2, 6)]);
    assert.deepEqual(indexes(unstable), [6]);
    assert.equal(unstable.lastIndex(), 6);
    unstable.truncateAndAppend([makeEntry(3, 4)]);
    assert.deepEqual(indexes(unstable), [4]);
    assert.equal(unstable.offset, 4);
  });

  it('drops what is durable', () => {
    const unstable = unstableWith(1, 1, 2);
    unstable.acceptInProgress();
    unstable.stableTo(6, 1);
    assert.deepEqual([unstable.offset, unstable.length], [7, 1]);
    unstable.stableTo(7, 2);
    assert.deepEqual([unstable.offset, unstable.length], [8, 0]);
  });

  it('keeps what only looks durable', () => {
    const unstable = unstableWith(1, 1);
    unstable.acceptInProgress();
    unstable.truncateAndAppend([makeEntry(2, 6)]);
    for (const [index, term] of [
      [6, 1],
      [4, 1],
      [9, 1],
    ] as const) {
      unstable.stableTo(index, term);
      assert.equal(unstable.length, 2);
    }
  });

  it('does not take a durable snapshot for durable entries', () => {
    const unstable = unstableWith();
    unstable.restore(makeSnapshot(4, 1, confStateOf([1])));
    unstable.truncateAndAppend([makeEntry(2, 5)]);
    unstable.stableTo(4, 1);
    assert.equal(unstable.length, 1);
    unstable.stableSnapshotTo(3);
    assert.notEqual(unstable.snapshot, null);
    unstable.stableSnapshotTo(4);
    assert.equal(unstable.snapshot, null);
  });

  it('hands out copies, which later appends do not change', () => {
    const unstable = unstableWith(1);
    const handedOut = unstable.nextEntries();
    unstable.truncateAndAppend([makeEntry(1, 6)]);
    assert.equal(handedOut.length, 1);
  });

  it('refuses to be read out of bounds', () => {
    assert.throws(() => unstableWith(1).slice(4, 6), /out of bounds/);
    assert.throws(() => unstableWith(1).slice(5, 7), /out of bounds/);
  });
});
