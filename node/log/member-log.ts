import {
  type ConfState,
  type Entry,
  EntryType,
  type HardState,
  type InitialState,
  NO_BYTES,
  type Snapshot,
  type SnapshotMetadata,
  StorageError,
} from 'etcd-raft-ts';
import type { Clock, Random } from '../ports/index.ts';
import { Appender, type AppendPosition } from './appender.ts';
import type { Batch } from './batch.ts';
import { BatchWriter } from './batch-writer.ts';
import { EntryCache } from './entry-cache.ts';
import type { EntryIndex } from './entry-index.ts';
import { EntryReader, type PayloadVisitor, recordTypeOf } from './entry-reader.ts';
import { LogFailedError, LogFormatError, RecordTooLargeError } from './errors.ts';
import type { PayloadCodec } from './payload-codec.ts';
import { encodeConfState, encodeVote } from './payloads.ts';
import { MAX_PAYLOAD_BYTES, RECORD_HEADER_BYTES, RecordType } from './record.ts';
import type { Owner, RecoveredLog } from './recovery.ts';
import {
  SEGMENT_DIRECTORY,
  type Segment,
  type SegmentFiles,
  segmentName,
} from './segment-files.ts';
import { type LogEncryption, openSeal, SEALED_BYTES } from './segment-seal.ts';
import { asLogFailure, type SnapshotStore } from './snapshot-store.ts';
import type {
  AppliedConfState,
  Log,
  LogStatistics,
  ReceivedSnapshot,
  Recovery,
  SaveRequest,
  SnapshotPart,
  SnapshotParts,
  SnapshotResult,
  SnapshotStream,
} from './types.ts';

/** Whether it is going to be encrypted or not. */
const MAX_ENTRY_BYTES = MAX_PAYLOAD_BYTES - SEALED_BYTES;

/** At least a sector of any disk. */
const CLOSING_BYTES = 4096;

const NO_MEMBERS: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** What a log is made from, once everything on disk was read. */
export interface MemberLogParts {
  readonly owner: Owner;
  readonly recovered: RecoveredLog;
  readonly recovery: Recovery;
  readonly files: SegmentFiles;
  readonly snapshots: SnapshotStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly cacheBytes: number;
  readonly maxBatchBytes: number;
  readonly codec: () => PayloadCodec;
  readonly defer: (run: () => void) => void;
  /** As `defer`, for a batch that waits for nobody else. */
  readonly hurry: (run: () => void) => void;
  readonly encryption: LogEncryption;
  /** Whether entries that the previous snapshot needs stay, however much is compacted. */
  readonly needsSnapshots: boolean;
}

/** The log of one member, over the segments and snapshots of its data directory. */
export class MemberLog implements Log {
  readonly recovery: Recovery;
  readonly #files: SegmentFiles;
  readonly #snapshots: SnapshotStore;
  readonly #clock: Clock;
  readonly #defer: (run: () => void) => void;
  readonly #index: EntryIndex;
  readonly #cache: EntryCache;
  readonly #reader: EntryReader;
  readonly #segments: Map<number, Segment>;
  readonly #appender: Appender;
  readonly #writer: BatchWriter;
  readonly #encryption: LogEncryption;
  readonly #needsSnapshots: boolean;
  #hardState: HardState | null;
  #confState: AppliedConfState | null;
  #durableIndex: number;
  #snapshotWork: Promise<SnapshotResult> | null = null;
  /** Indexes behind which entries must stay, by who holds them. */
  readonly #holds = new Map<object, number>();
  #closing: Promise<void> | null = null;
  #failureListeners: ((error: Error) => void)[] = [];
  #totals = { batches: 0, records: 0, bytes: 0 };

