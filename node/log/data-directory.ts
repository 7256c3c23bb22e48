import type { SnapshotMetadata } from 'etcd-raft-ts';
import { LogCorruptError, LogLockedError, NotALogError } from './errors.ts';
import type { FileLock } from './file-system.ts';
import { readIdentity, requireSameMember, writeIdentity } from './identity.ts';
import { JOURNAL_SEGMENT_BYTES, Journal, OUTBOX_DIRECTORY } from './journal.ts';
import { MemberLog } from './member-log.ts';
import { pauseBy } from './pause.ts';
import type { PayloadCodec } from './payload-codec.ts';
import { type Owner, type RecoveredLog, recoverLog, repairTail } from './recovery.ts';
import { SEGMENT_DIRECTORY, SegmentFiles } from './segment-files.ts';
import type { LogEncryption } from './segment-seal.ts';
import { SnapshotStore } from './snapshot-store.ts';
import type {
  AppliedConfState,
  DataDirectory,
  DataDirectoryOptions,
  Log,
  LogOptions,
  NodeIdentity,
  Recovery,
} from './types.ts';

const LOCK_NAME = 'lock';
const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;
const DEFAULT_CACHE_BYTES = 8 * 1024 * 1024;
const DEFAULT_BATCH_BYTES = 4 * 1024 * 1024;
const MIN_SEGMENT_BYTES = 16 * 1024;
const MAX_SEGMENT_BYTES = 1024 * 1024 * 1024;

/**
 * Locks a data directory, creating it where it does not exist.
 *
 * @throws LogLockedError where a live process has it
 * @throws LogCorruptError, LogFormatError where `node.json` cannot be used
 */
export async function openDataDirectory(options: DataDirectoryOptions): Promise<DataDirectory> {
  const { fs } = options;
  const dir = options.dir.length > 1 ? options.dir.replace(/\/+$/, '') : options.dir;
  const kind = (await fs.stat(dir))?.kind ?? 'directory';
  if (kind !== 'directory') throw new NotALogError(dir, 'it is not a directory');
  await fs.makeDirectory(dir);
  const lock = fs.lock(`${dir}/${LOCK_NAME}`);
  if (lock === null) throw new LogLockedError(dir);
  try {
    const file = await readIdentity(fs, dir);
    return new LockedDirectory({ ...options, dir }, lock, file?.identity ?? null, file?.logBegun);
  } catch (error) {
    lock.release();
    throw error;
  }
}

class LockedDirectory implements DataDirectory {
  readonly path: string;
  readonly #options: DataDirectoryOptions;
  readonly #lock: FileLock;
  #identity: NodeIdentity | null;
  #logBegun: boolean;
  #log: Promise<Log> | null = null;
  #outbox: Promise<Log> | null = null;
  readonly #openings: LogOpening[] = [];
  #closed = false;

  constructor(
    options: DataDirectoryOptions,
    lock: FileLock,
    identity: NodeIdentity | null,
    logBegun = false,
  ) {
    this.path = options.dir;
    this.#options = options;
    this.#lock = lock;
    this.#identity = identity;
    this.#logBegun = logBegun;
  }

  get identity(): NodeIdentity | null {
    return this.#identity;
  }

