import { type Entry, EntryType, entrySize, StorageError } from 'etcd-raft-ts';
import { crc32c } from './crc32c.ts';
import type { EntryCache } from './entry-cache.ts';
import type { EntryIndex } from './entry-index.ts';
import { LogCorruptError } from './errors.ts';
import { viewOf } from './numbers.ts';
import { originalPayload } from './payload-codec.ts';
import {
  emptyHeader,
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

/** How much is read from disk at once where many entries are asked for. */
const READ_BYTES = 1024 * 1024;

/** Part of a segment, read at once; its bytes belong to the entries that are made from it. */
interface Stretch {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where in the segment it begins. */
  readonly start: number;
  readonly sequence: number;
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

  constructor(
    index: EntryIndex,
    cache: EntryCache,
    segments: ReadonlyMap<number, Segment>,
    encryption: LogEncryption,
  ) {
    this.#index = index;
    this.#encryption = encryption;
    this.#cache = cache;
    this.#segments = segments;
  }

  /** As `Storage.entries` of the core promises. */
  entries(lo: number, hi: number, maxSize: number): Entry[] {
    const result: Entry[] = [];
    let size = 0;
    let stretch: Stretch | null = null;
    for (let index = lo; index < hi; index++) {
      let entry = this.#cache.get(index);
      if (entry === undefined) {
        if (stretch === null || !this.#covers(stretch, index)) {
          stretch = this.#read(index, hi, maxSize - size);
        }
        entry = this.#decode(stretch, index);
      }
      size += entrySize(entry);
      if (size > maxSize && result.length > 0) break;
      result.push(entry);
    }
    return result;
  }

  #covers(stretch: Stretch, index: number): boolean {
    if (this.#index.sequence(index) !== stretch.sequence) return false;
    const end = this.#index.offset(index) + recordBytes(this.#index.bytes(index));
    return end <= stretch.start + stretch.bytes.length;
  }

  /** Reads the entry at `first` and as many behind it as are wanted and stand close by. */
  #read(first: number, hi: number, maxSize: number): Stretch {
    const sequence = this.#index.sequence(first);
    const start = this.#index.offset(first);
    const limit = start + Math.min(READ_BYTES, Math.max(maxSize, 0));
    let end = start + recordBytes(this.#index.bytes(first));
    for (let index = first + 1; index < hi && end < limit; index++) {
      if (this.#index.sequence(index) !== sequence || this.#cache.get(index) !== undefined) break;
      end = this.#index.offset(index) + recordBytes(this.#index.bytes(index));
    }
    const file = this.#segments.get(sequence)?.file;
    if (file === undefined) throw new StorageError('UNAVAILABLE');
    const bytes = new Uint8Array(end - start);
    file.read(bytes, start);
    return { bytes, view: viewOf(bytes), start, sequence };
  }

  #decode(stretch: Stretch, index: number): Entry {
    const { bytes, view, start, sequence } = stretch;
    const offset = this.#index.offset(index);
    const at = offset - start;
    const header = this.#header;
    const payload = at + RECORD_HEADER_BYTES;
    const { salt, seal } = this.#secretsOf(sequence);
    const sound =
      readHeader(bytes, view, at, header, salt) &&
      header.index === index &&
      header.term === this.#index.term(index) &&
      header.payloadBytes === this.#index.bytes(index) &&
      header.payloadChecksum === crc32c(bytes, payload, payload + header.payloadBytes, 0) &&
      whyUnsupported(header) === null;
    if (!sound) {
      const reason = `entry ${index} does not match its checksum any more`;
      throw new LogCorruptError({ file: segmentName(sequence), offset, record: -1, reason });
    }
    const stored = bytes.subarray(payload, payload + header.payloadBytes);
    const plain = unsealed(seal, stored, header, offset);
    if (plain === null) {
      const reason = `entry ${index}: ${notAuthentic(seal)}`;
      throw new LogCorruptError({ file: segmentName(sequence), offset, record: -1, reason });
    }
    const data = this.#unpacked(header.codec, plain, sequence, offset);
    return { term: header.term, index, type: entryTypeOf(header.type), data };
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
    for (const known of this.#secrets.keys()) if (known < sequence) this.#secrets.delete(known);
  }
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
