import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { FileKeys } from '../encryption/index.ts';
import { ByteReader, EntryError } from '../entry/index.ts';
import { readVersion } from '../history/index.ts';
import { type FileReader, type FileSystem, openFile } from '../log/index.ts';
import type { VersionRecord } from '../ports/index.ts';
import { BloomFilter } from './bloom.ts';
import type { Compression } from './compression.ts';
import { corrupt } from './errors.ts';
import {
  type ArchiveSummary,
  type BlockPlace,
  checkHeader,
  decodeFooter,
  decodeTrailer,
  HEADER_BYTES,
  TRAILER_BYTES,
} from './format.ts';

/** What the key of an archive is for: with the name of another one it does not open. */
export function archivePurpose(name: string): string {
  return `archive ${name}`;
}

/** Where the bytes of an archive come from: a file, or an object that is far away. */
export interface ArchiveBytes {
  readonly size: number;
  /** Id of the key that it is encrypted with; 0 where it is not. */
  readonly keyId: number;
  /** @throws where not all of them come */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Keeps blocks that were read, where reading them again costs much. */
export interface PlainBlocks {
  of(block: string, read: () => Promise<Uint8Array>): Promise<Uint8Array>;
}

const NOT_KEPT: PlainBlocks = { of: (_, read) => read() };

interface Parts {
  readonly summary: ArchiveSummary;
  readonly blocks: readonly BlockPlace[];
  readonly filter: BloomFilter;
  readonly endBytes: number;
}

/** One archive that is open for reading: its index and filter are in memory, its blocks are not. */
export class ArchiveFile {
  readonly name: string;
  readonly bytes: number;
  readonly summary: ArchiveSummary;
  readonly #source: ArchiveBytes;
  readonly #compression: Compression;
  readonly #blocks: readonly BlockPlace[];
  readonly #filter: BloomFilter;
  readonly #kept: PlainBlocks;
  /** What footer and filter take. */
  readonly endBytes: number;

  private constructor(
    name: string,
    source: ArchiveBytes,
    compression: Compression,
    parts: Parts,
    kept: PlainBlocks,
  ) {
    this.name = name;
    this.bytes = source.size;
    this.summary = parts.summary;
    this.#source = source;
    this.#kept = kept;
    this.endBytes = parts.endBytes;
    this.#compression = compression;
    this.#blocks = parts.blocks;
    this.#filter = parts.filter;
  }

  /** Bytes of all blocks before compression. */
  get plainBytes(): number {
    return this.#blocks.reduce((sum, block) => sum + block.plainBytes, 0);
  }

  /** Id of the key that it is encrypted with; 0 where it is not. */
  get keyId(): number {
    return this.#source.keyId;
  }