  async writeIdentity(identity: NodeIdentity): Promise<void> {
    this.#requireOpen();
    requireSameMember(this.#identity, identity);
    if ((identity.clusterId === null) !== (identity.memberId === null)) {
      throw new RangeError('cluster id and member id are known together');
    }
    const file = { identity, logBegun: this.#logBegun };
    await writeIdentity(this.#options.fs, this.path, file);
    this.#identity = identity;
  }

  openLog(options: LogOptions = {}): Promise<Log> {
    if (this.#log !== null) throw new RangeError('the log is open already');
    this.#log = this.#openLog(this.#owner(), options);
    return this.#log;
  }

  /** @throws RangeError where the identity is not complete */
  #owner(): Owner {
    this.#requireOpen();
    const { clusterId, memberId } = this.#identity ?? { clusterId: null, memberId: null };
    if (clusterId === null || memberId === null) throw new RangeError('no member is known yet');
    return { clusterId, memberId };
  }

  async hasOutbox(): Promise<boolean> {
    const { fs, dir } = this.#options;
    return (await fs.stat(`${dir}/${OUTBOX_DIRECTORY}`)) !== null;
  }

  async openOutbox(options: LogOptions = {}): Promise<Journal> {
    if (this.#outbox !== null) throw new RangeError('the outbox is open already');
    const owner = this.#owner();
    const dir = `${this.#options.dir}/${OUTBOX_DIRECTORY}`;
    // A segment of the outbox must not pass for one of the log.
    const keys = options.keys?.forPart(OUTBOX_DIRECTORY) ?? null;
    const limits = { segmentBytes: JOURNAL_SEGMENT_BYTES, ...options, keys };
    const opening = new LogOpening({ ...this.#options, dir }, owner, limits, false);
    this.#openings.push(opening);
    this.#outbox = opening.open(false);
    return new Journal(await this.#outbox);
  }

  async #openLog(owner: Owner, options: LogOptions): Promise<Log> {
    const opening = new LogOpening(this.#options, owner, options, true);
    this.#openings.push(opening);
    const log = await opening.open(this.#logBegun);
    if (!this.#logBegun && this.#identity !== null) {
      const file = { identity: this.#identity, logBegun: true };
      await writeIdentity(this.#options.fs, this.path, file);
      this.#logBegun = true;
    }
    return log;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      for (const opening of this.#openings) opening.giveUp();
      for (const opened of [this.#outbox, this.#log]) {
        const log = await opened?.catch(() => null);
        await log?.close();
      }
    } finally {
      this.#lock.release();
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw new Error('the data directory is closed');
  }
}

/** The steps from a locked directory to a log that can be used. */
class LogOpening {
  readonly #options: DataDirectoryOptions;
  readonly #owner: Owner;
  readonly #limits: Limits;
  readonly #encryption: LogEncryption;
  readonly #codec: () => PayloadCodec;
  readonly #onRecovering: (read: number, of: number) => void;
  readonly #defer: (run: () => void) => void;
  /**
   * Consensus appends all that it has in one callback, so its log need not wait for the end of the
   * turn. To a journal, requests of one turn append one by one: it waits for the last of them.
   */
  readonly #hurry: (run: () => void) => void;
  readonly #pause: () => Promise<void>;
  readonly #files: SegmentFiles;
  readonly #snapshots: SnapshotStore;
  readonly #needsSnapshots: boolean;

  /** @param needsSnapshots whether what is compacted must be in a snapshot: not in a journal */
  constructor(
    options: DataDirectoryOptions,
    owner: Owner,
    limits: LogOptions,
    needsSnapshots: boolean,
  ) {
    const { fs, dir, logger } = options;
    const { keys = null, encrypts = keys !== null } = limits;
    if (encrypts && keys === null) throw new RangeError('there are no keys');
    const { onSecret = () => {} } = limits;
    this.#encryption = { keys, isOn: encrypts, onSecret };
    this.#options = options;
    this.#needsSnapshots = needsSnapshots;
    this.#owner = owner;
    this.#limits = resolveLimits(limits);
    this.#codec = limits.codec ?? (() => 'json');
    this.#onRecovering = limits.onRecovering ?? (() => undefined);
    this.#defer = options.defer ?? setImmediate;
    const { hurry = options.defer ?? queueMicrotask } = options;
    this.#hurry = needsSnapshots ? hurry : this.#defer;
    this.#pause = pauseBy(this.#defer);
    const { segmentBytes } = this.#limits;
    const { clock } = options;
    // A journal's segments come and go: none may carry on, behind its records, what one held in plain.
    const reuses = () => needsSnapshots || !this.#encryption.isOn;
    const place = { fs, dataDirectory: dir, segmentBytes };
    this.#files = new SegmentFiles({ ...place, logger, clock, reuses });
    const store = { fs, directory: dir, ...owner, pause: this.#pause };
    this.#snapshots = new SnapshotStore({ ...store, encryption: this.#encryption });
  }

  /** Stops waiting for space on a full disk. */
  giveUp(): void {
    this.#files.giveUp();
  }

  async open(mustExist: boolean): Promise<Log> {
    const { fs, dir, clock, random } = this.#options;
    const startedMs = clock.monotonicMs();
    await fs.makeDirectory(`${dir}/${SEGMENT_DIRECTORY}`);
    await fs.syncDirectory(dir);
    await this.#snapshots.open();
    const recovered = await recoverLog(this.#files, this.#owner, this.#pause, this.#onRecovering);
    // A killed process leaves names that only the page cache has: before anything is written into a
    // file, no power cut may bring an old name of it back, or take its name away.
    await fs.syncDirectory(this.#files.directory);
    const { tail, segments } = recovered;
    const empty = tail === null;
    const begun = mustExist || this.#snapshots.current !== null;
    if (begun && empty) throw missing('the log is gone, and with it the votes of this member');
    const restart = this.#restartBehind(recovered);
    const segment = tail === null ? undefined : segments.get(tail.sequence);
    if (tail !== null && segment !== undefined) await repairTail(tail, segment);
    await this.#files.adoptSpares(!this.#encryption.isOn);
    const recovery = this.#describe(recovered, restart, clock.monotonicMs() - startedMs);
    const { cacheBytes, maxBatchBytes } = this.#limits;
    const log = new MemberLog({
      owner: this.#owner,
      recovered,
      recovery,
      files: this.#files,
      snapshots: this.#snapshots,
      clock,
      random,
      cacheBytes,
      maxBatchBytes,
      codec: this.#codec,
      defer: this.#defer,
      hurry: this.#hurry,
      encryption: this.#encryption,
      needsSnapshots: this.#needsSnapshots,
    });
    await log.begin(restart);
    return log;
  }

  /**
   * The snapshot that the log has to restart behind; null where the two fit together. A snapshot
   * that the log does not lead to was received, and the crash came before the log was restarted.
   */
  #restartBehind(recovered: RecoveredLog): SnapshotMetadata | null {
    const { entries } = recovered.replay;
    const snapshot = this.#snapshots.current?.metadata ?? null;
    const base = entries.baseIndex;
    if (snapshot === null) {
      if (base > 0 && this.#needsSnapshots)
        throw missing(`there is no snapshot, and the log begins behind entry ${base}`);
      return null;
    }
    if (snapshot.index < base) {
      const why = this.#snapshots.fallback ?? 'the snapshot is too old';
      throw missing(`${why}; snapshot ${snapshot.index} ends before the log begins, at ${base}`);
    }
    const known = snapshot.index <= entries.lastIndex;
    return known && entries.term(snapshot.index) === snapshot.term ? null : snapshot;
  }

  #describe(
    recovered: RecoveredLog,
    restart: SnapshotMetadata | null,
    durationMs: number,
  ): Recovery {
    const { tail, replay, segments, records } = recovered;
    const recovery = {
      empty: tail === null && this.#snapshots.current === null,
      segments: segments.size,
      records,
      truncatedBytes: tail === null ? 0 : tail.tornEnd - tail.end,
      snapshot: this.#snapshots.current?.metadata ?? null,
      snapshotFallback: this.#snapshots.fallback,
      confState: restart === null ? replay.confState : membershipOf(restart),
      durationMs,
    };
    this.#report(recovery, recovered);
    return recovery;
  }

  #report(recovery: Recovery, recovered: RecoveredLog): void {
    const { logger } = this.#options;
    const { baseIndex, lastIndex } = recovered.replay.entries;
    const { segments, records, truncatedBytes, snapshotFallback, snapshot } = recovery;
    const durationMs = Math.round(recovery.durationMs);
    const range = { firstIndex: baseIndex + 1, lastIndex, snapshotIndex: snapshot?.index ?? 0 };
    const fields = { segments, records, truncatedBytes, durationMs, ...range };
    logger.info(fields, 'log recovered');
    if (truncatedBytes > 0) logger.warn({ truncatedBytes }, 'an unfinished batch was cut off');
    const { previousProblem } = this.#snapshots;
    if (previousProblem !== null) {
      logger.error({ reason: previousProblem }, 'the previous snapshot is damaged');
    }
    if (snapshotFallback !== null) {
      logger.error({ reason: snapshotFallback }, 'the previous snapshot is used');
    }
  }
}

function membershipOf({ index, confState }: SnapshotMetadata): AppliedConfState {
  return { index, confState };
}

function missing(reason: string): LogCorruptError {
  return new LogCorruptError({ file: SEGMENT_DIRECTORY, offset: 0, record: -1, reason });
}

type Limits = Required<Pick<LogOptions, 'segmentBytes' | 'cacheBytes' | 'maxBatchBytes'>>;

function resolveLimits(options: LogOptions): Limits {
  const limits = {
    segmentBytes: options.segmentBytes ?? DEFAULT_SEGMENT_BYTES,
    cacheBytes: options.cacheBytes ?? DEFAULT_CACHE_BYTES,
    maxBatchBytes: options.maxBatchBytes ?? DEFAULT_BATCH_BYTES,
  };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} is out of range`);
  }
  const { segmentBytes } = limits;
  if (segmentBytes < MIN_SEGMENT_BYTES || segmentBytes > MAX_SEGMENT_BYTES) {
    throw new RangeError(`segmentBytes must be from ${MIN_SEGMENT_BYTES} to ${MAX_SEGMENT_BYTES}`);
  }
  return limits;
}
