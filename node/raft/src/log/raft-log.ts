import type { Logger } from '../logger.ts';
import { LineLogger } from '../logger.ts';
import type { Storage } from '../storage.ts';
import { StorageError } from '../storage.ts';
import type { Entry, Snapshot } from '../types.ts';
import { NO_LIMIT } from '../types.ts';
import { countWithin, entriesSize } from './size.ts';
import { UNKNOWN_TERM, Unstable } from './unstable.ts';

const NO_ENTRIES: readonly Entry[] = [];

/** Returned by `maybeAppend` when the logs do not match. */
export const NO_MATCH = -1;

/**
 * The whole log as the protocol sees it: what the Storage holds, followed (and
 * possibly overlaid) by what is unstable, with the cursors
 * `applied <= applying <= committed <= lastIndex`.
 */
export class RaftLog {
  /** What is not known to be durable. */
  readonly unstable: Unstable;
  readonly #storage: Storage;
  readonly #logger: LineLogger;
  #committed: number;
  #applying: number;
  #applied: number;
  /** Limit and sum of the committed entries handed out and not yet acknowledged. */
  readonly #maxApplyingSize: number;
  #applyingSize = 0;
  #applyingPaused = false;

  constructor(storage: Storage, logger: Logger, maxApplyingSize: number) {
    this.#storage = storage;
    this.#logger = new LineLogger(logger);
    this.#maxApplyingSize = maxApplyingSize;
    const beforeFirst = storage.firstIndex() - 1;
    const last = storage.lastIndex();
    if (!isCount(beforeFirst) || !isCount(last) || last < beforeFirst) {
      throw this.#logger.storageFault`firstIndex ${beforeFirst + 1}, lastIndex ${last}`;
    }
    this.unstable = new Unstable(last + 1, logger);
    this.#committed = beforeFirst;
    this.#applying = beforeFirst;
    this.#applied = beforeFirst;
  }

  /** The highest index known to be committed (Raft paper, figure 2). */
  get committed(): number {
    return this.#committed;
  }

  /** The highest index that the application has applied (Raft paper, figure 2). */
  get applied(): number {
    return this.#applied;
  }

  /** The limit for reading committed entries, in bytes. */
  get pageSize(): number {
    return this.#maxApplyingSize;
  }

  toString(): string {
    const unstable = this.unstable;
    return (
      `committed=${this.#committed}, applied=${this.#applied}, applying=${this.#applying}, ` +
      `unstable.offset=${unstable.offset}, unstable.offsetInProgress=${unstable.offsetInProgress}, ` +
      `len(unstable.Entries)=${unstable.length}`
    );
  }

  firstIndex(): number {
    const snapshot = this.unstable.snapshot;
    return snapshot === null ? this.#storage.firstIndex() : snapshot.metadata.index + 1;
  }

  lastIndex(): number {
    return this.unstable.lastIndex() || this.#storage.lastIndex();
  }

  lastTerm(): number {
    const term = this.term(this.lastIndex());
    if (term === UNKNOWN_TERM) {
      throw this.#logger.storageFault`no term for its lastIndex ${this.lastIndex()}`;
    }
    return term;
  }

  /** The term at `index`, or UNKNOWN_TERM when it is compacted or beyond the end. */
  term(index: number): number {
    const unstable = this.unstable.term(index);
    if (unstable !== UNKNOWN_TERM) return unstable;
    // The term before the first entry is still known, to match appends against it.
    if (index + 1 < this.firstIndex() || index > this.lastIndex()) return UNKNOWN_TERM;
    try {
      const term = this.#storage.term(index);
      if (!isCount(term)) throw this.#logger.storageFault`term(${index}) is ${term}`;
      return term;
    } catch (error) {
      if (isOutOfRange(error)) return UNKNOWN_TERM;
      throw error;
    }
  }

  /** Whether this log holds that entry; then all before it are equal too (Log Matching, Raft paper, section 5.3). */
  matchTerm(index: number, term: number): boolean {
    return this.term(index) === term;
  }

  /** Whether a log that ends in (`index`, `term`) may lead this one (Raft paper, section 5.4.1). */
  isUpToDate(index: number, term: number): boolean {
    const ours = this.lastTerm();
    return term > ours || (term === ours && index >= this.lastIndex());
  }

  /** Appends a leader's own entries, and returns the last index. */
  append(entries: readonly Entry[]): number {
    const first = entries[0];
    if (first === undefined) return this.lastIndex();
    if (first.index <= this.#committed) {
      throw this.#logger
        .fatal`after(${first.index - 1}) is out of range [committed(${this.#committed})]`;
    }
    this.unstable.truncateAndAppend(entries);
    return this.lastIndex();
  }

