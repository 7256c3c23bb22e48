import { crc32 } from 'node:zlib';
import { ByteReader, ByteWriter, EntryError } from '../entry/index.ts';
import { ArchiveError, corrupt } from './errors.ts';

// A file is: header, blocks, footer, filter, trailer. See docs/storage-format.md.
const MAGIC = Buffer.from('LITHARCH', 'latin1');
const FORMAT_VERSION = 1;
const ZSTD = 1;
export const HEADER_BYTES = 16;
export const TRAILER_BYTES = 40;
/** A block is closed with the record that makes it this large. */
export const BLOCK_BYTES = 64 * 1024;

/** Where a block stands, and what it begins with. */
export interface BlockPlace {
  readonly offset: number;
  readonly packedBytes: number;
  readonly plainBytes: number;
  /** CRC-32 of the packed bytes. */
  readonly checksum: number;
  readonly firstId: string;
  readonly firstVersion: number;
}

/** What a file says of itself. */
export interface ArchiveSummary {
  readonly clusterId: string;
  readonly model: string;
  /** Generations whose versions it holds, both included. */
  readonly fromGeneration: number;
  readonly toGeneration: number;
  readonly records: number;
  /** Log times of the oldest and the newest version. */
  readonly oldestMs: number;
  readonly newestMs: number;
  /** sha256 (hex) of all blocks before compression. */
  readonly digest: string;
}

export interface Footer {
  readonly summary: ArchiveSummary;
  readonly blocks: readonly BlockPlace[];
}

export function encodeHeader(): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt16LE(FORMAT_VERSION, 8);
  header.writeUInt16LE(ZSTD, 10);
  return header;
}

/** @throws ArchiveError */
export function checkHeader(header: Uint8Array, file: string): void {
  const bytes = Buffer.from(header);
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) {
    throw corrupt(file, 'it does not begin as an archive does');
  }
  const [version, codec, key] = [
    bytes.readUInt16LE(8),
    bytes.readUInt16LE(10),
    bytes.readUInt32LE(12),
  ];
  if (version === FORMAT_VERSION && codec === ZSTD && key === 0) return;
  const message = `${file} has format version ${version}, codec ${codec}, key ${key}; this one reads 1, 1, 0`;
  throw new ArchiveError('ARCHIVE_FORMAT', message);
}

/** Footer, filter and trailer, to stand at `offset`. */
export function encodeEnd(footer: Footer, filter: Uint8Array, offset: number): Uint8Array {
  const content = encodeFooter(footer);
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeBigUInt64LE(BigInt(offset), 0);
  trailer.writeUInt32LE(content.length, 8);
  trailer.writeUInt32LE(crc32(content), 12);
  trailer.writeUInt32LE(filter.length, 16);
  trailer.writeUInt32LE(crc32(filter), 20);
  trailer.writeUInt32LE(crc32(trailer.subarray(0, 28)), 28);
  MAGIC.copy(trailer, 32);
  return Buffer.concat([content, filter, trailer]);
}

/** Where footer and filter stand. */
export interface EndPlace {
  readonly footerOffset: number;
  readonly footerBytes: number;
  readonly footerChecksum: number;
  readonly filterBytes: number;
  readonly filterChecksum: number;
}

/** @throws ArchiveError */
export function decodeTrailer(bytes: Uint8Array, file: string): EndPlace {
  const trailer = Buffer.from(bytes);
  const isWhole = trailer.length === TRAILER_BYTES && trailer.subarray(32).equals(MAGIC);
  if (!isWhole || trailer.readUInt32LE(28) !== crc32(trailer.subarray(0, 28))) {
    throw corrupt(file, 'its trailer is not whole');
  }
  return {
    footerOffset: Number(trailer.readBigUInt64LE(0)),
    footerBytes: trailer.readUInt32LE(8),
    footerChecksum: trailer.readUInt32LE(12),
    filterBytes: trailer.readUInt32LE(16),
    filterChecksum: trailer.readUInt32LE(20),
  };
}

function encodeFooter({ summary, blocks }: Footer): Uint8Array {
  const writer = new ByteWriter();
  writer.text(summary.clusterId);
  writer.text(summary.model);
  for (const number of [
    summary.fromGeneration,
    summary.toGeneration,
    summary.records,
    summary.oldestMs,
    summary.newestMs,
  ]) {
    writer.varint(number);
  }
  writer.text(summary.digest);
  writer.varint(blocks.length);
  for (const block of blocks) {
    writer.varint(block.offset);
    writer.varint(block.packedBytes);
    writer.varint(block.plainBytes);
    writer.varint(block.checksum);
    writer.text(block.firstId);
    writer.varint(block.firstVersion);
  }
  return writer.take();
}

/** @throws ArchiveError */
export function decodeFooter(bytes: Uint8Array, file: string): Footer {
  try {
    return readFooter(new ByteReader(bytes));
  } catch (error) {
    if (error instanceof EntryError) throw corrupt(file, error.message);
    throw error;
  }
}

function readFooter(reader: ByteReader): Footer {
  const summary = {
    clusterId: reader.text(),
    model: reader.text(),
    fromGeneration: reader.varint(),
    toGeneration: reader.varint(),
    records: reader.varint(),
    oldestMs: reader.varint(),
    newestMs: reader.varint(),
    digest: reader.text(),
  };
  const blocks = Array.from({ length: reader.count(6) }, () => ({
    offset: reader.varint(),
    packedBytes: reader.varint(),
    plainBytes: reader.varint(),
    checksum: reader.varint(),
    firstId: reader.text(),
    firstVersion: reader.varint(),
  }));
  reader.end();
  return { summary, blocks };
}
