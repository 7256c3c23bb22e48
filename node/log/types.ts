import type { ConfState, Entry, HardState, SnapshotMetadata, Storage } from 'etcd-raft-ts';
import type { FileKeys } from '../encryption/index.ts';
import type { Clock, Logger, Random } from '../ports/index.ts';
import type { PayloadVisitor } from './entry-reader.ts';
import type { BadPlace } from './errors.ts';
import type { FileSystem } from './file-system.ts';
import type { Journal } from './journal.ts';
import type { PayloadCodec } from './payload-codec.ts';

/** Who a data directory belongs to; the content of `node.json`. */
export interface NodeIdentity {
  /** Bound to the member for good: an empty disk gets a new one. */
  readonly diskUuid: string;
  readonly name: string;
  /** Null until the node has bootstrapped a cluster or was taken into one. At most 64 bytes. */
  readonly clusterId: string | null;
  /** Null together with `clusterId`. */
  readonly memberId: number | null;
}

/** What a data directory is opened with. */
export interface DataDirectoryOptions {
  /** Created where it does not exist. */
  readonly dir: string;
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /**
   * Runs a slice of long work later, after what else waits; default setImmediate. Batches begin
   * through it, too, so that everything that arrives in one turn of the event loop shares one; where
   * it is not given, the log begins small ones at the end of the present callback.
   */
  readonly defer?: (slice: () => void) => void;
  /** Begins small batches of the log; default at the end of the present callback, or `defer`. */
  readonly hurry?: (start: () => void) => void;
}

/** Sizes are bytes. */
export interface LogOptions {
  /** Size of a segment file; default 64 MiB. */
  readonly segmentBytes?: number;
  /** Bound of the recent entries kept in memory, in bytes of payload; default 8 MiB. */
  readonly cacheBytes?: number;
  /** A batch above this size is closed and the next one begun; default 4 MiB. */
  readonly maxBatchBytes?: number;
  /** Keys for the files of this directory; without them nothing is encrypted, nor can be read. */
  readonly keys?: FileKeys | null;
  /** Whether new files are encrypted; default where there are keys. */
  readonly encrypts?: boolean;
  /** How the payloads of entries are written, asked for each; default json. Both can be read. */
  readonly codec?: () => PayloadCodec;
  /** Hears that another member sends what must be encrypted, and there are no keys. */
  readonly onSecret?: (error: Error) => void;
  /** Hears how many of the log's segments are read, before each is. */
  readonly onRecovering?: (read: number, of: number) => void;
}

/**
 * A locked data directory. The lock is taken before anything is read or written, and held until
 * `close` or the end of the process.
 */
export interface DataDirectory {
  readonly path: string;
  /** Null in a new directory. */
  readonly identity: NodeIdentity | null;
  /**
   * Writes `node.json`, atomically and durably. A cluster id, member id or disk uuid that is set
   * can never be changed.
   *
   * @throws ClusterMismatchError
   */
  writeIdentity(identity: NodeIdentity): Promise<void>;
  /**
   * Recovers the log, or begins a new one. The identity must be complete. Once per directory.
   *
   * @throws LogCorruptError, LogFormatError, ClusterMismatchError, NotALogError
   */
  openLog(options?: LogOptions): Promise<Log>;
  /** Whether this member has an outbox on this disk. */
  hasOutbox(): Promise<boolean>;
  /**
   * Recovers the outbox, or begins a new one. The identity must be complete. Once per directory;
   * errors as of `openLog`.
   */
  openOutbox(options?: LogOptions): Promise<Journal>;
  /** Closes log and outbox where they are open, and releases the lock. */
  close(): Promise<void>;
}

/** What was found on disk when the log was opened. */
export interface Recovery {
  /** True where there was no log: nothing was ever written here. */
  readonly empty: boolean;
  readonly segments: number;
  /** Records read, of every type. */
  readonly records: number;
  /** Bytes of a torn last batch that were cut off; never anything that was acknowledged. */
  readonly truncatedBytes: number;
  /** The snapshot that `readSnapshot` gives; null where there is none. */
  readonly snapshot: SnapshotMetadata | null;
  /** Why the newer snapshot was passed over for the previous one; null where it was not. */
  readonly snapshotFallback: string | null;
  /** The latest applied membership that was saved, which may be newer than the snapshot's. */
  readonly confState: AppliedConfState | null;
  readonly durationMs: number;
}

/** A membership, and the index of the entry that brought it about. */
export interface AppliedConfState {
  readonly index: number;
  readonly confState: ConfState;
}

