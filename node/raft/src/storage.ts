import type { ConfState, Entry, HardState, Snapshot } from './types.ts';

/** Why a {@link Storage} could not answer. */
export type StorageErrorCode =
  | 'COMPACTED'
  | 'UNAVAILABLE'
  | 'SNAPSHOT_OUT_OF_DATE'
  | 'SNAPSHOT_TEMPORARILY_UNAVAILABLE';

const STORAGE_ERROR_TEXTS: Record<StorageErrorCode, string> = {
  COMPACTED: 'requested index is unavailable due to compaction',
  UNAVAILABLE: 'requested entry at index is unavailable',
  SNAPSHOT_OUT_OF_DATE: 'requested index is older than the existing snapshot',
  SNAPSHOT_TEMPORARILY_UNAVAILABLE: 'snapshot is temporarily unavailable',
};

/**
 * An answer that a {@link Storage} is allowed to give. The core asks for the
 * bounds first, so throwing one is rare and costs nothing on the usual path.
 * Anything else that a Storage throws is passed on to the caller of the core,
 * who must stop using that RawNode.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode) {
    super(STORAGE_ERROR_TEXTS[code]);
    this.code = code;
  }
}

/** What a member remembers from before a restart. */
export interface InitialState {
  /** null when nothing was ever persisted. */
  readonly hardState: HardState | null;
  /** The membership as of the latest snapshot or applied change; empty for a new member. */
  readonly confState: ConfState;
}

/**
 * The core's view of what is durable. All methods are synchronous and must
 * reflect every write that was acknowledged to the core (by `advance()`, or by
 * stepping the responses of a StorageAppend message), and may reflect later ones.
 *
 * The log is contiguous: it holds the entries `firstIndex()..lastIndex()`, and
 * knows the term of the entry before the first one, which the snapshot covers.
 * Entries that were returned must never be changed.
 */
export interface Storage {
  /** The state to start from. Called once, when the RawNode is created. */
  initialState(): InitialState;

  /**
   * The entries `lo <= index < hi`, in order. Returns as many as fit into `maxSize`
   * bytes (as counted by `entrySize`), but at least one. The array belongs to the
   * caller; the entries stay shared and immutable.
   *
   * The core asks with `firstIndex() <= lo < hi <= lastIndex() + 1`.
   *
   * @throws {StorageError} COMPACTED when `lo < firstIndex()`; UNAVAILABLE when an
   *   entry of the range cannot be read.
   */
  entries(lo: number, hi: number, maxSize: number): Entry[];

  /**
   * The term of the entry at `index`, for `firstIndex() - 1 <= index <= lastIndex()`.
   *
   * @throws {StorageError} COMPACTED below that range, UNAVAILABLE above it.
   */
  term(index: number): number;

  /**
   * Optional: whether one of the entries `lo <= index < hi` changes the membership. Without it the
   * core reads all of them when it wants to know, which it does before it campaigns.
   */
  changesMembership?(lo: number, hi: number): boolean;

  /** The index of the first entry that `entries` can return: the snapshot's index + 1. */
  firstIndex(): number;

  /** The index of the last entry; `firstIndex() - 1` when the log is empty. */
  lastIndex(): number;

  /**
   * The most recent snapshot. The core sends it to followers that need compacted
   * entries, so its index must be at least `firstIndex() - 1`.
   *
   * @throws {StorageError} SNAPSHOT_TEMPORARILY_UNAVAILABLE when none can be given
   *   right now; the core asks again later.
   */
  snapshot(): Snapshot;
}
