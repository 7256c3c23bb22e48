import { type Entry, EntryType, entrySize, StorageError } from 'etcd-raft-ts';
import { crc32cIn } from './crc32c.ts';
import type { EntryCache } from './entry-cache.ts';
import type { EntryIndex } from './entry-index.ts';
import { LogCorruptError } from './errors.ts';
import { viewOf } from './numbers.ts';
import { originalPayload } from './payload-codec.ts';
import {
  emptyHeader,
  isPlainAt,
  RECORD_HEADER_BYTES,
  RecordType,
  readHeader,
  recordBytes,
  whyUnsupported,
} from './record.ts';
import { SEGMENT_DIRECTORY, type Segment, segmentName } from './segment-files.ts';
import { readSegmentHeader } from './segment-header.ts';
import {
  type LogEncryption,
  notAuthentic,
  openSeal,
  type SegmentSeal,
  unsealed,
} from './segment-seal.ts';
import { isUnchanged, type VerifiedBlock, type VerifiedBlocks } from './verified-blocks.ts';

/** How much is read from disk at once where many entries are asked for. */
const READ_BYTES = 1024 * 1024;

/**
 * Takes an entry's payload, `bytes[start, end)`, which is good until it returns.
 */
export type PayloadVisitor = (
  index: number,
  term: number,
  bytes: Buffer,
  start: number,
  end: number,
) => void;

const NO_SCRATCH: Buffer = Buffer.alloc(0);

/** Part of a segment, read at once; its bytes belong to the entries that are made from it. */
interface Stretch {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where in the segment it begins. */
  readonly start: number;
  readonly sequence: number;
  /** All of it is what recovery has verified record by record. */
  readonly isVerified: boolean;
  readonly secrets: SegmentSecrets;
}

/** What the records of a segment are checked and opened with. */
interface SegmentSecrets {
  readonly salt: number;
  readonly seal: SegmentSeal | null;
}

/** Reads entries: recent ones from memory, older ones from their segment, verified. */
export class EntryReader {
  readonly #index: EntryIndex;
  readonly #cache: EntryCache;
  readonly #segments: ReadonlyMap<number, Segment>;
  readonly #encryption: LogEncryption;
  readonly #secrets = new Map<number, SegmentSecrets>();
  readonly #header = emptyHeader();
  /** What recovery has read: verified again as a whole. */
  readonly #blocks: VerifiedBlocks;
  /** For `visit`, which hands out no bytes that outlive it. */
  #scratch = NO_SCRATCH;
  /** What is in there: a call may go on where the one before ended. */
  #visited: Stretch | null = null;

  constructor(
    index: EntryIndex,
    cache: EntryCache,
    segments: ReadonlyMap<number, Segment>,
    encryption: LogEncryption,
    blocks: VerifiedBlocks,
  ) {
    this.#index = index;
    this.#blocks = blocks;
    this.#encryption = encryption;
    this.#cache = cache;
    this.#segments = segments;
  }

  /** As `Storage.entries` of the core promises. */
  entries(lo: number, hi: number, maxSize: number): Entry[] {
    // Who asks for objects has come to the end of a replay.
    this.#scratch = NO_SCRATCH;
    this.#visited = null;
    const result: Entry[] = [];
    let size = 0;
    let stretch: Stretch | null = null;
    for (let index = lo; index < hi; index++) {
      let entry = this.#cache.get(index);
      if (entry === undefined) {
        if (stretch === null || !this.#covers(stretch, index)) {
          const [start, end] = this.#stretchAt(index, hi, maxSize - size);
          stretch = this.#read(index, start, Buffer.allocUnsafeSlow(end - start));
        }
        entry = this.#decode(stretch, index);
      }
      size += entrySize(entry);
      if (size > maxSize && result.length > 0) break;
      result.push(entry);
    }
    return result;
  }

  /**
   * The payloads of the entries `lo <= index < hi` in order, verified as those of {@link entries},
   * without an object for each.
   *
   * @throws LogCorruptError
   */
  visit(lo: number, hi: number, take: PayloadVisitor): void {
    // What could not be verified as a whole is read anew each time.
    if (this.#visited?.isVerified === false) this.#visited = null;
    for (let index = lo; index < hi; index++) {
      const cached = this.#cache.get(index);
      if (cached !== undefined) {
        take(index, cached.term, asBuffer(cached.data), 0, cached.data.length);
        continue;
      }
      const known = this.#visited;
      const stretch = known !== null && this.#covers(known, index) ? known : this.#load(index, hi);
      this.#visitOne(stretch, index, take);
    }
  }

  /** Reads the block of an entry, or as much as is wanted where there is none, to visit it. */
  #load(index: number, hi: number): Stretch {
    this.#visited = null;
    const block = this.#blocks.find(this.#index.sequence(index), this.#index.offset(index));
    const [start, end] =
      block === undefined ? this.#stretchAt(index, hi, READ_BYTES) : [block.start, block.end];
    if (end - start > this.#scratch.length) {
      this.#scratch = Buffer.allocUnsafeSlow(Math.max(READ_BYTES, end - start));
    }
    const stretch = this.#read(index, start, this.#scratch.subarray(0, end - start), block);
    this.#visited = stretch;
    return stretch;
  }

