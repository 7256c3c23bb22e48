import { type BlockCipher, type FileKeys, TAG_BYTES } from '../encryption/index.ts';
import { crc32c } from './crc32c.ts';
import { LogCorruptError } from './errors.ts';
import { readFile, syncFile, writeAt } from './file-steps.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import { viewOf } from './numbers.ts';
import {
  decodeSealHeader,
  encodeSealHeader,
  GROWING,
  nonceOf,
  SEAL_BLOCK_BYTES,
  SEAL_HEADER_BYTES,
  type SealHeader,
  type Sealing,
} from './sealed-file.ts';
import { withoutKeys } from './segment-seal.ts';

// A sealed file that grows has the header of a sealed file, and a block for each append, under the
// counted nonces of a key that no other file has. It is never gone on with after its process ended:
// a nonce cannot come twice. See docs/storage-format.md.
const FRAME_BYTES = 12;

/** A new file that is appended to for as long as one process lives. */
export interface GrowingFile {
  /** Id of the key that it is encrypted with; 0 where it is not. */
  readonly keyId: number;
  /** Durable when it resolves. One at a time; after one that failed, nothing may follow. */
  append(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** What such a file holds, as it was before it was encrypted. */
export interface GrownBytes {
  readonly keyId: number;
  /** Up to the last append that is whole; of a file that is not encrypted, all that is there. */
  readonly plain: Uint8Array;
  /** What stands behind it of an encrypted file; null for nothing. */
  readonly looseEnd: LooseEnd | null;
}

/** Bytes at the end of a file that are no append. */
export interface LooseEnd {
  /** In the file as it is stored. */
  readonly offset: number;
  readonly bytes: number;
  /** Whether they look like the beginning of an append that was never durable; else they were changed. */
  readonly isTorn: boolean;
}

/** Creates a file, or empties the one that exists; encrypted where there is a sealing. */
export async function createGrowingFile(
  fs: FileSystem,
  path: string,
  sealing: Sealing | null,
): Promise<GrowingFile> {
  const file = await fs.open(path, 'create');
  return sealing === null ? new PlainGrowingFile(file) : new SealedGrowingFile(file, sealing);
}

/**
 * Reads a file that grows, or grew.
 *
 * @param name how errors call it
 * @throws EncryptionError where it is encrypted and the keys do not open it
 * @throws LogCorruptError where a block is not what was written, and it is not a torn end; LogFormatError
 */
export async function readGrowingFile(
  fs: FileSystem,
  path: string,
  name: string,
  keys: FileKeys | null,
  purpose: string,
): Promise<GrownBytes> {
  const bytes = await readFile(fs, path);
  const blocks = blocksOf(bytes, name, keys, purpose);
  if (blocks === null) return { keyId: 0, plain: bytes, looseEnd: null };
  const pieces: Uint8Array[] = [];
  for (let piece = blocks.next(); piece !== null; piece = blocks.next()) pieces.push(piece);
  blocks.requireTorn();
  return { keyId: blocks.keyId, plain: Buffer.concat(pieces), looseEnd: blocks.looseEnd };
}

/** The first append of an encrypted file, the first bytes of any other. Errors as {@link readGrowingFile}. */
export async function readGrowingStart(
  fs: FileSystem,
  path: string,
  name: string,
  keys: FileKeys | null,
  purpose: string,
): Promise<Uint8Array> {
  const file = await fs.open(path, 'read');
  try {
    const start = new Uint8Array(SEAL_HEADER_BYTES + FRAME_BYTES + SEAL_BLOCK_BYTES + TAG_BYTES);
    const bytes = start.subarray(0, file.read(start, 0));
    const blocks = blocksOf(bytes, name, keys, purpose);
    return blocks === null ? bytes : (blocks.next() ?? new Uint8Array());
  } finally {
    await file.close();
  }
}

class PlainGrowingFile implements GrowingFile {
  readonly keyId = 0;
  readonly #file: OpenFile;
  #at = 0;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await writeAt(this.#file, bytes, this.#at);
    await syncFile(this.#file);
    this.#at += bytes.length;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

class SealedGrowingFile implements GrowingFile {
  readonly keyId: number;
  readonly #file: OpenFile;
  readonly #header: Uint8Array;
  readonly #cipher: BlockCipher;
  #at = 0;
  #blocks = 0;

  constructor(file: OpenFile, { keys, purpose }: Sealing) {
    const { tag, cipher } = keys.begin(purpose, keys.salt());
    this.keyId = tag.keyId;
    this.#file = file;
    this.#header = encodeSealHeader(tag, GROWING);
    this.#cipher = cipher;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const headBytes = this.#blocks === 0 ? SEAL_HEADER_BYTES : 0;
    const stored = new Uint8Array(headBytes + FRAME_BYTES + bytes.length + TAG_BYTES);
    if (headBytes > 0) stored.set(this.#header, 0);
    const block = this.#blocks;
    // Counted before it is written: whatever comes of the write, its nonce is used.
    this.#blocks += 1;
    stored.set(frameOf(block, bytes.length, this.#header), headBytes);
    const nonce = nonceOf(block, false);
    this.#cipher.seal(nonce, this.#header, bytes, stored, headBytes + FRAME_BYTES);
    await writeAt(this.#file, stored, this.#at);
    await syncFile(this.#file);
    this.#at += stored.length;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Null where the file is not encrypted. Errors as {@link readGrowingFile}. */
function blocksOf(
  bytes: Uint8Array,
  name: string,
  keys: FileKeys | null,
  purpose: string,
): GrownBlocks | null {
  const header = decodeSealHeader(bytes.slice(0, SEAL_HEADER_BYTES), name, GROWING);
  if (header === null) return null;
  if (keys === null) throw withoutKeys(name, header.tag.keyId);
  return new GrownBlocks(bytes, name, header, keys.open(purpose, header.tag, name));
}

/** Goes from block to block, as long as each is whole and in its place. */
class GrownBlocks {
  readonly keyId: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #name: string;
  readonly #header: Uint8Array;
  readonly #cipher: BlockCipher;
  #at = SEAL_HEADER_BYTES;
  #block = 0;

  constructor(bytes: Uint8Array, name: string, header: SealHeader, cipher: BlockCipher) {
    this.keyId = header.tag.keyId;
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#name = name;
    this.#header = header.bytes;
    this.#cipher = cipher;
  }

  /** The plain bytes of the next block; null at the end of what is whole. */
  next(): Uint8Array | null {
    const plain = this.#open(this.#at, this.#block);
    if (plain === null) return null;
    this.#at += FRAME_BYTES + plain.length + TAG_BYTES;
    this.#block += 1;
    return plain;
  }

  /** What stands behind the last block that is whole; null for nothing. */
  get looseEnd(): LooseEnd | null {
    const [offset, bytes] = [this.#at, this.#bytes.length - this.#at];
    return bytes === 0 ? null : { offset, bytes, isTorn: this.#isTorn(bytes) };
  }

  #isTorn(bytes: number): boolean {
    if (bytes < FRAME_BYTES || hasHole(this.#bytes.subarray(this.#at))) return true;
    const length = this.#view.getUint32(this.#at + 4, true);
    return this.#isFrame(length) && FRAME_BYTES + length + TAG_BYTES > bytes;
  }

  #isFrame(length: number): boolean {
    const frame = frameOf(this.#block, length, this.#header);
    return frame.every((byte, i) => byte === this.#bytes[this.#at + i]);
  }

  /** Each block was durable before the next one was written: nothing whole can follow a torn one. */
  requireTorn(): void {
    const last = this.#bytes.length - FRAME_BYTES - TAG_BYTES;
    for (let at = this.#at + 1; at <= last; at++) {
      const block = this.#view.getUint32(at, true);
      if (block <= this.#block || this.#open(at, block) === null) continue;
      const reason = `a block does not authenticate under key ${this.keyId}: it was changed or moved`;
      const place = { offset: this.#at, record: this.#block, reason };
      throw new LogCorruptError({ file: this.#name, ...place });
    }
  }

  #open(at: number, block: number): Uint8Array | null {
    const from = at + FRAME_BYTES;
    if (from + TAG_BYTES > this.#bytes.length) return null;
    const length = this.#view.getUint32(at + 4, true);
    const end = from + length + TAG_BYTES;
    if (end > this.#bytes.length) return null;
    const frame = frameOf(block, length, this.#header);
    if (!frame.every((byte, i) => byte === this.#bytes[at + i])) return null;
    return this.#cipher.open(nonceOf(block, false), this.#header, this.#bytes.subarray(from, end));
  }
}

const HOLE = Buffer.alloc(16);

/** Sectors that never came to the disk read as zeros, of which appends have no run that long. */
export function hasHole(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(HOLE);
}

/** Number and length of a block, and their checksum, which only such a block of this file has. */
function frameOf(block: number, length: number, header: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_BYTES);
  const view = viewOf(frame);
  view.setUint32(0, block, true);
  view.setUint32(4, length, true);
  view.setUint32(8, crc32c(frame, 0, 8, crc32c(header, 0, header.length, 0)), true);
  return frame;
}
