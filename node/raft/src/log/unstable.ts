import { assert } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { LineLogger } from '../logger.ts';
import type { Entry, Snapshot } from '../types.ts';

/** Returned in place of a term that is not known; no real term is negative. */
export const UNKNOWN_TERM = -1;

const NO_ENTRIES: readonly Entry[] = [];

/**
 * The end of the log that is not known to be durable yet: entries, and possibly a
 * snapshot that comes before them. Parts that were handed out for writing are "in
 * progress" and stay here until the write is acknowledged, so that the log is
 * whole at any time.
 *
 * `offset` may lie within what the Storage holds: what is written next then
 * replaces the Storage's tail.
 */
export class Unstable {
  #snapshot: Snapshot | null = null;
  #snapshotInProgress = false;
  /**
   * Entry `i` has index `base + i`. Those before `offset` are durable; they go once they are
   * half of all, so that many small acknowledgements do not copy a long list each.
   */
  #entries: readonly Entry[] = NO_ENTRIES;
  /** The same array while nobody else holds it, so that it may grow in place. */
  #growable: Entry[] | null = null;
  #base: number;
  #offset: number;
  /** The first index that was not handed out; `offset <= offsetInProgress`. */
  #offsetInProgress: number;
  readonly #logger: LineLogger;

  constructor(offset: number, logger: Logger) {
    this.#base = offset;
    this.#offset = offset;
    this.#offsetInProgress = offset;
    this.#logger = new LineLogger(logger);
  }

  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  get offset(): number {
    return this.#offset;
  }

  get offsetInProgress(): number {
    return this.#offsetInProgress;
  }

  get length(): number {
    return this.#base + this.#entries.length - this.#offset;
  }

  /** The index of the last entry, or of the snapshot; 0 when there is neither. */
  lastIndex(): number {
    const count = this.#entries.length;
    if (count > 0) return this.#base + count - 1;
    return this.#snapshot === null ? 0 : this.#snapshot.metadata.index;
  }

  /** The term at `index`, or UNKNOWN_TERM when that is not part of the unstable log. */
  term(index: number): number {
    if (index >= this.#offset) {
      const entry = this.#entries[index - this.#base];
      return entry === undefined ? UNKNOWN_TERM : entry.term;
    }
    const metadata = this.#snapshot?.metadata;
    return metadata !== undefined && metadata.index === index ? metadata.term : UNKNOWN_TERM;
  }

  get hasNextEntries(): boolean {
    return this.#offsetInProgress < this.#base + this.#entries.length;
  }

  /** The entries that were not handed out for writing yet. */
  nextEntries(): readonly Entry[] {
    if (!this.hasNextEntries) return NO_ENTRIES;
    return this.slice(this.#offsetInProgress, this.#base + this.#entries.length);
  }

  /** The snapshot, unless there is none or it was handed out already. */
  nextSnapshot(): Snapshot | null {
    return this.#snapshotInProgress ? null : this.#snapshot;
  }

  /** Notes that everything has been handed out for writing. */
  acceptInProgress(): void {
    this.#offsetInProgress = this.#base + this.#entries.length;
    if (this.#snapshot !== null) this.#snapshotInProgress = true;
  }

  /**
   * Drops the entries up to `index`, which are durable. Only for a caller who knows
   * that no write still in progress can overwrite them. Does nothing when the entry
   * at `index` is not the one with `term`: it has been replaced meanwhile.
   */
  stableTo(index: number, term: number): void {
    const found = this.term(index);
    if (found === UNKNOWN_TERM) {
      this.#logger.info`entry at index ${index} missing from unstable log; ignoring`;
      return;
    }
    if (index < this.#offset) {
      this.#logger.info`entry at index ${index} matched unstable snapshot; ignoring`;
      return;
    }
    if (found !== term) {
      this.#logger
        .info`entry at (index,term)=(${index},${term}) mismatched with entry at (${index},${found}) in unstable log; ignoring`;
      return;
    }
    this.#offset = index + 1;
    this.#offsetInProgress = Math.max(this.#offsetInProgress, this.#offset);
    this.#dropDurable();
  }

  #dropDurable(): void {
    const durable = this.#offset - this.#base;
    if (this.length === 0) {
      this.#replace(NO_ENTRIES, this.#offset);
    } else if (durable >= this.length) {
      this.#growable = this.#entries.slice(durable);
      this.#entries = this.#growable;
      this.#base = this.#offset;
    }
  }

  /** Drops the snapshot when it is the one at `index`, which is durable. */
  stableSnapshotTo(index: number): void {
    if (this.#snapshot?.metadata.index !== index) return;
    this.#snapshot = null;
    this.#snapshotInProgress = false;
  }

  /** Begins anew after `snapshot`. */
  restore(snapshot: Snapshot): void {
    this.#offset = snapshot.metadata.index + 1;
    this.#offsetInProgress = this.#offset;
    this.#replace(NO_ENTRIES, this.#offset);
    this.#snapshot = snapshot;
    this.#snapshotInProgress = false;
  }

  /** Appends `entries`, which are not empty, in place of whatever follows their predecessor. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const from = entries[0]?.index ?? 0;
    const end = this.#base + this.#entries.length;
    if (from === end) {
      this.#grow(entries);
      return;
    }
    if (from <= this.#offset) {
      this.#logger.info`replace the unstable entries from index ${from}`;
      this.#replace(entries, from);
      this.#offset = from;
      this.#offsetInProgress = from;
      return;
    }
    this.#logger.info`truncate the unstable entries before index ${from}`;
    this.#growable = this.#entries.slice(0, from - this.#base);
    this.#entries = this.#growable;
    this.#grow(entries);
    this.#offsetInProgress = Math.min(this.#offsetInProgress, from);
  }

  /** The entries `lo <= index < hi`, all of which must be here. The array never changes afterwards. */
  slice(lo: number, hi: number): readonly Entry[] {
    const end = this.#base + this.#entries.length;
    assert(
      this.#offset <= lo && lo <= hi && hi <= end,
      `unstable slice [${lo},${hi}) is out of bounds [${this.#offset},${end}]`,
    );
    if (lo > this.#base || hi < end) {
      return this.#entries.slice(lo - this.#base, hi - this.#base);
    }
    this.#growable = null;
    return this.#entries;
  }

  /** Takes over an array that others may hold too. */
  #replace(entries: readonly Entry[], base: number): void {
    this.#base = base;
    this.#entries = entries;
    this.#growable = null;
  }

  #grow(entries: readonly Entry[]): void {
    if (this.#entries.length === 0) {
      this.#replace(entries, this.#base);
      return;
    }
    this.#growable ??= this.#entries.slice();
    for (const entry of entries) this.#growable.push(entry);
    this.#entries = this.#growable;
  }
}