  #visitOne(stretch: Stretch, index: number, take: PayloadVisitor): void {
    const { view, start, isVerified, secrets } = stretch;
    const offset = this.#index.offset(index) - start;
    const isPlain = secrets.seal === null && isPlainAt(view, offset);
    const at =
      isVerified && isPlain ? offset + RECORD_HEADER_BYTES : this.#verified(stretch, index);
    if (isPlain) {
      take(index, this.#index.term(index), stretch.bytes, at, at + this.#index.bytes(index));
      return;
    }
    const { term } = this.#header;
    const data = this.#plain(stretch, index, at);
    take(index, term, asBuffer(data), 0, data.length);
  }

  #covers(stretch: Stretch, index: number): boolean {
    if (this.#index.sequence(index) !== stretch.sequence) return false;
    const offset = this.#index.offset(index);
    if (offset < stretch.start) return false;
    return offset + recordBytes(this.#index.bytes(index)) <= stretch.start + stretch.bytes.length;
  }

  /** Where the entry at `first` and as many behind it stand as are wanted and are close by. */
  #stretchAt(first: number, hi: number, maxSize: number): readonly [number, number] {
    const sequence = this.#index.sequence(first);
    const start = this.#index.offset(first);
    const limit = start + Math.min(READ_BYTES, Math.max(maxSize, 0));
    let end = start + recordBytes(this.#index.bytes(first));
    for (let index = first + 1; index < hi && end < limit; index++) {
      if (this.#index.sequence(index) !== sequence || this.#cache.get(index) !== undefined) break;
      end = this.#index.offset(index) + recordBytes(this.#index.bytes(index));
    }
    return [start, end];
  }

  #read(first: number, start: number, bytes: Buffer, block?: VerifiedBlock): Stretch {
    const sequence = this.#index.sequence(first);
    const file = this.#segments.get(sequence)?.file;
    if (file === undefined) throw new StorageError('UNAVAILABLE');
    // What a shorter file leaves as it was must not pass for what it holds.
    const read = file.read(bytes, start);
    bytes.fill(0, read);
    const isVerified = block !== undefined && isUnchanged(block, bytes);
    const secrets = this.#secretsOf(sequence);
    return { bytes, view: viewOf(bytes), start, sequence, isVerified, secrets };
  }

  #decode(stretch: Stretch, index: number): Entry {
    const at = this.#verified(stretch, index);
    const { term, type } = this.#header;
    const data = this.#plain(stretch, index, at);
    return { term, index, type: entryTypeOf(type), data };
  }

  /** Where in a stretch the payload of an entry is, whose header is then {@link #header}. */
  #verified(stretch: Stretch, index: number): number {
    const { view, start, sequence, secrets } = stretch;
    const offset = this.#index.offset(index);
    const at = offset - start;
    const header = this.#header;
    const payload = at + RECORD_HEADER_BYTES;
    const sound =
      readHeader(view, at, header, secrets.salt) &&
      header.index === index &&
      header.term === this.#index.term(index) &&
      header.payloadBytes === this.#index.bytes(index) &&
      header.payloadChecksum === crc32cIn(view, payload, payload + header.payloadBytes, 0) &&
      whyUnsupported(header) === null;
    if (sound) return payload;
    const reason = `entry ${index} does not match its checksum any more`;
    throw new LogCorruptError({ file: segmentName(sequence), offset, record: -1, reason });
  }

  /** The payload at a place of a stretch, as it was saved. */
  #plain({ bytes, sequence, secrets }: Stretch, index: number, at: number): Uint8Array {
    const header = this.#header;
    const offset = this.#index.offset(index);
    const { seal } = secrets;
    const stored = new Uint8Array(bytes.buffer, bytes.byteOffset + at, header.payloadBytes);
    const plain = unsealed(seal, stored, header, offset);
    if (plain === null) {
      const reason = `entry ${index}: ${notAuthentic(seal)}`;
      throw new LogCorruptError({ file: segmentName(sequence), offset, record: -1, reason });
    }
    return this.#unpacked(header.codec, plain, sequence, offset);
  }

  #unpacked(codec: number, stored: Uint8Array, sequence: number, offset: number): Uint8Array {
    try {
      return originalPayload(codec, stored);
    } catch (error) {
      const reason = `the payload cannot be unpacked: ${String(error)}`;
      throw new LogCorruptError({ file: segmentName(sequence), offset, record: -1, reason });
    }
  }

  #secretsOf(sequence: number): SegmentSecrets {
    const known = this.#secrets.get(sequence);
    if (known !== undefined) return known;
    const file = this.#segments.get(sequence)?.file;
    if (file === undefined) throw new StorageError('UNAVAILABLE');
    const name = segmentName(sequence);
    const header = readSegmentHeader(file, name);
    const seal = openSeal(this.#encryption.keys, header, `${SEGMENT_DIRECTORY}/${name}`);
    const secrets = { salt: header.salt, seal };
    this.#secrets.set(sequence, secrets);
    return secrets;
  }

  /** Forgets segments before `sequence`. */
  forgetBefore(sequence: number): void {
    this.#blocks.forgetBefore(sequence);
    for (const known of this.#secrets.keys()) if (known < sequence) this.#secrets.delete(known);
  }
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function entryTypeOf(type: number): EntryType {
  if (type === RecordType.ConfChange) return EntryType.ConfChange;
  return type === RecordType.ConfChangeV2 ? EntryType.ConfChangeV2 : EntryType.Normal;
}

/** The record type that an entry is stored as. */
export function recordTypeOf(type: EntryType): RecordType {
  if (type === EntryType.ConfChange) return RecordType.ConfChange;
  return type === EntryType.ConfChangeV2 ? RecordType.ConfChangeV2 : RecordType.Entry;
}