/** One step of the consensus core to make durable: all of it, or (after a crash) a prefix. */
export interface SaveRequest {
  /**
   * A snapshot that was received (`receiveSnapshot`) and is now to replace state and log: the log
   * restarts behind it, then the rest of this request applies.
   */
  readonly snapshot?: SnapshotMetadata | null;
  /**
   * Consecutive; the first at most `lastIndex() + 1`. Lower ones replace a conflicting tail. The
   * log keeps references to the entries: their bytes must not change afterwards.
   */
  readonly entries?: readonly Entry[];
  readonly confState?: AppliedConfState | null;
  readonly hardState?: HardState | null;
}

/** A snapshot of a leader, verified and waiting for `save({snapshot})`. A newer one replaces it. */
export interface ReceivedSnapshot {
  readonly metadata: SnapshotMetadata;
  /** Size of the file. */
  readonly bytes: number;
}

/** What is here of a snapshot whose transfer broke off. */
export interface SnapshotPart {
  /** That of the stream that it came from. */
  readonly identity: number;
  /** So many from its beginning. */
  readonly bytes: number;
}

/** The current snapshot as raw bytes, to send to a follower. */
export interface SnapshotStream {
  readonly metadata: SnapshotMetadata;
  readonly bytes: number;
  /** Tells it from other snapshots. */
  readonly identity: number;
  /** Its bytes from an offset on, as often as is asked for; `close` ends the stream. */
  from(offset: number): AsyncIterable<Uint8Array>;
  /** Can be iterated once; ends the stream. Stays valid when a newer snapshot is written. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Gives the file back where `chunks` was not read to its end. */
  close(): Promise<void>;
}

/**
 * The current snapshot as a file to read from at any place, for as long as it is open, whatever
 * takes its name meanwhile. Positions count from the first chunk, frames included.
 */
export interface SnapshotParts {
  /** The state that it holds. */
  readonly appliedIndex: number;
  /** Fills `target`; returns the bytes read, fewer only at the end. Synchronous. */
  read(target: Uint8Array, position: number): number;
  /** Has bytes brought into memory, so that `read` need not wait for the disk; never fails. */
  readAhead(position: number, bytes: number): Promise<void>;
  /** @throws LogCorruptError that names the file and the place */
  damaged(position: number): never;
  close(): void;
}

/** What came of `writeSnapshot`. */
export type SnapshotResult =
  | { readonly kind: 'written'; readonly bytes: number; readonly durationMs: number }
  /** A newer snapshot was installed meanwhile; nothing changed. */
  | { readonly kind: 'superseded' };

/** Figures for metrics; bytes and counts since the log was opened. */
export interface LogStatistics {
  readonly batches: number;
  readonly records: number;
  readonly bytes: number;
  /** Waiting for the disk now. */
  readonly pendingBytes: number;
  readonly segments: number;
  /** On disk: segments, and spares for the next ones. */
  readonly segmentBytes: number;
  /** On disk: the current snapshot and the previous one. */
  readonly snapshotBytes: number;
  readonly cachedBytes: number;
  /** Of the last batch: write and sync, milliseconds. */
  readonly lastSyncMs: number;
}

/**
 * The durable log of one member. It is the core's `Storage`: reads are synchronous and reflect
 * `save` at once; what is not durable yet is only known to be so through the callback.
 */
export interface Log extends Storage {
  /** Told from memory. */
  changesMembership(lo: number, hi: number): boolean;
  /**
   * Hands out the payloads of the entries `lo <= index < hi` in order, verified, without an object
   * for each: for a replay. The bytes are good during the call alone.
   *
   * @throws LogCorruptError, StorageError
   */
  visit(lo: number, hi: number, take: PayloadVisitor): void;
  readonly recovery: Recovery;
  readonly statistics: LogStatistics;
  /** Bytes that were written so far, as `statistics` has them. */
  readonly writtenBytes: number;
  /** Everything up to this index is durable here (or covered by the snapshot). */
  readonly durableIndex: number;

  /**
   * Queues one step; `done` runs once it is durable, in the order of the calls. Everything that
   * arrives while a batch is under way shares the next one.
   *
   * @throws LogFailedError after a failure; RecordTooLargeError
   */
  save(request: SaveRequest, done: () => void): void;

  /**
   * Called once when a write or sync has failed: no callback of `save` runs any more, and the
   * process must end. Called at once where that has already happened.
   */
  onFailure(listener: (error: Error) => void): void;

