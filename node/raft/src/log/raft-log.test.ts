import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RaftInvariantError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { MemoryStorage } from '../memory-storage.ts';
import { confStateOf, makeEntry, makeSnapshot } from '../testing/cluster.ts';
import type { Entry } from '../types.ts';
import { NO_LIMIT } from '../types.ts';
import { countWithin, entriesSize, entrySize, NO_MATCH, RaftLog, UNKNOWN_TERM } from './index.ts';

/** A log whose first `stable` entries are in storage and the rest unstable. */
function logWith(terms: readonly number[], stable: number, limit = NO_LIMIT): RaftLog {
  const storage = new MemoryStorage();
  const entries = terms.map((term, i) => makeEntry(term, i + 1, `e${i + 1}`));
  storage.append(entries.slice(0, stable));
  const log = new RaftLog(storage, silentLogger, limit);
  log.append(entries.slice(stable));
  return log;
}

function indexesOf(entries: readonly Entry[] | null): number[] | null {
  return entries === null ? null : entries.map((entry) => entry.index);
}

describe('a log', () => {
  it('reads across the border between stable and unstable, within the size limit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 60 }),
        (stable, from, length, maxSize) => {
          const log = logWith([1, 1, 1, 2, 2, 2], stable);
          const hi = Math.min(7, from + length);
          const read = log.slice(from, hi, maxSize) ?? [];
          assert.equal(read[0]?.index, from);
          for (const [i, entry] of read.entries()) assert.equal(entry.index, from + i);
          assert.ok(read.length === 1 || entriesSize(read) <= maxSize);
          const next = makeEntry(2, from + read.length, 'e0');
          const complete = from + read.length === hi;
          assert.ok(complete || entriesSize([...read, next]) > maxSize);
        },
      ),
    );
  });

  it('knows the term before its first entry, and none before that', () => {
    const storage = new MemoryStorage();
    storage.applySnapshot(makeSnapshot(10, 3, confStateOf([1])));
    storage.append([makeEntry(4, 11)]);
    const log = new RaftLog(storage, silentLogger, NO_LIMIT);
    assert.deepEqual(
      [9, 10, 11, 12].map((index) => log.term(index)),
      [UNKNOWN_TERM, 3, 4, UNKNOWN_TERM],
    );
    assert.equal(log.slice(10, 12, NO_LIMIT), null);
    assert.throws(() => log.slice(11, 13, NO_LIMIT), /out of bound/);
  });

  it('takes entries only where they connect', () => {
    const log = logWith([1, 1, 2], 2);
    assert.equal(log.maybeAppend(3, 1, [makeEntry(3, 4)], 0), NO_MATCH);
    assert.equal(log.maybeAppend(4, 2, [makeEntry(3, 5)], 0), NO_MATCH);
    assert.equal(log.maybeAppend(3, 2, [makeEntry(3, 4)], 4), 4);
    assert.equal(log.committed, 4);
  });

  it('keeps what it has when an old append repeats it', () => {
    const log = logWith([1, 1, 1, 1], 4);
    assert.equal(log.maybeAppend(1, 1, [makeEntry(1, 2)], 2), 2);
    assert.equal(log.lastIndex(), 4);
    assert.equal(log.committed, 2);
  });

  it('replaces what conflicts, and everything after it', () => {
    const log = logWith([1, 1, 1, 1], 4);
    assert.equal(log.maybeAppend(2, 1, [makeEntry(2, 3)], 0), 3);
    assert.equal(log.lastIndex(), 3);
    assert.equal(log.lastTerm(), 2);
  });

  it('never replaces a committed entry', () => {
    const log = logWith([1, 1], 2);
    log.commitTo(2);
    assert.throws(() => log.maybeAppend(1, 1, [makeEntry(2, 2)], 0), RaftInvariantError);
    assert.throws(() => log.append([makeEntry(2, 2)]), RaftInvariantError);
  });

  it('does not commit beyond what is known to match', () => {
    const log = logWith([1, 1, 1], 3);
    log.maybeAppend(1, 1, [], 3);
    assert.equal(log.committed, 1);
    assert.throws(() => log.commitTo(4), /corrupted, truncated, or lost/);
    log.commitTo(0);
    assert.equal(log.committed, 1);
  });

  it('commits by counting only an entry of the given term', () => {
    const log = logWith([1, 2], 2);
    assert.equal(log.maybeCommit(1, 2), false);
    assert.equal(log.maybeCommit(2, 2), true);
    assert.equal(log.maybeCommit(2, 2), false);
    assert.equal(logWith([1], 1).maybeCommit(1, 0), false);
  });

  for (const [index, term, expected] of [
    [3, 2, true],
    [4, 2, true],
    [1, 3, true],
    [2, 2, false],
    [9, 1, false],
  ] as const) {
    it(`calls a log that ends in (${index}, ${term}) ${expected ? '' : 'not '}up to date`, () => {
      assert.equal(logWith([1, 1, 2], 2).isUpToDate(index, term), expected);
    });
  }

  for (const [index, term, expected] of [
    [6, 1, 2],
    [6, 2, 2],
    [6, 3, 5],
    [6, 9, 6],
    [2, 0, 0],
    [9, 3, 9],
  ] as const) {
    it(`may match a log with (${index}, ${term}) at ${expected}`, () => {
      assert.equal(logWith([1, 1, 3, 3, 3, 5], 3).findConflictByTerm(index, term), expected);
    });
  }

  it('hands out committed entries once, and the unstable ones only when allowed', () => {
    const log = logWith([1, 1, 1], 2);
    log.commitTo(3);
    assert.deepEqual(indexesOf(log.nextCommittedEntries(false)), [1, 2]);
    assert.deepEqual(indexesOf(log.nextCommittedEntries(true)), [1, 2, 3]);
    log.acceptApplying(3, 0, true);
    assert.equal(log.hasNextCommittedEntries(true), false);
    log.appliedTo(3, 0);
    assert.equal(log.applied, 3);
  });

  it('pauses applying at the size limit until something is acknowledged', () => {
    const size = entrySize(makeEntry(1, 1, 'e1'));
    const log = logWith([1, 1, 1], 3, 2 * size);
    log.commitTo(3);
    assert.deepEqual(indexesOf(log.nextCommittedEntries(true)), [1, 2]);
    log.acceptApplying(2, 2 * size, true);
    assert.equal(log.hasNextCommittedEntries(true), false);
    log.appliedTo(1, size);
    assert.deepEqual(indexesOf(log.nextCommittedEntries(true)), [3]);
  });

  it('applies nothing while a snapshot is waiting', () => {
    const log = logWith([1, 1], 2);
    log.commitTo(2);
    log.restore(makeSnapshot(9, 4, confStateOf([1])));
    assert.equal(log.hasNextCommittedEntries(true), false);
    assert.deepEqual([log.firstIndex(), log.lastIndex(), log.lastTerm()], [10, 9, 4]);
    assert.equal(log.committed, 9);
  });

  it('says which contract a storage breaks', () => {
    class Forgetful extends MemoryStorage {
      override entries(): Entry[] {
        return [];
      }
    }
    const storage = new Forgetful();
    storage.append([makeEntry(1, 1)]);
    const log = new RaftLog(storage, silentLogger, NO_LIMIT);
    assert.throws(() => log.slice(1, 2, NO_LIMIT), /storage breaks its contract/);
  });
});

describe('the size of an entry', () => {
  it('is that of its protobuf form', () => {
    assert.equal(entrySize(makeEntry(0, 0)), 4);
    assert.equal(entrySize(makeEntry(1, 1, 'x')), 7);
    assert.equal(entrySize({ ...makeEntry(300, 2 ** 40, 'abc'), type: 2 }), 2 + 3 + 7 + 5);
  });

  it('limits a list to what fits, but never to nothing', () => {
    const list = [makeEntry(1, 1, 'abc'), makeEntry(1, 2, 'abc')];
    assert.equal(countWithin(list, 0), 1);
    assert.equal(countWithin(list, 17), 1);
    assert.equal(countWithin(list, 18), 2);
    assert.equal(countWithin([], 0), 0);
  });
});
