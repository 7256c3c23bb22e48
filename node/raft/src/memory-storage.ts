import { RaftInvariantError } from './errors.ts';
import { countWithin } from './log/index.ts';
import type { InitialState, Storage } from './storage.ts';
import { StorageError } from './storage.ts';
import type { ConfState, Entry, HardState, Snapshot } from './types.ts';
import { NO_BYTES } from './types.ts';

const NO_MEMBERS: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** The snapshot of a log that has none: before index 1. */
const NO_SNAPSHOT: Snapshot = {
  data: NO_BYTES,
  metadata: { confState: NO_MEMBERS, index: 0, term: 0 },
};

/** A {@link Storage} in memory, for tests and for groups that may lose everything. */
export class MemoryStorage implements Storage {
  #hardState: HardState | null = null;
  #snapshot: Snapshot = NO_SNAPSHOT;
  /** The position before the first entry, which is all that is left of what was compacted. */
  #compactedIndex = 0;
  #compactedTerm = 0;
  /** Entry `i` has index `compactedIndex + 1 + i`. */
  #entries: Entry[] = [];

  initialState(): InitialState {
    return { hardState: this.#hardState, confState: this.#snapshot.metadata.confState };
  }

  entries(lo: number, hi: number, maxSize: number): Entry[] {
    if (lo <= this.#compactedIndex) throw new StorageError('COMPACTED');
    if (hi > this.lastIndex() + 1) throw new StorageError('UNAVAILABLE');
    const from = lo - this.firstIndex();
    const range = this.#entries.slice(from, from + hi - lo);
    const count = countWithin(range, maxSize);
    if (count < range.length) range.length = count;
    return range;
  }

  term(index: number): number {
    if (index === this.#compactedIndex) return this.#compactedTerm;
    if (index < this.#compactedIndex) throw new StorageError('COMPACTED');
    const entry = this.#entries[index - this.firstIndex()];
    if (entry === undefined) throw new StorageError('UNAVAILABLE');
    return entry.term;
  }

  firstIndex(): number {
    return this.#compactedIndex + 1;
  }

  lastIndex(): number {
    return this.#compactedIndex + this.#entries.length;
  }

  snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Records term, vote and commit of a Ready. */
  setHardState(state: HardState): void {
    this.#hardState = state;
  }

  /**
   * Appends entries, in place of those from the first one's index on. What is
   * compacted already is left out.
   *
   * @throws {RaftInvariantError} when there would be a gap.
   */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const skip = Math.max(0, this.firstIndex() - first.index);
    if (skip >= entries.length) return;
    const at = first.index + skip - this.firstIndex();
    if (at > this.#entries.length) {
      throw new RaftInvariantError(
        `missing log entry [last: ${this.lastIndex()}, append at: ${first.index}]`,
      );
    }
    this.#entries.length = at;
    for (let i = skip; i < entries.length; i++) {
      const entry = entries[i];
      if (entry !== undefined) this.#entries.push(entry);
    }
  }

  /**
   * Replaces everything by a snapshot from elsewhere.
   *
   * @throws {StorageError} SNAPSHOT_OUT_OF_DATE when the present one is as recent.
   */
  applySnapshot(snapshot: Snapshot): void {
    const present = this.#snapshot.metadata.index;
    if (present !== 0 && present >= snapshot.metadata.index) {
      throw new StorageError('SNAPSHOT_OUT_OF_DATE');
    }
    this.#snapshot = snapshot;
    this.#compactedIndex = snapshot.metadata.index;
    this.#compactedTerm = snapshot.metadata.term;
    this.#entries = [];
  }

  /**
   * Records the state as of `index`; `confState` is the last result of
   * `applyConfChange`, or null when the membership has not changed since.
   *
   * @throws {StorageError} SNAPSHOT_OUT_OF_DATE when the present one is as recent,
   *   COMPACTED or UNAVAILABLE when the log does not hold `index`.
   */
  createSnapshot(index: number, confState: ConfState | null, data: Uint8Array): Snapshot {
    const { metadata } = this.#snapshot;
    if (index <= metadata.index) throw new StorageError('SNAPSHOT_OUT_OF_DATE');
    this.#snapshot = {
      data,
      metadata: { confState: confState ?? metadata.confState, index, term: this.term(index) },
    };
    return this.#snapshot;
  }

  /**
   * Drops the entries up to and including `index`, which must be applied.
   *
   * @throws {StorageError} COMPACTED when that has happened already, UNAVAILABLE
   *   beyond the end of the log.
   */
  compact(index: number): void {
    if (index <= this.#compactedIndex) throw new StorageError('COMPACTED');
    const term = this.term(index);
    this.#entries = this.#entries.slice(index - this.#compactedIndex);
    this.#compactedIndex = index;
    this.#compactedTerm = term;
  }
}
