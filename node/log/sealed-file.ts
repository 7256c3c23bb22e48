import {
  type BlockCipher,
  CHECK_BYTES,
  type FileKeys,
  type KeyTag,
  NONCE_BYTES,
  SALT_BYTES,
  TAG_BYTES,
} from '../encryption/index.ts';
import { crc32c } from './crc32c.ts';
import { LogCorruptError, LogFormatError } from './errors.ts';
import { syncFile, writeAt } from './file-steps.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import { setUint64, viewOf } from './numbers.ts';
import { withoutKeys } from './segment-seal.ts';

// A sealed file is a header and blocks; what it holds is any other file. See docs/storage-format.md.
const MAGIC = new TextEncoder().encode('LITHSEAL');
const FORMAT_VERSION = 1;
export const SEAL_HEADER_BYTES = 64;
/** Plain bytes of every block but the last. */
export const SEAL_BLOCK_BYTES = 64 * 1024;
export const STORED_BLOCK_BYTES = SEAL_BLOCK_BYTES + TAG_BYTES;
/** What the header of a file that grows has instead: its blocks are as long as what was appended. */
export const GROWING = 0;
const CHECKSUM_AT = 12;
const SALT_AT = 24;
const CHECK_AT = SALT_AT + SALT_BYTES;

/** What a file is encrypted with. `purpose` says what it is: with another one it does not open. */
export interface Sealing {
  readonly keys: FileKeys;
  readonly purpose: string;
}