  /**
   * Begins the log of a new cluster with a first snapshot: state, membership and position that
   * the first entry follows (`metadata.index + 1`). Durable when it resolves.
   *
   * @throws LogFormatError where the log is not empty
   */
  bootstrap(metadata: SnapshotMetadata, chunks: Iterable<Uint8Array>): Promise<void>;

  /**
   * Writes a snapshot of the applied state beside the log, a slice at a time; the current one
   * becomes the previous. One at a time. `chunks` is drawn lazily, up to 4 MiB per chunk.
   *
   * @throws LogFailedError where the disk refuses; what was there before stays in place
   */
  writeSnapshot(metadata: SnapshotMetadata, chunks: Iterable<Uint8Array>): Promise<SnapshotResult>;

  /** The chunks of the snapshot, as they were written, verified; null where there is none. */
  readSnapshot(): AsyncIterable<Uint8Array> | null;

  /** The current snapshot to read parts from; null where there is none. */
  openSnapshotParts(): Promise<SnapshotParts | null>;

  /** The current snapshot's raw bytes for a follower; null where there is none. */
  openSnapshotStream(): Promise<SnapshotStream | null>;

  /**
   * Takes a leader's snapshot into a temporary file and verifies all of it; nothing of ours
   * changes until `save({snapshot})` names it. Where the stream itself fails, what has come is
   * kept as `receivedPart`.
   *
   * @param offset where the stream begins: 0, or where that part ends
   * @throws SnapshotInvalidError, ClusterMismatchError, LogFormatError
   */
  receiveSnapshot(stream: AsyncIterable<Uint8Array>, offset?: number): Promise<ReceivedSnapshot>;

  /** What a transfer can go on with in this process; null where it has to begin anew. */
  readonly receivedPart: SnapshotPart | null;

  /**
   * Gives up entries up to `index`, but none that the previous snapshot needs: while it is there,
   * a broken current one can be replaced by it and the log. Whole segments are recycled in the
   * background. Returns the index that the log now starts behind.
   */
  compact(index: number): number;

  /** Keeps the entries behind `index` from being given up, until what it returns is called. */
  hold(index: number): () => void;

  /** While space is low, retired segments go back to the disk instead of being kept for reuse. */
  spareSpace(low: boolean): void;

  /**
   * Whether new segments and snapshots are encrypted. Where the segment at hand has not the key that
   * new ones get, the log goes on in a new one: everything saved after this call has it. What is
   * there already stays as it is until it is given up.
   */
  encrypt(on: boolean): void;

  /** Whether {@link encrypt} was last told so, or the directory opened so. */
  readonly isEncrypted: boolean;

  /**
   * Goes on in a new segment, in a file that never held anything else. Until `erase` ends, segments
   * that are given up are removed instead of being used again.
   */
  roll(): Promise<void>;

  /**
   * As `compact`, and resolves when no segment file holds what was given up, except where it shares
   * its segment with later entries: `roll` comes first, and a snapshot of an entry behind it.
   */
  erase(index: number): Promise<number>;

  /** Waits for what was queued, marks the end as clean and closes the files. */
  close(): Promise<void>;
}

/** What a record holds; the names are those that `lithair log --raft` prints. */
export type RecordKind =
  | 'entry'
  | 'confChange'
  | 'confChangeV2'
  | 'hardState'
  | 'confState'
  | 'base'
  | 'reset'
  | 'opened'
  | 'closed'
  | 'sealed';

/** One record as it stands in a segment, for tools. */
export interface RawRecord {
  /** File name of the segment. */
  readonly segment: string;
  /** Byte offset in the segment. */
  readonly offset: number;
  /** Position in the segment, from 0. */
  readonly record: number;
  readonly kind: RecordKind;
  readonly group: number;
  readonly key: number;
  readonly codec: number;
  /** Entry: its index. hardState: the commit index. Others: the index they speak of, or 0. */
  readonly index: number;
  readonly term: number;
  /** An entry's is unpacked, whatever its codec. */
  readonly data: Uint8Array;
}

/** What `verifyLog` found. */
export interface LogReport {
  readonly clusterId: string;
  readonly memberId: number;
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
  /** 0 where the log holds no entry. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly hardState: HardState | null;
  /** An unfinished batch at the end: normal in a running node, cut at the next start. */
  readonly tornBytes: number;
  readonly snapshots: readonly {
    readonly file: string;
    readonly index: number;
    readonly term: number;
    readonly bytes: number;
  }[];
  /** The first bad place; null where everything is sound. */
  readonly problem: BadPlace | null;
}
