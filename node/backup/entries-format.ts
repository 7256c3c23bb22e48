import { crc32 } from 'node:zlib';
import { type Entry, EntryType } from 'etcd-raft-ts';
import { BackupError } from './errors.ts';

/**
 * Entries of the raft log as a backup keeps them: a header, one record for each entry, an end.
 * Numbers are little-endian; each checksum is a CRC-32 that continues from the one before, so that
 * no record can be lost, repeated or moved. The layout is described in docs/storage-format.md.
 */
const MAGIC = Buffer.from('LITHBKEN', 'latin1');
const VERSION = 1;
const HEADER_BYTES = 48;
const RECORD_BYTES = 28;
const END_TYPE = 255;
const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;

/** The kinds of entries, at the number that stands for them in a file. Append only. */
const ENTRY_TYPES = [EntryType.Normal, EntryType.ConfChange, EntryType.ConfChangeV2] as const;

/** Where a run of entries begins: behind this entry of this cluster. */
export interface EntriesHeader {
  readonly clusterId: string;
  readonly epoch: number;
  readonly previousIndex: number;
  readonly previousTerm: number;
}

/** Writes a run of entries, piece by piece. */
export class EntriesEncoder {
  #checksum = 0;
  #last: { index: number; term: number };

  constructor(header: EntriesHeader) {
    this.#last = { index: header.previousIndex, term: header.previousTerm };
  }

  header({ clusterId, epoch, previousIndex, previousTerm }: EntriesHeader): Uint8Array {
    const id = Buffer.from(clusterId, 'utf8');
    const bytes = Buffer.alloc(HEADER_BYTES + id.length);
    MAGIC.copy(bytes, 0);
    bytes.writeUInt16LE(VERSION, 8);
    bytes.writeUInt16LE(id.length, 10);
    bytes.writeBigUInt64LE(BigInt(epoch), 16);
    bytes.writeBigUInt64LE(BigInt(previousIndex), 24);
    bytes.writeBigUInt64LE(BigInt(previousTerm), 32);
    id.copy(bytes, HEADER_BYTES);
    // Computed with its own field 0.
    this.#checksum = crc32(bytes);
    bytes.writeUInt32LE(this.#checksum, 12);
    return bytes;
  }

  entry({ type, index, term, data }: Entry): Uint8Array {
    this.#last = { index, term };
    return this.#record(ENTRY_TYPES.indexOf(type), index, term, data);
  }

  end(): Uint8Array {
    return this.#record(END_TYPE, this.#last.index, this.#last.term, new Uint8Array(0));
  }

  #record(type: number, index: number, term: number, data: Uint8Array): Uint8Array {
    const bytes = Buffer.alloc(RECORD_BYTES + data.length);
    bytes.writeUInt32LE(data.length, 0);
    bytes.writeUInt8(type, 8);
    bytes.writeBigUInt64LE(BigInt(index), 12);
    bytes.writeBigUInt64LE(BigInt(term), 20);
    bytes.set(data, RECORD_BYTES);
    this.#checksum = crc32(bytes, this.#checksum);
    bytes.writeUInt32LE(this.#checksum, 4);
    return bytes;
  }
}

/** Bytes on demand: what the decoder reads from. */
export interface ByteSource {
  /** Exactly `length` bytes. @throws BackupError where there are fewer */
  read(length: number): Promise<Uint8Array>;
}

/** Reads a run of entries and checks all of it. `name` is how errors call it. */
export class EntriesDecoder {
  readonly #source: ByteSource;
  readonly #name: string;
  #checksum = 0;
  #last = { index: 0, term: 0 };

  constructor(source: ByteSource, name: string) {
    this.#source = source;
    this.#name = name;
  }

  /** @throws BackupError `corrupt` */
  async header(): Promise<EntriesHeader> {
    const fixed = Buffer.from(await this.#source.read(HEADER_BYTES));
    if (!fixed.subarray(0, 8).equals(MAGIC)) throw this.#corrupt('it does not begin as entries do');
    const version = fixed.readUInt16LE(8);
    if (version !== VERSION) {
      throw this.#corrupt(`its format version is ${version}; this one reads ${VERSION}`);
    }
    const id = Buffer.from(await this.#source.read(fixed.readUInt16LE(10)));
    const told = fixed.readUInt32LE(12);
    fixed.writeUInt32LE(0, 12);
    this.#checksum = crc32(id, crc32(fixed));
    if (told !== this.#checksum) throw this.#corrupt('its header does not match its checksum');
    const [previousIndex, previousTerm] = [numberAt(fixed, 24), numberAt(fixed, 32)];
    this.#last = { index: previousIndex, term: previousTerm };
    return { clusterId: id.toString(), epoch: numberAt(fixed, 16), previousIndex, previousTerm };
  }

  /** The entries in order. @throws BackupError `corrupt`, also where the end is missing */
  async *entries(): AsyncGenerator<Entry> {
    for (;;) {
      const head = Buffer.from(await this.#source.read(RECORD_BYTES));
      const data = await this.#payload(head);
      const [typeNumber, index, term] = [head[8] ?? 0, numberAt(head, 12), numberAt(head, 20)];
      if (typeNumber === END_TYPE) return this.#checkEnd(index, term);
      const type = ENTRY_TYPES[typeNumber];
      if (type === undefined) throw this.#corrupt(`entry ${index} has an unknown type`);
      if (index !== this.#last.index + 1 || term < this.#last.term) {
        throw this.#corrupt(`entry ${index} of term ${term} follows entry ${this.#last.index}`);
      }
      this.#last = { index, term };
      yield { type, index, term, data };
    }
  }

  async #payload(head: Buffer): Promise<Uint8Array> {
    const length = head.readUInt32LE(0);
    if (length > MAX_PAYLOAD_BYTES) throw this.#corrupt(`behind entry ${this.#last.index}`);
    const data = await this.#source.read(length);
    const told = head.readUInt32LE(4);
    head.writeUInt32LE(0, 4);
    this.#checksum = crc32(data, crc32(head, this.#checksum));
    if (told === this.#checksum) return data;
    throw this.#corrupt(`what follows entry ${this.#last.index} does not match its checksum`);
  }

  #checkEnd(index: number, term: number): void {
    if (index === this.#last.index && term === this.#last.term) return;
    throw this.#corrupt('its end does not fit its last entry');
  }

  #corrupt(reason: string): BackupError {
    return new BackupError('corrupt', `${this.#name}: ${reason}`);
  }
}

function numberAt(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}