/** A new file, written from its beginning to its end. */
export interface FileWriter {
  /** `bytes` must stay untouched until it resolves. */
  append(bytes: Uint8Array): Promise<void>;
  /** Brings what is written to the disk, so that `finish` has less to do. */
  sync(): Promise<void>;
  /** Writes what is left; all of it is durable when it resolves. Nothing may follow. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/** A file to be read, as it was before it was encrypted. */
export interface FileReader extends Pick<OpenFile, 'size' | 'read' | 'readAhead' | 'close'> {
  /** Id of the key that it is encrypted with; 0 where it is not. */
  readonly keyId: number;
}

/** Creates a file, or empties the one that exists; encrypted where there is a sealing. */
export async function createFile(
  fs: FileSystem,
  path: string,
  sealing: Sealing | null,
): Promise<FileWriter> {
  const file = await fs.open(path, 'create');
  return sealing === null ? new PlainWriter(file) : new SealedWriter(file, sealing);
}

/**
 * Opens a file whether it is encrypted or not.
 *
 * @param name how errors call it
 * @throws EncryptionError where it is encrypted and the keys do not open it
 * @throws LogCorruptError, LogFormatError; reading throws LogCorruptError, too
 */
export async function openFile(
  fs: FileSystem,
  path: string,
  name: string,
  keys: FileKeys | null,
  purpose: string,
): Promise<FileReader> {
  const file = await fs.open(path, 'read');
  try {
    const header = readSealHeader(file, name);
    if (header === null) return plainReader(file);
    if (keys === null) throw withoutKeys(name, header.tag.keyId);
    return new SealedReader(file, name, header, keys.open(purpose, header.tag, name));
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * The key of a file that is encrypted; null for any other file. `blockBytes`: {@link GROWING} for
 * a file that grows.
 *
 * @throws LogCorruptError, LogFormatError
 */
export async function tagOf(
  fs: FileSystem,
  path: string,
  name: string,
  blockBytes: number = SEAL_BLOCK_BYTES,
): Promise<KeyTag | null> {
  const file = await fs.open(path, 'read');
  try {
    return readSealHeader(file, name, blockBytes)?.tag ?? null;
  } finally {
    await file.close();
  }
}

class PlainWriter implements FileWriter {
  readonly #file: OpenFile;
  #at = 0;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await writeAt(this.#file, bytes, this.#at);
    this.#at += bytes.length;
  }

  sync(): Promise<void> {
    return syncFile(this.#file);
  }

  finish(): Promise<void> {
    return syncFile(this.#file);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/**
 * Blocks under one key that no other file has, counted by their nonces; the last one says that it
 * is the last. So blocks cannot be exchanged, moved, taken out or cut off (STREAM; Hoang,
 * Reyhanitabar, Rogaway, Vizár, CRYPTO 2015).
 */
class SealedWriter implements FileWriter {
  readonly #file: OpenFile;
  readonly #header: Uint8Array;
  readonly #cipher: BlockCipher;
  readonly #plain = new Uint8Array(SEAL_BLOCK_BYTES);
  readonly #stored = new Uint8Array(STORED_BLOCK_BYTES);
  #used = 0;
  #blocks = 0;

  constructor(file: OpenFile, { keys, purpose }: Sealing) {
    const { tag, cipher } = keys.begin(purpose, keys.salt());
    this.#file = file;
    this.#header = encodeSealHeader(tag);
    this.#cipher = cipher;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      // A full block waits for what follows: it may be the last one.
      if (this.#used === SEAL_BLOCK_BYTES) await this.#write(false);
      const taken = Math.min(SEAL_BLOCK_BYTES - this.#used, bytes.length - from);
      this.#plain.set(bytes.subarray(from, from + taken), this.#used);
      this.#used += taken;
      from += taken;
    }
  }

  sync(): Promise<void> {
    return syncFile(this.#file);
  }

  async finish(): Promise<void> {
    await this.#write(true);
    await syncFile(this.#file);
  }

  close(): Promise<void> {
    this.#plain.fill(0);
    return this.#file.close();
  }

  async #write(isLast: boolean): Promise<void> {
    if (this.#blocks === 0) await writeAt(this.#file, this.#header, 0);
    const plain = this.#plain.subarray(0, this.#used);
    const nonce = nonceOf(this.#blocks, isLast);
    this.#cipher.seal(nonce, this.#header, plain, this.#stored, 0);
    const stored = this.#stored.subarray(0, this.#used + TAG_BYTES);
    await writeAt(this.#file, stored, SEAL_HEADER_BYTES + this.#blocks * STORED_BLOCK_BYTES);
    this.#blocks += 1;
    this.#used = 0;
  }
}

/** The header of a sealed file, and what it says. */
export interface SealHeader {
  readonly tag: KeyTag;
  readonly bytes: Uint8Array;
}

class SealedReader implements FileReader {
  readonly keyId: number;
  readonly #file: OpenFile;
  readonly #name: string;
  readonly #header: Uint8Array;
  readonly #cipher: BlockCipher;
  readonly #storedBytes: number;
  readonly #blocks: number;
  /** The block that was read last: most reads go on where the one before ended. */
  #plain: Uint8Array = new Uint8Array(0);
  #block = -1;

  constructor(file: OpenFile, name: string, header: SealHeader, cipher: BlockCipher) {
    this.keyId = header.tag.keyId;
    this.#file = file;
    this.#name = name;
    this.#header = header.bytes;
    this.#cipher = cipher;
    this.#storedBytes = Math.max(0, file.size() - SEAL_HEADER_BYTES);
    this.#blocks = Math.ceil(this.#storedBytes / STORED_BLOCK_BYTES);
    if (this.#blocks === 0) throw this.#corrupt(0, 'it is cut short');
  }

  size(): number {
    return Math.max(0, this.#storedBytes - this.#blocks * TAG_BYTES);
  }

  read(target: Uint8Array, position: number): number {
    const end = Math.min(target.length, this.size() - position);
    let done = 0;
    while (done < end) {
      const at = position + done;
      const plain = this.#open(Math.floor(at / SEAL_BLOCK_BYTES));
      const from = at % SEAL_BLOCK_BYTES;
      const piece = plain.subarray(from, from + end - done);
      target.set(piece, done);
      done += piece.length;
    }
    return done;
  }

  readAhead(position: number, bytes: number): Promise<void> {
    const first = Math.floor(position / SEAL_BLOCK_BYTES);
    const blocks = Math.floor((position + bytes - 1) / SEAL_BLOCK_BYTES) - first + 1;
    const at = SEAL_HEADER_BYTES + first * STORED_BLOCK_BYTES;
    return this.#file.readAhead(at, blocks * STORED_BLOCK_BYTES);
  }

  close(): Promise<void> {
    this.#plain = new Uint8Array(0);
    this.#block = -1;
    return this.#file.close();
  }

  #open(block: number): Uint8Array {
    if (block === this.#block) return this.#plain;
    const isLast = block === this.#blocks - 1;
    const at = block * STORED_BLOCK_BYTES;
    const stored = new Uint8Array(Math.min(STORED_BLOCK_BYTES, this.#storedBytes - at));
    const isWhole = this.#file.read(stored, SEAL_HEADER_BYTES + at) === stored.length;
    const plain = isWhole ? this.#cipher.open(nonceOf(block, isLast), this.#header, stored) : null;
    if (plain === null) {
      const reason = `a block does not authenticate under key ${this.keyId}: it was changed, moved or cut off`;
      throw this.#corrupt(block, reason);
    }
    this.#plain = plain;
    this.#block = block;
    return plain;
  }

  #corrupt(record: number, reason: string): LogCorruptError {
    const offset = SEAL_HEADER_BYTES + record * STORED_BLOCK_BYTES;
    return new LogCorruptError({ file: this.#name, offset, record, reason });
  }
}

function plainReader(file: OpenFile): FileReader {
  return {
    keyId: 0,
    size: () => file.size(),
    read: (target, position) => file.read(target, position),
    readAhead: (position, bytes) => file.readAhead(position, bytes),
    close: () => file.close(),
  };
}

export function nonceOf(block: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  setUint64(viewOf(nonce), 0, block);
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
  return nonce;
}

/** The header of a new sealed file. */
export function encodeSealHeader(
  { keyId, salt, check }: KeyTag,
  blockBytes: number = SEAL_BLOCK_BYTES,
): Uint8Array {
  const bytes = new Uint8Array(SEAL_HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(MAGIC, 0);
  view.setUint16(8, FORMAT_VERSION, true);
  view.setUint32(16, keyId, true);
  view.setUint32(20, blockBytes, true);
  bytes.set(salt, SALT_AT);
  bytes.set(check, CHECK_AT);
  view.setUint32(CHECKSUM_AT, crc32c(bytes, 0, SEAL_HEADER_BYTES, 0), true);
  return bytes;
}

function readSealHeader(
  file: OpenFile,
  name: string,
  blockBytes: number = SEAL_BLOCK_BYTES,
): SealHeader | null {
  const bytes = new Uint8Array(SEAL_HEADER_BYTES);
  return decodeSealHeader(bytes.subarray(0, file.read(bytes, 0)), name, blockBytes);
}

/** Of the first bytes of a file; `expectedBytes` is `blockBytes` there, null and errors as of {@link tagOf}. */
export function decodeSealHeader(
  bytes: Uint8Array,
  name: string,
  expectedBytes: number = SEAL_BLOCK_BYTES,
): SealHeader | null {
  const { length } = bytes;
  if (length < MAGIC.length || !MAGIC.every((byte, at) => bytes[at] === byte)) return null;
  const view = viewOf(bytes);
  const checksum = length < SEAL_HEADER_BYTES ? 0 : view.getUint32(CHECKSUM_AT, true);
  if (length >= SEAL_HEADER_BYTES) view.setUint32(CHECKSUM_AT, 0, true);
  if (length < SEAL_HEADER_BYTES || crc32c(bytes, 0, SEAL_HEADER_BYTES, 0) !== checksum) {
    const reason = 'its header does not match its checksum';
    throw new LogCorruptError({ file: name, offset: 0, record: -1, reason });
  }
  view.setUint32(CHECKSUM_AT, checksum, true);
  const [version, blockBytes] = [view.getUint16(8, true), view.getUint32(20, true)];
  if (version !== FORMAT_VERSION || blockBytes !== expectedBytes) {
    const found = `encryption format ${version} with blocks of ${blockBytes}`;
    throw new LogFormatError(`${name} has ${found}; this version reads 1 and ${expectedBytes}`);
  }
  const salt = bytes.slice(SALT_AT, CHECK_AT);
  const check = bytes.slice(CHECK_AT, CHECK_AT + CHECK_BYTES);
  return { tag: { keyId: view.getUint32(16, true), salt, check }, bytes };
}
