import { crc32 } from 'node:zlib';
import type { SnapshotMetadata } from 'etcd-raft-ts';
import { crc32c } from './crc32c.ts';
import { LogCorruptError, LogFormatError, NotALogError } from './errors.ts';
import { getUint64, setUint64, viewOf } from './numbers.ts';
import { decodeConfState, encodeConfState } from './payloads.ts';
import { ENTRY_CODEC, GROUP, NO_KEY } from './record.ts';

/** Version of snapshot files that this code reads and writes. */
export const SNAPSHOT_FORMAT_VERSION = 2;
/** Largest chunk, bytes. */
export const MAX_CHUNK_BYTES = 4 * 1024 * 1024;
/** Length and checksum before each chunk. */
export const CHUNK_HEADER_BYTES = 8;
/** A chunk length of 0, reserved, chunks, bytes, checksum. */
export const TRAILER_BYTES = 28;

const MAGIC = new TextEncoder().encode('LITHSNAP');
/** Flag of a snapshot that must be encrypted wherever it is stored. */
const SECRET = 1;
const FIXED_HEADER_BYTES = 60;
const MAX_HEADER_BYTES = 1024 * 1024;

/**
 * Checksum of a chunk, or of its next piece: CRC-32 as zlib has it, seeded with what came before.
 * It is the machine's own, and several times as fast as the CRC-32C of records.
 */
export function chunkChecksum(bytes: Uint8Array, seed: number): number {
  return crc32(bytes, seed);
}

/** What a snapshot file says about itself. */
export interface SnapshotHeader {
  readonly metadata: SnapshotMetadata;
  readonly clusterId: string;
  /** Who wrote it; another member where it was received. */
  readonly memberId: number;
  /** A model in it is to be encrypted wherever it is stored. */
  readonly isSecret: boolean;
}

export function encodeSnapshotHeader(header: SnapshotHeader): Uint8Array {
  const clusterId = new TextEncoder().encode(header.clusterId);
  const confState = encodeConfState(header.metadata.confState);
  const bytes = new Uint8Array(FIXED_HEADER_BYTES + clusterId.length + confState.length);
  const view = viewOf(bytes);
  bytes.set(MAGIC, 0);
  view.setUint16(8, SNAPSHOT_FORMAT_VERSION, true);
  view.setUint16(10, header.isSecret ? SECRET : 0, true);
  view.setUint32(16, bytes.length, true);
  view.setUint32(20, GROUP, true);
  view.setUint32(24, NO_KEY, true);
  view.setUint32(28, ENTRY_CODEC, true);
  setUint64(view, 32, header.metadata.index);
  setUint64(view, 40, header.metadata.term);
  setUint64(view, 48, header.memberId);
  view.setUint32(56, clusterId.length, true);
  bytes.set(clusterId, FIXED_HEADER_BYTES);
  bytes.set(confState, FIXED_HEADER_BYTES + clusterId.length);
  view.setUint32(12, crc32c(bytes, 0, bytes.length, 0), true);
  return bytes;
}

/** The checksum of an encoded header, which seeds that of the first chunk. */
export function headerChecksum(header: Uint8Array): number {
  return viewOf(header).getUint32(12, true);
}

export function encodeTrailer(chunks: number, bytes: number, checksum: number): Uint8Array {
  const trailer = new Uint8Array(TRAILER_BYTES);
  const view = viewOf(trailer);
  setUint64(view, 8, chunks);
  setUint64(view, 16, bytes);
  view.setUint32(24, crc32c(trailer, 0, 24, checksum), true);
  return trailer;
}

/**
 * Checks a snapshot that arrives in pieces of any size, without keeping it. After the last piece,
 * `finish` says whether it was whole.
 *
 * @throws LogCorruptError, LogFormatError, NotALogError from `push` and `finish`
 */
export class SnapshotVerifier {
  header: SnapshotHeader | null = null;
  /** Checksum of the header: what the chunks are chained to. */
  identity = 0;
  /** Bytes taken so far. */
  bytes = 0;
  chunks = 0;

  readonly #file: string;
  /** The part at hand: header, chunk header or trailer, until all of it is there. */
  #part = new Uint8Array(FIXED_HEADER_BYTES);
  #partBytes = 0;
  #needed = 20;
  #state: 'size' | 'header' | 'length' | 'payload' | 'trailer' | 'end' = 'size';
  #payloadBytes = 0;
  #payloadLeft = 0;
  #payloadChecksum = 0;
  #expectedChecksum = 0;
  #checksum = 0;

  constructor(file: string) {
    this.#file = file;
  }