  /**
   * Appends what a leader sent, if this log holds the entry before it (the
   * consistency check of the Raft paper, section 5.3), and takes over its commit index
   * as far as the logs are known to agree. Returns the last index that now agrees
   * with the leader, or NO_MATCH.
   */
  maybeAppend(
    previousIndex: number,
    previousTerm: number,
    entries: readonly Entry[],
    commit: number,
  ): number {
    if (!this.matchTerm(previousIndex, previousTerm)) return NO_MATCH;
    const lastNew = previousIndex + entries.length;
    const conflict = this.#findConflict(entries);
    if (conflict !== 0) {
      if (conflict <= this.#committed) {
        throw this.#logger
          .fatal`entry ${conflict} conflict with committed entry [committed(${this.#committed})]`;
      }
      const known = conflict - (previousIndex + 1);
      this.append(known === 0 ? entries : entries.slice(known));
    }
    this.commitTo(Math.min(commit, lastNew));
    return lastNew;
  }

  /** The index of the first entry that is new or differs in term from ours; 0 if there is none. */
  #findConflict(entries: readonly Entry[]): number {
    for (const entry of entries) {
      const ours = this.term(entry.index);
      if (ours === entry.term) continue;
      if (entry.index <= this.lastIndex()) {
        this.#logger
          .info`found conflict at index ${entry.index} [existing term: ${Math.max(ours, 0)}, conflicting term: ${entry.term}]`;
      }
      return entry.index;
    }
    return 0;
  }

  /**
   * Where this log may match another one that holds (`index`, `term`): the largest
   * index up to `index` whose term is at most `term`, or is unknown. Whole terms
   * are skipped at once, so that a diverged log is found out in a few round trips
   * (the optimisation at the end of the Raft paper's section 5.3).
   */
  findConflictByTerm(index: number, term: number): number {
    let guess = index;
    // An unknown term compares as smaller, and ends the search.
    while (guess > 0 && this.term(guess) > term) guess--;
    return guess;
  }

  /** The snapshot to send to a follower. @throws {StorageError} when there is none right now. */
  snapshot(): Snapshot {
    return this.unstable.snapshot ?? this.#storage.snapshot();
  }

  /** Whether {@link nextCommittedEntries} would return any. */
  hasNextCommittedEntries(allowUnstable: boolean): boolean {
    // A snapshot has to be installed before anything after it is applied.
    if (this.#applyingPaused || this.unstable.snapshot !== null) return false;
    return this.#applying < this.#maxAppliableIndex(allowUnstable);
  }

  /** Committed entries to apply; with `allowUnstable`, also those that are not durable here. */
  nextCommittedEntries(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommittedEntries(allowUnstable)) return NO_ENTRIES;
    const lo = this.#applying + 1;
    const hi = this.#maxAppliableIndex(allowUnstable) + 1;
    const maxSize =
      this.#maxApplyingSize === NO_LIMIT ? NO_LIMIT : this.#maxApplyingSize - this.#applyingSize;
    if (maxSize <= 0) {
      throw this.#logger
        .fatal`applying entry size (${this.#maxApplyingSize}-${this.#applyingSize})=${maxSize} not positive`;
    }
    const entries = this.slice(lo, hi, maxSize);
    if (entries === null) {
      throw this.#logger.storageFault`unapplied entries from ${lo} are compacted`;
    }
    return entries;
  }

  #maxAppliableIndex(allowUnstable: boolean): number {
    if (allowUnstable) return this.#committed;
    return Math.min(this.#committed, this.unstable.offset - 1);
  }

  /** What `entries` count for in the limit of what is being applied; 0 where there is none. */
  sizeToApply(entries: readonly Entry[]): number {
    return this.#maxApplyingSize === NO_LIMIT ? 0 : entriesSize(entries);
  }

  /** Notes that entries up to `index`, `size` bytes of them, are being applied. */
  acceptApplying(index: number, size: number, allowUnstable: boolean): void {
    if (this.#committed < index) {
      throw this.#logger
        .fatal`applying(${index}) is out of range [prevApplying(${this.#applying}), committed(${this.#committed})]`;
    }
    this.#applying = index;
    this.#applyingSize += size;
    // Also when the next entry alone would go over the limit: that is why it was left out.
    this.#applyingPaused =
      this.#applyingSize >= this.#maxApplyingSize || index < this.#maxAppliableIndex(allowUnstable);
  }

  /** Notes that everything up to `index` is applied, which frees `size` bytes of the limit. */
  appliedTo(index: number, size: number): void {
    if (this.#committed < index || index < this.#applied) {
      throw this.#logger
        .fatal`applied(${index}) is out of range [prevApplied(${this.#applied}), committed(${this.#committed})]`;
    }
    this.#applied = index;
    this.#applying = Math.max(this.#applying, index);
    this.#applyingSize = Math.max(0, this.#applyingSize - size);
    this.#applyingPaused = this.#applyingSize >= this.#maxApplyingSize;
  }

  /** Moves the commit index forward to `index`; it never moves back. */
  commitTo(index: number): void {
    if (index <= this.#committed) return;
    if (this.lastIndex() < index) {
      throw this.#logger
        .fatal`tocommit(${index}) is out of range [lastIndex(${this.lastIndex()})]. Was the raft log corrupted, truncated, or lost?`;
    }
    this.#committed = index;
  }

  /**
   * Commits `index` if it is news and its entry is of `term`: a leader commits only
   * entries of its own term by counting (Raft paper, section 5.4.2 and figure 8).
   */
  maybeCommit(index: number, term: number): boolean {
    if (term === 0 || index <= this.#committed || !this.matchTerm(index, term)) return false;
    this.commitTo(index);
    return true;
  }

  /** Replaces the log by a snapshot. */
  restore(snapshot: Snapshot): void {
    const { index, term } = snapshot.metadata;
    this.#logger.info`log [${this}] starts to restore snapshot [index: ${index}, term: ${term}]`;
    this.#committed = index;
    this.unstable.restore(snapshot);
  }

  /**
   * What the Storage can tell, without reading them, of the entries `lo <= index < hi`: whether one
   * of them changes the membership, and before which index that answer ends.
   */
  changesMembership(lo: number, hi: number): { readonly changes: boolean; readonly upTo: number } {
    const cut = Math.min(hi, this.unstable.offset);
    if (lo >= cut) return { changes: false, upTo: lo };
    const changes = this.#storage.changesMembership?.(lo, cut);
    return { changes: changes === true, upTo: changes === undefined ? lo : cut };
  }

  /** The entries from `index` on, within `maxSize` bytes; null when `index` is compacted. */
  entriesFrom(index: number, maxSize: number): readonly Entry[] | null {
    const last = this.lastIndex();
    return index > last ? NO_ENTRIES : this.slice(index, last + 1, maxSize);
  }

  /**
   * The entries `lo <= index < hi`, as many as fit into `maxSize` bytes but at least
   * one; null when `lo` is compacted.
   */
  slice(lo: number, hi: number, maxSize: number): readonly Entry[] | null {
    if (lo > hi) throw this.#logger.fatal`invalid slice ${lo} > ${hi}`;
    if (lo < this.firstIndex()) return null;
    if (hi > this.lastIndex() + 1) {
      throw this.#logger
        .fatal`slice[${lo},${hi}) out of bound [${this.firstIndex()},${this.lastIndex()}]`;
    }
    if (lo === hi) return NO_ENTRIES;
    if (lo >= this.unstable.offset) return limit(this.unstable.slice(lo, hi), maxSize);

    const cut = Math.min(hi, this.unstable.offset);
    const stable = this.#stableEntries(lo, cut, maxSize);
    if (stable === null || hi <= this.unstable.offset || stable.length < cut - lo) return stable;
    return this.#extend(stable, hi, maxSize);
  }

  #stableEntries(lo: number, hi: number, maxSize: number): Entry[] | null {
    try {
      const entries = this.#storage.entries(lo, hi, maxSize);
      if (!isRange(entries, lo, hi)) {
        throw this.#logger.storageFault`entries(${lo}, ${hi}) do not begin at ${lo}, or have gaps`;
      }
      if (maxSize !== NO_LIMIT && countWithin(entries, maxSize) < entries.length) {
        throw this.#logger
          .storageFault`entries(${lo}, ${hi}) exceed the ${maxSize} bytes asked for`;
      }
      return entries;
    } catch (error) {
      if (!isOutOfRange(error)) throw error;
      if (error.code === 'COMPACTED') return null;
      throw this.#logger.fatal`entries[${lo}:${hi}) is unavailable from storage`;
    }
  }

  /** Adds unstable entries to stable ones, as far as the limit allows. */
  #extend(stable: Entry[], hi: number, maxSize: number): readonly Entry[] {
    const size = maxSize === NO_LIMIT ? 0 : entriesSize(stable);
    if (size >= maxSize) return stable;
    const room = maxSize === NO_LIMIT ? NO_LIMIT : maxSize - size;
    const unstable = limit(this.unstable.slice(this.unstable.offset, hi), room);
    // The first one always passes the limit, which is meant for a list of its own.
    if (unstable.length === 1 && entriesSize(unstable) > room) return stable;
    for (const entry of unstable) stable.push(entry);
    return stable;
  }
}

function limit(entries: readonly Entry[], maxSize: number): readonly Entry[] {
  const count = countWithin(entries, maxSize);
  return count < entries.length ? entries.slice(0, count) : entries;
}

/** Whether `value` can be a term or an index. */
function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Whether `entries` run from `lo` without a gap, end before `hi`, and never fall back in term. */
function isRange(entries: readonly Entry[], lo: number, hi: number): boolean {
  let index = lo;
  let term = 0;
  for (const entry of entries) {
    if (entry.index !== index || !(entry.term >= term)) return false;
    term = entry.term;
    index++;
  }
  return lo < index && index <= hi;
}

function isOutOfRange(error: unknown): error is StorageError {
  return (
    error instanceof StorageError && (error.code === 'COMPACTED' || error.code === 'UNAVAILABLE')
  );
}
