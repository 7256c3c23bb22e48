import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { silentLogger } from '../logger.ts';
import { MemoryStorage } from '../memory-storage.ts';
import { confStateOf, makeEntry, makeSnapshot } from '../testing/cluster.ts';
import type { Entry, Snapshot } from '../types.ts';
import { NO_LIMIT } from '../types.ts';
import { NO_MATCH, RaftLog } from './index.ts';

/** What was handed out for writing at once. */
interface Write {
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | null;
  /** The end of the log, and the leader's term, when it was handed out. */
  readonly end: number;
  readonly endTerm: number;
  readonly term: number;
}

/**
 * A log whose writes take their time, beside the plain array that it stands for. The
 * writes are done in order, and acknowledged unless the term has changed meanwhile.
 */
class Pair {
  readonly storage = new MemoryStorage();
  readonly log = new RaftLog(this.storage, silentLogger, NO_LIMIT);
  /** Entry `i` has index `base + 1 + i`. */
  model: Entry[] = [];
  base = 0;
  baseTerm = 0;
  committed = 0;
  term = 1;
  readonly writes: Write[] = [];
  /** What was applied, and in which order. */
  readonly applied: Entry[] = [];
  /** Arrays that were handed out, with what they held then. */
  readonly handedOut: [readonly Entry[], readonly Entry[]][] = [];

  get last(): number {
    return this.base + this.model.length;
  }

  termAt(index: number): number {
    if (index === this.base) return this.baseTerm;
    const entry = this.model[index - this.base - 1];
    assert.ok(entry !== undefined);
    return entry.term;
  }

  append(count: number): void {
    const entries = this.#fresh(this.last, count);
    this.model.push(...entries);
    this.log.append(entries);
  }

  /** A new leader replaces what is not committed, from somewhere on. */
  replace(keep: number, count: number): void {
    const previous = this.committed + (keep % (this.last - this.committed + 1));
    this.term++;
    const previousTerm = this.termAt(previous);
    const entries = this.#fresh(previous, count);
    this.model = [...this.model.slice(0, previous - this.base), ...entries];
    const lastNew = this.log.maybeAppend(previous, previousTerm, entries, 0);
    assert.equal(lastNew, this.last);
  }

  /** An append that does not connect changes nothing. */
  refuse(): void {
    const entries = this.#fresh(this.last + 1, 2);
    assert.equal(this.log.maybeAppend(this.last + 1, this.term, entries, 0), NO_MATCH);
  }

  commit(count: number): void {
    this.committed = Math.min(this.last, this.committed + count);
    this.log.commitTo(this.committed);
  }

  restore(beyond: number): void {
    const index = this.committed + 1 + beyond;
    const term = this.term++;
    this.log.restore(makeSnapshot(index, term, confStateOf([1])));
    Object.assign(this, { base: index, baseTerm: term, committed: index, model: [] });
  }

  handOut(): void {
    const { unstable } = this.log;
    const entries = unstable.nextEntries();
    const snapshot = unstable.nextSnapshot();
    if (entries.length === 0 && snapshot === null) return;
    this.#note(entries);
    const end = this.last;
    this.writes.push({ entries, snapshot, end, endTerm: this.termAt(end), term: this.term });
    unstable.acceptInProgress();
  }

  persist(): void {
    const write = this.writes.shift();
    if (write === undefined) return;
    if (write.snapshot !== null) this.storage.applySnapshot(write.snapshot);
    this.storage.append(write.entries);
    if (write.term === this.term) this.log.unstable.stableTo(write.end, write.endTerm);
    const index = write.snapshot?.metadata.index;
    if (index === undefined) return;
    this.log.unstable.stableSnapshotTo(index);
    if (index > this.log.applied) this.log.appliedTo(index, 0);
  }

  apply(): void {
    const entries = this.log.nextCommittedEntries(false);
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#note(entries);
    this.applied.push(...entries);
    assert.deepEqual(
      entries,
      this.model.slice((entries[0]?.index ?? 0) - this.base - 1, last.index - this.base),
    );
    this.log.acceptApplying(last.index, 0, false);
    this.log.appliedTo(last.index, 0);
  }

  compact(count: number): void {
    const index = Math.min(this.log.applied, this.storage.firstIndex() - 1 + count);
    if (index < this.storage.firstIndex() || this.log.unstable.snapshot !== null) return;
    if (this.writes.some((write) => write.snapshot !== null)) return;
    this.storage.compact(index);
  }

  check(): void {
    const { log } = this;
    assert.deepEqual([log.lastIndex(), log.committed], [this.last, this.committed]);
    assert.equal(log.lastTerm(), this.termAt(this.last));
    const first = log.firstIndex();
    assert.ok(first > this.base);
    for (let index = first - 1; index <= this.last; index++) {
      if (index >= this.base) assert.equal(log.term(index), this.termAt(index), `term(${index})`);
    }
    assert.equal(log.term(this.last + 1), -1);
    for (let lo = first; lo <= this.last; lo++) {
      const entries = log.slice(lo, this.last + 1, NO_LIMIT);
      assert.deepEqual(entries, this.model.slice(lo - this.base - 1));
      if (entries !== null) this.#note(entries);
    }
    for (const [array, content] of this.handedOut) assert.deepEqual(array, content);
    for (const [i, entry] of this.applied.entries()) {
      const before = this.applied[i - 1];
      if (before !== undefined) assert.ok(entry.index > before.index);
    }
  }

  #note(entries: readonly Entry[]): void {
    this.handedOut.push([entries, entries.slice()]);
  }

  #fresh(after: number, count: number): Entry[] {
    return Array.from({ length: count }, (_, i) => makeEntry(this.term, after + 1 + i, 'x'));
  }
}

const small = fc.integer({ min: 0, max: 5 });
// To look is a step like others: what was looked at may be kept in another way.
const step: fc.Arbitrary<(pair: Pair) => void> = fc.oneof(
  fc.constant((pair: Pair) => pair.check()),
  small.map((count) => (pair: Pair) => pair.append(count + 1)),
  small.map((count) => (pair: Pair) => pair.append(count + 1)),
  fc.tuple(small, small).map(
    ([keep, count]) =>
      (pair: Pair) =>
        pair.replace(keep, count + 1),
  ),
  fc.constant((pair: Pair) => pair.refuse()),
  small.map((count) => (pair: Pair) => pair.commit(count)),
  small.map((beyond) => (pair: Pair) => pair.restore(beyond)),
  fc.constant((pair: Pair) => pair.handOut()),
  fc.constant((pair: Pair) => pair.handOut()),
  fc.constant((pair: Pair) => pair.persist()),
  fc.constant((pair: Pair) => pair.persist()),
  fc.constant((pair: Pair) => pair.apply()),
  small.map((count) => (pair: Pair) => pair.compact(count)),
);

describe('a log whose writes take their time', () => {
  it('always is what a plain array would be, and never changes what it has handed out', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const pair = new Pair();
        for (const run of steps) run(pair);
        pair.check();
      }),
      { numRuns: 1500 },
    );
  });

  it('hands out everything for writing, in an order that leaves the array in the Storage', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const pair = new Pair();
        for (const run of steps) run(pair);
        pair.handOut();
        while (pair.writes.length > 0) pair.persist();
        pair.check();
        const { storage } = pair;
        assert.equal(storage.lastIndex(), pair.last);
        for (let index = storage.firstIndex() - 1; index <= pair.last; index++) {
          if (index >= pair.base) assert.equal(storage.term(index), pair.termAt(index));
        }
      }),
      { numRuns: 500 },
    );
  });
});