  push(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length) {
      const taken = this.#state === 'payload' ? this.#payload(piece, at) : this.#collect(piece, at);
      at += taken;
      this.bytes += taken;
    }
  }

  finish(): SnapshotHeader {
    if (this.#state !== 'end' || this.header === null) throw this.#corrupt('it is cut short');
    return this.header;
  }

  #collect(piece: Uint8Array, at: number): number {
    if (this.#state === 'end') throw this.#corrupt('there is something behind its end');
    const taken = Math.min(this.#needed - this.#partBytes, piece.length - at);
    this.#part.set(piece.subarray(at, at + taken), this.#partBytes);
    this.#partBytes += taken;
    if (this.#partBytes === this.#needed) this.#complete();
    return taken;
  }

  #complete(): void {
    const part = this.#part.subarray(0, this.#needed);
    if (this.#state === 'size') return this.#size(part);
    if (this.#state === 'header') this.#readHeader(part);
    else if (this.#state === 'length') this.#length(part);
    else this.#trailer(part);
  }

  #expect(state: 'length' | 'end', needed: number): void {
    this.#state = state;
    this.#needed = needed;
    this.#partBytes = 0;
  }

  #size(part: Uint8Array): void {
    if (!MAGIC.every((byte, i) => part[i] === byte)) {
      throw new NotALogError(this.#file, 'it does not begin as a snapshot does');
    }
    const size = viewOf(part).getUint32(16, true);
    if (size < FIXED_HEADER_BYTES || size > MAX_HEADER_BYTES) throw this.#corrupt('bad header');
    this.#state = 'header';
    this.#needed = size;
    const whole = new Uint8Array(size);
    whole.set(part);
    this.#part = whole;
  }

  #readHeader(part: Uint8Array): void {
    const view = viewOf(part);
    const checksum = view.getUint32(12, true);
    view.setUint32(12, 0, true);
    if (crc32c(part, 0, part.length, 0) !== checksum) {
      throw this.#corrupt('the header does not match its checksum');
    }
    this.header = this.#decodeHeader(part, view);
    this.#checksum = checksum;
    this.identity = checksum;
    this.#expect('length', CHUNK_HEADER_BYTES);
  }

  #decodeHeader(part: Uint8Array, view: DataView): SnapshotHeader {
    const version = view.getUint16(8, true);
    if (version !== SNAPSHOT_FORMAT_VERSION) {
      throw new LogFormatError(`${this.#file} has format version ${version}; this one reads 2`);
    }
    const unknown = whyUnsupported(view);
    if (unknown !== null) throw new LogFormatError(`${this.#file}: ${unknown} is unknown`);
    const end = FIXED_HEADER_BYTES + view.getUint32(56, true);
    const confState = decodeConfState(part.slice(end));
    if (confState === null) throw this.#corrupt('the membership cannot be read');
    const clusterId = new TextDecoder().decode(part.subarray(FIXED_HEADER_BYTES, end));
    const metadata = { confState, index: getUint64(view, 32), term: getUint64(view, 40) };
    const isSecret = view.getUint16(10, true) === SECRET;
    return { metadata, clusterId, memberId: getUint64(view, 48), isSecret };
  }

  #length(part: Uint8Array): void {
    const view = viewOf(part);
    this.#payloadLeft = view.getUint32(0, true);
    if (this.#payloadLeft === 0) {
      this.#state = 'trailer';
      this.#needed = TRAILER_BYTES;
      return;
    }
    if (this.#payloadLeft > MAX_CHUNK_BYTES) throw this.#corrupt('a chunk is too long');
    this.#expectedChecksum = view.getUint32(4, true);
    this.#payloadChecksum = this.#checksum;
    this.#state = 'payload';
  }

  #payload(piece: Uint8Array, at: number): number {
    const taken = Math.min(this.#payloadLeft, piece.length - at);
    this.#payloadChecksum = chunkChecksum(piece.subarray(at, at + taken), this.#payloadChecksum);
    this.#payloadLeft -= taken;
    this.#payloadBytes += taken;
    if (this.#payloadLeft > 0) return taken;
    if (this.#payloadChecksum !== this.#expectedChecksum) {
      throw this.#corrupt('a chunk does not match its checksum');
    }
    this.#checksum = this.#payloadChecksum;
    this.chunks += 1;
    this.#expect('length', CHUNK_HEADER_BYTES);
    return taken;
  }

  #trailer(part: Uint8Array): void {
    const expected = encodeTrailer(this.chunks, this.#payloadBytes, this.#checksum);
    if (!expected.every((byte, i) => part[i] === byte)) {
      throw this.#corrupt('the trailer does not match what came before');
    }
    this.#expect('end', 0);
  }

  #corrupt(reason: string): LogCorruptError {
    const { bytes: offset, chunks: record } = this;
    return new LogCorruptError({ file: this.#file, offset, record, reason });
  }
}

function whyUnsupported(view: DataView): string | null {
  const [group, key, codec] = [20, 24, 28].map((at) => view.getUint32(at, true));
  const flags = view.getUint16(10, true);
  if (flags !== 0 && flags !== SECRET) return `flag ${flags}`;
  if (group !== GROUP) return `raft group ${group}`;
  if (key !== NO_KEY) return `encryption key ${key}`;
  return codec === ENTRY_CODEC ? null : `codec ${codec}`;
}