  /** @throws ArchiveError, EncryptionError */
  static async open(
    fs: FileSystem,
    directory: string,
    name: string,
    compression: Compression,
    keys: FileKeys | null,
  ): Promise<ArchiveFile> {
    const path = `${directory}/${name}`;
    const file = await openFile(fs, path, name, keys, archivePurpose(name));
    try {
      const source = fileBytes(file, name);
      checkHeader(await source.read(0, HEADER_BYTES), name);
      const end = await readEnd(source, name);
      return new ArchiveFile(name, source, compression, parseEnd(end, name), NOT_KEPT);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * One that is far away, of which the end is at hand.
   *
   * @param end what {@link readEnd} gave
   * @throws ArchiveError
   */
  static away(
    name: string,
    source: ArchiveBytes,
    end: Uint8Array,
    compression: Compression,
    kept: PlainBlocks,
  ): ArchiveFile {
    return new ArchiveFile(name, source, compression, parseEnd(end, name), kept);
  }

  /** False where the file certainly has no version of the aggregate. */
  mayHold(id: string): boolean {
    return this.#filter.mayHold(id);
  }

  /** Versions of an aggregate below `beforeVersion`, newest first, block by block. */
  async *newestFirst(id: string, beforeVersion: number): AsyncGenerator<readonly VersionRecord[]> {
    for (let at = this.#lastBlockOf(id, beforeVersion); at >= 0; at--) {
      const records = await this.block(at);
      yield records.filter((r) => r.id === id && r.version < beforeVersion).toReversed();
      const first = this.#blocks[at];
      if (first !== undefined && first.firstId < id) return;
    }
  }

  /** All versions, by id and version, block by block; everything is checked again. */
  async *all(): AsyncGenerator<readonly VersionRecord[]> {
    for (let at = 0; at < this.#blocks.length; at++) yield await this.block(at);
  }

  /** @throws ArchiveError */
  async block(at: number): Promise<readonly VersionRecord[]> {
    return decodeBlock(await this.#plain(at), this.name);
  }

  #plain(at: number): Promise<Uint8Array> {
    return this.#kept.of(`${this.name}:${at}`, () => this.#readBlock(at));
  }

  /** The one place where blocks are read; the writer's `flush` is where they are written. */
  async #readBlock(at: number): Promise<Uint8Array> {
    const place = this.#blocks[at];
    if (place === undefined) throw new RangeError(`there is no block ${at}`);
    const packed = await this.#source.read(place.offset, place.packedBytes);
    if (crc32(packed) !== place.checksum) {
      throw corrupt(this.name, `block ${at} does not match its checksum`);
    }
    return this.#compression.decompress(packed, place.plainBytes);
  }

  /**
   * Reads everything and checks it against checksums and digest.
   *
   * @throws ArchiveError
   */
  async verify(): Promise<void> {
    const digest = createHash('sha256');
    let records = 0;
    for (let at = 0; at < this.#blocks.length; at++) {
      const plain = await this.#readBlock(at);
      digest.update(plain);
      records += decodeBlock(plain, this.name).length;
    }
    if (digest.digest('hex') === this.summary.digest && records === this.summary.records) return;
    throw corrupt(this.name, 'its blocks are not those that its footer tells');
  }

  /** Raw bytes, to send to another member or to a store; empty at the end. */
  async raw(offset: number, length: number): Promise<Uint8Array> {
    const size = Math.max(0, Math.min(length, this.bytes - offset));
    return size === 0 ? new Uint8Array() : this.#source.read(offset, size);
  }

  async close(): Promise<void> {
    await this.#source.close();
  }

  /** The last block that can begin with, or hold, a version below the given one; -1 for none. */
  #lastBlockOf(id: string, beforeVersion: number): number {
    let [low, high] = [0, this.#blocks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (beginsBelow(this.#blocks[middle], id, beforeVersion)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function beginsBelow(place: BlockPlace | undefined, id: string, beforeVersion: number): boolean {
  if (place === undefined) return false;
  return place.firstId < id || (place.firstId === id && place.firstVersion < beforeVersion);
}

function decodeBlock(plain: Uint8Array, file: string): VersionRecord[] {
  const records: VersionRecord[] = [];
  const reader = new ByteReader(plain);
  try {
    while (reader.remaining > 0) records.push(readVersion(reader));
  } catch (error) {
    if (error instanceof EntryError) throw corrupt(file, error.message);
    throw error;
  }
  return records;
}

function readAt(file: FileReader, offset: number, length: number, name: string): Uint8Array {
  const bytes = new Uint8Array(length);
  if (offset < 0 || file.read(bytes, offset) !== length) throw corrupt(name, 'it is cut off');
  return bytes;
}

function fileBytes(file: FileReader, name: string): ArchiveBytes {
  return {
    size: file.size(),
    keyId: file.keyId,
    read: (offset, length) => readAt(file, offset, length, name),
    close: () => file.close(),
  };
}

/** Most archives have an end that is smaller. */
const LIKELY_END_BYTES = 64 * 1024;

/**
 * The end of an archive: footer, filter and trailer, which are all that is needed to find blocks.
 *
 * @param likelyBytes how many bytes are read first, in which most ends are
 * @throws ArchiveError
 */
export async function readEnd(
  source: ArchiveBytes,
  name: string,
  likelyBytes = LIKELY_END_BYTES,
): Promise<Uint8Array> {
  const { size } = source;
  if (size < HEADER_BYTES + TRAILER_BYTES) throw corrupt(name, 'it is cut off');
  const likely = Math.min(size, Math.max(likelyBytes, TRAILER_BYTES));
  const tail = await source.read(size - likely, likely);
  const { footerOffset } = decodeTrailer(tail.subarray(tail.length - TRAILER_BYTES), name);
  const bytes = size - footerOffset;
  if (bytes < TRAILER_BYTES || bytes > size) throw corrupt(name, 'its trailer is not its own');
  if (bytes <= tail.length) return tail.slice(tail.length - bytes);
  const rest = await source.read(footerOffset, bytes - tail.length);
  return Buffer.concat([rest, tail]);
}

function parseEnd(end: Uint8Array, name: string): Parts {
  const place = decodeTrailer(end.subarray(Math.max(0, end.length - TRAILER_BYTES)), name);
  const { footerBytes, filterBytes } = place;
  if (footerBytes + filterBytes + TRAILER_BYTES !== end.length) {
    throw corrupt(name, 'its trailer is not its own');
  }
  const footer = end.slice(0, footerBytes);
  const filter = end.slice(footerBytes, footerBytes + filterBytes);
  if (crc32(footer) !== place.footerChecksum) throw corrupt(name, 'its footer is not whole');
  if (crc32(filter) !== place.filterChecksum) throw corrupt(name, 'its filter is not whole');
  const parts = decodeFooter(footer, name);
  return { ...parts, filter: new BloomFilter(filter), endBytes: end.length };
}
