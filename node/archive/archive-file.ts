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

/** One archive that is open for reading: its index and filter are in memory, its blocks are not. */
export class ArchiveFile {
  readonly name: string;
  readonly bytes: number;
  readonly summary: ArchiveSummary;
  readonly #file: FileReader;
  readonly #compression: Compression;
  readonly #blocks: readonly BlockPlace[];
  readonly #filter: BloomFilter;

  private constructor(
    name: string,
    file: FileReader,
    compression: Compression,
    parts: { summary: ArchiveSummary; blocks: readonly BlockPlace[]; filter: BloomFilter },
  ) {
    this.name = name;
    this.bytes = file.size();
    this.summary = parts.summary;
    this.#file = file;
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
    return this.#file.keyId;
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
      checkHeader(readAt(file, 0, HEADER_BYTES, name), name);
      const end = readAt(file, file.size() - TRAILER_BYTES, TRAILER_BYTES, name);
      const place = decodeTrailer(end, name);
      const footer = readAt(file, place.footerOffset, place.footerBytes, name);
      const filterOffset = place.footerOffset + place.footerBytes;
      const filter = readAt(file, filterOffset, place.filterBytes, name);
      if (crc32(footer) !== place.footerChecksum) throw corrupt(name, 'its footer is not whole');
      if (crc32(filter) !== place.filterChecksum) throw corrupt(name, 'its filter is not whole');
      const parts = { ...decodeFooter(footer, name), filter: new BloomFilter(filter) };
      return new ArchiveFile(name, file, compression, parts);
    } catch (error) {
      await file.close();
      throw error;
    }
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

  async #plain(at: number): Promise<Uint8Array> {
    const place = this.#blocks[at];
    if (place === undefined) throw new RangeError(`there is no block ${at}`);
    const packed = readAt(this.#file, place.offset, place.packedBytes, this.name);
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
      const plain = await this.#plain(at);
      digest.update(plain);
      records += decodeBlock(plain, this.name).length;
    }
    if (digest.digest('hex') === this.summary.digest && records === this.summary.records) return;
    throw corrupt(this.name, 'its blocks are not those that its footer tells');
  }

  /** Raw bytes, to send to another member; empty at the end. */
  raw(offset: number, length: number): Uint8Array {
    const size = Math.max(0, Math.min(length, this.bytes - offset));
    return readAt(this.#file, offset, size, this.name);
  }

  async close(): Promise<void> {
    await this.#file.close();
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