  constructor(parts: MemberLogParts) {
    const { replay, segments } = parts.recovered;
    this.recovery = parts.recovery;
    this.#files = parts.files;
    this.#snapshots = parts.snapshots;
    this.#clock = parts.clock;
    this.#defer = parts.defer;
    this.#needsSnapshots = parts.needsSnapshots;
    this.#index = replay.entries;
    this.#hardState = replay.hardState;
    this.#confState = replay.confState;
    this.#segments = segments;
    this.#durableIndex = this.#index.lastIndex;
    this.#cache = new EntryCache(parts.cacheBytes);
    this.#encryption = parts.encryption;
    const { blocks } = parts.recovered;
    this.#reader = new EntryReader(this.#index, this.#cache, segments, parts.encryption, blocks);
    this.#appender = new Appender(this.#appenderContext(parts), positionOf(parts));
    this.#writer = new BatchWriter({
      files: parts.files,
      appender: this.#appender,
      clock: parts.clock,
      segments,
      defer: parts.defer,
      hurry: parts.hurry,
      install: (metadata) => this.#snapshots.install(metadata),
      onDurable: (batch) => this.#onDurable(batch),
      onFailure: (error) => this.#onFailure(error),
    });
  }

  #appenderContext(parts: MemberLogParts) {
    return {
      ...parts.owner,
      segmentBytes: parts.files.segmentBytes,
      maxBatchBytes: parts.maxBatchBytes,
      encryption: parts.encryption,
      lastIndex: () => this.#index.lastIndex,
      codec: parts.codec,
      nonce: () => parts.random.fill(new Uint8Array(16)),
      appendHead: (appender: Appender) => this.#appendHead(appender),
    };
  }

  /**
   * Marks where recovery ended, and restarts the log behind a snapshot that replaced it. To be
   * called once, before anything else.
   */
  async begin(restartBehind: SnapshotMetadata | null): Promise<void> {
    this.#appender.append(RecordType.Opened, 0, 0);
    if (restartBehind !== null) this.#restart(restartBehind);
    this.#raiseHardState(this.#index.baseIndex, this.#index.baseTerm);
    await this.#flushed();
  }

  /** What a snapshot covers was committed, even if this disk was never told. */
  #raiseHardState(commit: number, term: number): void {
    const known = this.#hardState ?? { term: 0, vote: 0, commit: 0 };
    if (commit <= known.commit && term <= known.term) return;
    const vote = term > known.term ? 0 : known.vote;
    const raised = { term: Math.max(term, known.term), commit: Math.max(commit, known.commit) };
    this.#appendHardState({ ...raised, vote });
  }

  // The core's storage

  initialState(): InitialState {
    const snapshot = this.#snapshots.current?.metadata.confState;
    const confState = snapshot ?? this.#confState?.confState ?? NO_MEMBERS;
    return { hardState: this.#hardState, confState };
  }

  firstIndex(): number {
    return this.#index.baseIndex + 1;
  }

  lastIndex(): number {
    return this.#index.lastIndex;
  }

  term(index: number): number {
    if (index < this.#index.baseIndex) throw new StorageError('COMPACTED');
    if (index > this.#index.lastIndex) throw new StorageError('UNAVAILABLE');
    return this.#index.term(index);
  }

  entries(lo: number, hi: number, maxSize: number): Entry[] {
    if (lo <= this.#index.baseIndex) throw new StorageError('COMPACTED');
    if (hi > this.#index.lastIndex + 1) throw new StorageError('UNAVAILABLE');
    return this.#reader.entries(lo, hi, maxSize);
  }

  visit(lo: number, hi: number, take: PayloadVisitor): void {
    if (lo <= this.#index.baseIndex) throw new StorageError('COMPACTED');
    if (hi > this.#index.lastIndex + 1) throw new StorageError('UNAVAILABLE');
    this.#reader.visit(lo, hi, take);
  }

  changesMembership(lo: number, hi: number): boolean {
    return this.#index.changesMembership(lo, hi);
  }

  snapshot(): Snapshot {
    const metadata = this.#snapshots.current?.metadata;
    if (metadata === undefined || metadata.index < this.#index.baseIndex) {
      throw new StorageError('SNAPSHOT_TEMPORARILY_UNAVAILABLE');
    }
    return { data: NO_BYTES, metadata };
  }

  // Writing

  get durableIndex(): number {
    return this.#durableIndex;
  }

  save(request: SaveRequest, done: () => void): void {
    this.#requireOpen();
    for (const { data } of request.entries ?? []) {
      if (data.length > MAX_ENTRY_BYTES) {
        throw new RecordTooLargeError(data.length, MAX_ENTRY_BYTES);
      }
    }
    if (request.snapshot) this.#install(request.snapshot);
    for (const entry of request.entries ?? []) this.#appendEntry(entry);
    if (request.confState) this.#appendConfState(request.confState);
    if (request.hardState) this.#appendHardState(request.hardState);
    this.#notify(done);
    if (request.snapshot) this.#notify(() => this.#retireSegments());
    this.#appender.endRequest();
    this.#writer.kick();
  }

  onFailure(listener: (error: Error) => void): void {
    if (this.#writer.failure !== null) listener(this.#writer.failure);
    else this.#failureListeners.push(listener);
  }

  #requireOpen(): void {
    if (this.#writer.failure !== null) throw this.#writer.failure;
    if (this.#closing !== null) throw new Error('the log is closed');
  }

  #appendEntry(entry: Entry): void {
    if (entry.index <= this.#index.lastIndex) {
      this.#index.truncateFrom(entry.index);
      this.#cache.truncateFrom(entry.index);
      this.#durableIndex = Math.min(this.#durableIndex, entry.index - 1);
    }
    const type = recordTypeOf(entry.type);
    const offset = this.#appender.append(type, entry.index, entry.term, entry.data);
    const { sequence, storedBytes } = this.#appender;
    this.#index.append(entry.index, entry.term, sequence, offset, storedBytes);
    if (entry.type !== EntryType.Normal) this.#index.markChange();
    this.#cache.append(entry);
  }

  #appendHardState(hardState: HardState): void {
    const vote = encodeVote(hardState.vote);
    this.#appender.append(RecordType.HardState, hardState.commit, hardState.term, vote);
    this.#hardState = hardState;
  }

  #appendConfState(applied: AppliedConfState): void {
    const payload = encodeConfState(applied.confState);
    this.#appender.append(RecordType.ConfState, applied.index, 0, payload);
    this.#confState = applied;
  }

  /** The records that every segment begins with, so that older ones can go. */
  #appendHead(appender: Appender): void {
    appender.append(RecordType.Base, this.#index.baseIndex, this.#index.baseTerm);
    if (this.#confState !== null) this.#appendConfState(this.#confState);
    if (this.#hardState !== null) this.#appendHardState(this.#hardState);
  }

  #install(metadata: SnapshotMetadata): void {
    if (!this.#snapshots.hasReceived(metadata)) {
      throw new RangeError(`snapshot ${metadata.index} was not received`);
    }
    this.#appender.beginInstall(metadata);
    this.#restart(metadata);
  }

  /** Everything before is gone; the next entry is the one behind the snapshot. */
  #restart(metadata: SnapshotMetadata): void {
    const { index, term, confState } = metadata;
    this.#appender.append(RecordType.Reset, index, term);
    this.#index.reset(index, term);
    this.#cache.clear();
    this.#durableIndex = Math.min(this.#durableIndex, index - 1);
    this.#appendConfState({ index, confState });
  }

  /** Calls back when everything appended so far is durable. */
  #notify(done: () => void): void {
    const last = this.#appender.lastBatch ?? this.#writer.running;
    if (last !== null) last.callbacks.push(done);
    else this.#defer(done);
  }

  #flushed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.onFailure(reject);
      if (this.#writer.failure !== null) return;
      this.#notify(resolve);
      this.#writer.kick();
    });
  }

  #onDurable(batch: Batch): void {
    const running = this.#writer.running?.lowestIndex ?? Number.MAX_SAFE_INTEGER;
    const pending = Math.min(running, this.#appender.lowestPendingIndex());
    this.#durableIndex = Math.min(batch.lastIndex, pending - 1);
    this.#cache.evict(this.#durableIndex);
    this.#totals.batches += 1;
    this.#totals.records += batch.records;
    this.#totals.bytes += batch.length;
    for (const done of batch.callbacks) done();
  }

  #onFailure(error: Error): void {
    const listeners = this.#failureListeners;
    this.#failureListeners = [];
    for (const listener of listeners) listener(error);
  }

  get writtenBytes(): number {
    return this.#totals.bytes;
  }

  get statistics(): LogStatistics {
    return {
      ...this.#totals,
      pendingBytes: this.#appender.pendingBytes() + (this.#writer.running?.length ?? 0),
      segments: this.#segments.size,
      segmentBytes: this.#segmentBytes(),
      snapshotBytes: this.#snapshots.bytes,
      cachedBytes: this.#cache.bytes,
      lastSyncMs: this.#writer.lastSyncMs,
    };
  }

  #segmentBytes(): number {
    let bytes = this.#files.spareBytes();
    for (const { capacity } of this.#segments.values()) bytes += capacity;
    return bytes;
  }

  // Snapshots

  async bootstrap(metadata: SnapshotMetadata, chunks: Iterable<Uint8Array>): Promise<void> {
    if (this.#index.lastIndex > 0 || this.#snapshots.current !== null) {
      throw new LogFormatError('a cluster cannot begin in a log that is not empty');
    }
    await this.writeSnapshot(metadata, chunks);
    this.#requireOpen();
    this.#restart(metadata);
    this.#appendHardState({ term: metadata.term, vote: 0, commit: metadata.index });
    await this.#flushed();
  }

  writeSnapshot(metadata: SnapshotMetadata, chunks: Iterable<Uint8Array>): Promise<SnapshotResult> {
    this.#requireOpen();
    if (this.#snapshotWork !== null) throw new RangeError('a snapshot is being written already');
    this.#snapshotWork = this.#writeSnapshot(metadata, chunks).finally(() => {
      this.#snapshotWork = null;
    });
    return this.#snapshotWork;
  }

  async #writeSnapshot(
    metadata: SnapshotMetadata,
    chunks: Iterable<Uint8Array>,
  ): Promise<SnapshotResult> {
    const startedMs = this.#clock.monotonicMs();
    try {
      const bytes = await this.#snapshots.write(metadata, chunks);
      if (bytes === null) return { kind: 'superseded' };
      return { kind: 'written', bytes, durationMs: this.#clock.monotonicMs() - startedMs };
    } catch (error) {
      if (error instanceof LogFailedError) this.#writer.fail('writing a snapshot', error);
      throw asLogFailure('writing a snapshot', error);
    }
  }

  readSnapshot(): AsyncIterable<Uint8Array> | null {
    return this.#snapshots.current === null ? null : this.#snapshots.read();
  }

  openSnapshotParts(): Promise<SnapshotParts | null> {
    return this.#snapshots.openParts();
  }

  openSnapshotStream(): Promise<SnapshotStream | null> {
    return this.#snapshots.stream();
  }

  async receiveSnapshot(stream: AsyncIterable<Uint8Array>, offset = 0): Promise<ReceivedSnapshot> {
    this.#requireOpen();
    return this.#snapshots.receive(stream, offset);
  }

  get receivedPart(): SnapshotPart | null {
    return this.#snapshots.part;
  }

  // Compaction

  compact(index: number): number {
    this.#requireOpen();
    const floor = this.#needsSnapshots ? (this.#snapshots.previous?.metadata.index ?? 0) : Infinity;
    const held = Math.min(...this.#holds.values());
    const upTo = Math.min(index, floor, held, this.#durableIndex, this.#index.lastIndex);
    if (upTo <= this.#index.baseIndex) return this.#index.baseIndex;
    this.#appender.append(RecordType.Base, upTo, this.#index.term(upTo));
    this.#index.dropThrough(upTo);
    this.#cache.dropThrough(upTo);
    this.#notify(() => this.#retireSegments());
    this.#writer.kick();
    return upTo;
  }

  hold(index: number): () => void {
    const holder = {};
    this.#holds.set(holder, index);
    return () => void this.#holds.delete(holder);
  }

  async roll(): Promise<void> {
    this.#requireOpen();
    this.#files.forgets = true;
    await this.#removeSpares();
    this.#requireOpen();
    this.#appender.roll();
    await this.#flushed();
  }

  async erase(index: number): Promise<number> {
    const upTo = this.compact(index);
    await this.#flushed();
    // Where nothing was left to compact, segments may still wait that a new one has made needless.
    this.#retireSegments();
    await this.#removeSpares();
    this.#files.forgets = false;
    return upTo;
  }

  async #removeSpares(): Promise<void> {
    this.#writer.inBackground('removing spare segments', () => this.#files.removeSpares());
    await this.#writer.settled();
  }

  /** Gives up segments without an entry that is still part of the log. The base is durable. */
  #retireSegments(): void {
    const first = this.firstIndex();
    const active = Math.max(...this.#segments.keys());
    const keep = this.#index.has(first) ? Math.min(this.#index.sequence(first), active) : active;
    this.#reader.forgetBefore(keep);
    for (const segment of this.#segments.values()) {
      if (segment.sequence >= keep) continue;
      this.#writer.inBackground(`recycling ${this.#files.path(segment.sequence)}`, async () => {
        if (!this.#segments.delete(segment.sequence)) return;
        await this.#files.retire(segment);
      });
    }
  }

  get isEncrypted(): boolean {
    return this.#encryption.isOn;
  }

  encrypt(on: boolean): void {
    this.#requireOpen();
    if (on && this.#encryption.keys === null) throw new RangeError('there are no keys');
    const changes = on !== this.#encryption.isOn;
    this.#encryption.isOn = on;
    const rolls = this.#appender.hasOtherKey;
    if (on && (changes || rolls)) {
      // What spares held as segments would stay behind the records of those that they become.
      this.#files.forgets = true;
      this.#writer.inBackground('removing spare segments', this.#files.giveUpSpares());
    }
    if (!rolls) return;
    this.#appender.roll();
    this.#writer.kick();
  }

  spareSpace(low: boolean): void {
    this.#files.spaceIsLow = low;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * The end is marked twice, at a distance: a single bad sector cannot take away the last entry
   * and the mark that proves it.
   */
  async #markClosed(): Promise<void> {
    const distance = Math.min(CLOSING_BYTES, this.#appender.room - 2 * RECORD_HEADER_BYTES);
    this.#appender.append(RecordType.Closed, 0, 0, new Uint8Array(Math.max(0, distance)));
    await this.#flushed();
    if (distance <= 0) return;
    this.#appender.append(RecordType.Closed, 0, 0);
    await this.#flushed();
  }

  async #close(): Promise<void> {
    this.#files.giveUp();
    if (this.#writer.failure === null) {
      await this.#markClosed().catch(() => undefined);
    }
    await this.#writer.settled();
    await this.#snapshotWork?.catch(() => undefined);
    await this.#snapshots.close();
    for (const segment of this.#segments.values()) await segment.file.close();
    await this.#files.close();
  }
}

function positionOf({ recovered, encryption }: MemberLogParts): AppendPosition | null {
  const { tail, segments } = recovered;
  const segment = tail === null ? undefined : segments.get(tail.sequence);
  if (tail === null || segment === undefined) return null;
  const { sequence, salt, checksum, end, header } = tail;
  const file = `${SEGMENT_DIRECTORY}/${segmentName(sequence)}`;
  const seal = openSeal(encryption.keys, header, file);
  return { sequence, salt, checksum, offset: end, capacity: segment.capacity, seal };
}
