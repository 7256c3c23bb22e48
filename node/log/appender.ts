import type { SnapshotMetadata } from 'etcd-raft-ts';
import { Batch, BufferPool } from './batch.ts';
import { crc32cIn } from './crc32c.ts';
import { type PayloadCodec, type StoredPayload, storedPayload } from './payload-codec.ts';
import {
  emptyHeader,
  isEntryType,
  NO_KEY,
  RECORD_HEADER_BYTES,
  RecordType,
  recordBytes,
  writeHeader,
} from './record.ts';
import { SEGMENT_HEADER_BYTES, writeSegmentHeader } from './segment-header.ts';
import {
  beginSeal,
  type LogEncryption,
  SEALED_BYTES,
  type SegmentSeal,
  wantedKeyId,
} from './segment-seal.ts';

/** Kept free at the end of every segment: for the record that seals it, and for one that closes. */
export const SEALING_BYTES = 2 * RECORD_HEADER_BYTES;
const NO_PAYLOAD = new Uint8Array(0);

/** What the appender needs to know of the log around it. */
export interface AppenderContext {
  readonly clusterId: string;
  readonly memberId: number;
  readonly segmentBytes: number;
  readonly maxBatchBytes: number;
  readonly encryption: LogEncryption;
  /** Index of the last entry of the log, as of the records appended so far. */
  lastIndex(): number;
  /** How payloads are to be written now. */
  codec(): PayloadCodec;
  /** 16 random bytes. */
  nonce(): Uint8Array;
  /** Appends the records that every segment begins with: base, membership, hard state. */
  appendHead(appender: Appender): void;
}

/** Where a record stands in its segment, and how long its payload is there. */
export interface RecordPlace {
  readonly offset: number;
  readonly payloadBytes: number;
}

/** Where a log goes on. */
export interface AppendPosition {
  readonly sequence: number;
  readonly salt: number;
  readonly checksum: number;
  readonly offset: number;
  readonly capacity: number;
  /** Null where the segment is not encrypted. */
  readonly seal: SegmentSeal | null;
}

const BEFORE_ALL: AppendPosition = {
  sequence: 0,
  salt: 0,
  checksum: 0,
  offset: 0,
  capacity: 0,
  seal: null,
};

/**
 * Lays records out: encodes them into the batch that is open, at the place in the segment where
 * they will stand, and goes on in a new segment where one is full. Does no I/O.
 */
export class Appender {
  readonly #context: AppenderContext;
  readonly #pool = new BufferPool();
  readonly #header = emptyHeader();
  #closed: Batch[] = [];
  #open: Batch | null = null;
  #sequence: number;
  #salt: number;
  #checksum: number;
  #offset: number;
  #capacity: number;
  #seal: SegmentSeal | null;
  /** Of the payload that was appended last, as it is stored. */
  storedBytes = 0;

  /** `position` is null for a log that has no segment yet. */
  constructor(context: AppenderContext, position: AppendPosition | null) {
    const from = position ?? BEFORE_ALL;
    this.#context = context;
    this.#sequence = from.sequence;
    this.#salt = from.salt;
    this.#checksum = from.checksum;
    this.#offset = from.offset;
    this.#capacity = from.capacity;
    this.#seal = from.seal;
  }

  /** The segment that the last record went to. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Bytes that are left in the segment. */
  get room(): number {
    return this.#capacity - this.#offset - SEALING_BYTES;
  }

  /** How full the segment is, from 0 to 1. */
  get fill(): number {
    return this.#offset / this.#capacity;
  }

  /** The batch whose callbacks run when everything appended so far is durable; null: none pending. */
  get lastBatch(): Batch | null {
    return this.#open ?? this.#closed.at(-1) ?? null;
  }

  pendingBytes(): number {
    return this.#closed.reduce((sum, batch) => sum + batch.length, this.#open?.length ?? 0);
  }

  /** The lowest entry (or restart) that no finished or running batch holds. */
  lowestPendingIndex(): number {
    let lowest = this.#open?.lowestIndex ?? Number.MAX_SAFE_INTEGER;
    for (const batch of this.#closed) lowest = Math.min(lowest, batch.lowestIndex);
    return lowest;
  }

  /** Appends one record and returns its offset in the segment that `sequence` names afterwards. */
  append(type: number, index: number, term: number, data: Uint8Array = NO_PAYLOAD): number {
    const payload = storedPayload(type, data, this.#context.codec());
    let stored = this.#storedBytes(type, payload.bytes);
    if (this.#offset + recordBytes(stored) + SEALING_BYTES > this.#capacity) {
      this.#beginSegment(recordBytes(payload.bytes.length + SEALED_BYTES));
      stored = this.#storedBytes(type, payload.bytes);
    }
    const size = recordBytes(stored);
    const batch = this.#open ?? this.#beginBatch(false, null);
    this.#encode(batch, type, index, term, payload, size);
    if (isEntryType(type) || type === RecordType.Reset)
      batch.lowestIndex = Math.min(batch.lowestIndex, index);
    const offset = this.#offset;
    this.#offset += size;
    this.storedBytes = stored;
    return offset;
  }

  #storedBytes(type: number, payload: Uint8Array): number {
    const isSealed = this.#seal !== null && isEntryType(type);
    return isSealed ? payload.length + SEALED_BYTES : payload.length;
  }

  /** Everything from here on waits until the received snapshot is in place. */
  beginInstall(metadata: SnapshotMetadata): void {
    this.#closeBatch();
    this.#beginBatch(false, metadata);
  }

  /** Goes on in a new segment. */
  roll(): void {
    this.#beginSegment(0);
  }

  /** Whether the segment has another key than new ones get. */
  get hasOtherKey(): boolean {
    const keyId = this.#seal?.tag.keyId ?? NO_KEY;
    return this.#sequence > 0 && keyId !== wantedKeyId(this.#context.encryption);
  }

  /** To be called when a request is complete: bounds the open batch. */
  endRequest(): void {
    if ((this.#open?.length ?? 0) >= this.#context.maxBatchBytes) this.#closeBatch();
  }

  /** Hands the next batch to the disk; null where nothing waits. */
  take(): Batch | null {
    const closed = this.#closed.shift();
    if (closed !== undefined) return closed;
    this.#closeBatch();
    return this.#closed.shift() ?? null;
  }

  /** Gives the buffer of a batch back that is durable. */
  release(batch: Batch): void {
    this.#pool.give(batch.bytes);
  }

  /** The record that closes a segment which the log has left, and where it stands. */
  static seal(salt: number, checksum: number, offset: number): Uint8Array {
    const bytes = new Uint8Array(RECORD_HEADER_BYTES);
    const header = emptyHeader();
    header.type = RecordType.Sealed;
    header.previous = checksum;
    header.batchOffset = offset;
    writeHeader(new DataView(bytes.buffer), 0, header, salt);
    return bytes;
  }

  #encode(
    batch: Batch,
    type: number,
    index: number,
    term: number,
    { codec, bytes: payload }: StoredPayload,
    size: number,
  ): void {
    const at = batch.reserve(size);
    const from = at + RECORD_HEADER_BYTES;
    const seal = isEntryType(type) ? this.#seal : null;
    const header = this.#header;
    header.type = type;
    header.codec = codec;
    header.key = seal?.tag.keyId ?? NO_KEY;
    header.index = index;
    header.term = term;
    if (seal === null) batch.bytes.set(payload, from);
    else seal.seal(payload, header, this.#offset, batch.bytes, from);
    header.payloadBytes = seal === null ? payload.length : payload.length + SEALED_BYTES;
    batch.bytes.fill(0, from + header.payloadBytes, at + size);
    header.payloadChecksum = crc32cIn(batch.view, from, from + header.payloadBytes, 0);
    header.previous = this.#checksum;
    header.batchOffset = batch.beginsSegment ? SEGMENT_HEADER_BYTES : batch.offset;
    writeHeader(batch.view, at, header, this.#salt);
    this.#checksum = header.checksum;
    batch.records += 1;
  }

  /** Leaves the segment; the new one has room for a record of `size` bytes whatever its usual size. */
  #beginSegment(size: number): void {
    this.#closeBatch();
    const { segmentBytes, clusterId, memberId } = this.#context;
    const nonce = this.#context.nonce();
    const segment = { sequence: this.#sequence + 1, clusterId, memberId };
    this.#seal = beginSeal(this.#context.encryption, segment, nonce);
    const header = {
      ...segment,
      firstIndex: this.#context.lastIndex() + 1,
      previousChecksum: this.#checksum,
      previousEnd: this.#offset,
      tag: this.#seal?.tag ?? null,
    };
    this.#sequence += 1;
    this.#offset = 0;
    const batch = this.#beginBatch(true, null);
    const at = batch.reserve(SEGMENT_HEADER_BYTES);
    this.#salt = writeSegmentHeader(batch.bytes.subarray(at), header, nonce);
    this.#checksum = this.#salt;
    this.#offset = SEGMENT_HEADER_BYTES;
    this.#capacity = Number.MAX_SAFE_INTEGER;
    this.#context.appendHead(this);
    this.#capacity = Math.max(segmentBytes, this.#offset + size + SEALING_BYTES);
  }

  #beginBatch(beginsSegment: boolean, install: SnapshotMetadata | null): Batch {
    const place = { sequence: this.#sequence, offset: this.#offset, beginsSegment };
    this.#open = new Batch(place, install, this.#pool.take());
    return this.#open;
  }

  #closeBatch(): void {
    if (this.#open === null) return;
    this.#open.lastIndex = this.#context.lastIndex();
    this.#closed.push(this.#open);
    this.#open = null;
  }
}
