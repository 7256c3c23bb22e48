import type { BlockCipher, FileKeys } from '../encryption/index.ts';
import { LogCorruptError } from './errors.ts';
import {
  decodeSealHeader,
  encodeSealHeader,
  nonceOf,
  SEAL_BLOCK_BYTES,
  SEAL_HEADER_BYTES,
  type SealHeader,
  type Sealing,
  STORED_BLOCK_BYTES,
} from './sealed-file.ts';
import { withoutKeys } from './segment-seal.ts';

const TAG_BYTES = STORED_BLOCK_BYTES - SEAL_BLOCK_BYTES;

/**
 * All of a sealed file at once, in memory. Under the same key, the same bytes with the same salt are
 * the same file.
 *
 * @param salt never used for other bytes
 */
export function sealBytes(
  plain: Uint8Array,
  { keys, purpose }: Sealing,
  salt: Uint8Array,
): Uint8Array {
  const { tag, cipher } = keys.begin(purpose, salt);
  const header = encodeSealHeader(tag);
  const blocks = Math.max(1, Math.ceil(plain.length / SEAL_BLOCK_BYTES));
  const sealed = new Uint8Array(SEAL_HEADER_BYTES + plain.length + blocks * TAG_BYTES);
  sealed.set(header, 0);
  for (let block = 0; block < blocks; block++) {
    const from = block * SEAL_BLOCK_BYTES;
    const piece = plain.subarray(from, from + SEAL_BLOCK_BYTES);
    const nonce = nonceOf(block, block === blocks - 1);
    cipher.seal(nonce, header, piece, sealed, SEAL_HEADER_BYTES + block * STORED_BLOCK_BYTES);
  }
  return sealed;
}

/** Where the bytes of a sealed file lie that is far away. */
export interface StoredBytes {
  readonly size: number;
  /** Exactly so many bytes from an offset. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * A sealed file that is far away, read by the position of its plain bytes. Its last blocks can be
 * kept elsewhere, encrypted as they are: then they are not asked for again.
 */
export class SealedObject {
  /** Plain bytes. */
  readonly size: number;
  readonly keyId: number;
  readonly #stored: StoredBytes;
  readonly #name: string;
  readonly #header: SealHeader;
  readonly #cipher: BlockCipher;
  readonly #blocks: number;
  /** Header and last blocks; null where they are asked for like all others. */
  #end: Uint8Array | null;

  private constructor(
    stored: StoredBytes,
    name: string,
    header: SealHeader,
    cipher: BlockCipher,
    end: Uint8Array | null,
  ) {
    const bytes = stored.size - SEAL_HEADER_BYTES;
    this.#blocks = Math.ceil(bytes / STORED_BLOCK_BYTES);
    this.size = bytes - this.#blocks * TAG_BYTES;
    this.keyId = header.tag.keyId;
    this.#stored = stored;
    this.#name = name;
    this.#header = header;
    this.#cipher = cipher;
    this.#end = end;
  }

  /**
   * @param end what {@link end} gave; null: nothing is at hand
   * @throws EncryptionError where the keys do not open it
   * @throws LogCorruptError, LogFormatError, and what reading throws
   */
  static async open(
    stored: StoredBytes,
    name: string,
    { keys, purpose }: { readonly keys: FileKeys | null; readonly purpose: string },
    end: Uint8Array | null,
  ): Promise<SealedObject> {
    const short = stored.size < SEAL_HEADER_BYTES + TAG_BYTES;
    const bytes = short ? new Uint8Array() : (end ?? (await stored.read(0, SEAL_HEADER_BYTES)));
    const header = decodeSealHeader(bytes.slice(0, SEAL_HEADER_BYTES), name);
    if (header === null) {
      throw new LogCorruptError({ file: name, offset: 0, record: -1, reason: 'it is not sealed' });
    }
    if (keys === null) throw withoutKeys(name, header.tag.keyId);
    const cipher = keys.open(purpose, header.tag, name);
    const object = new SealedObject(stored, name, header, cipher, end);
    object.#requireWholeEnd();
    return object;
  }

  #requireWholeEnd(): void {
    if (this.#end === null) return;
    const before = SEAL_HEADER_BYTES + this.#firstAtHand(this.#end) * STORED_BLOCK_BYTES;
    if (this.#end.length - SEAL_HEADER_BYTES === this.#stored.size - before) return;
    const reason = 'its end is cut off';
    throw new LogCorruptError({ file: this.#name, offset: before, record: -1, reason });
  }

  /** How many plain bytes at its end can be read without asking for them. */
  get atHand(): number {
    if (this.#end === null) return 0;
    return Math.max(0, this.size - this.#firstAtHand(this.#end) * SEAL_BLOCK_BYTES);
  }

  /** @throws LogCorruptError where a block is not what was sealed */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const plain = new Uint8Array(length);
    if (length === 0) return plain;
    const first = Math.floor(offset / SEAL_BLOCK_BYTES);
    const last = Math.floor((offset + length - 1) / SEAL_BLOCK_BYTES);
    const stored = await this.#storedBlocks(first, last);
    for (let block = first; block <= last; block++) {
      const from = (block - first) * STORED_BLOCK_BYTES;
      const piece = this.#open(block, stored.subarray(from, from + STORED_BLOCK_BYTES));
      const at = block * SEAL_BLOCK_BYTES - offset;
      plain.set(piece.subarray(Math.max(0, -at), length - at), Math.max(0, at));
    }
    return plain;
  }

  /** What is to be kept so that the last plain bytes are at hand. */
  async end(bytes: number): Promise<Uint8Array> {
    const first = Math.floor((this.size - bytes) / SEAL_BLOCK_BYTES);
    const blocks = await this.#storedBlocks(first, this.#blocks - 1);
    return Buffer.concat([this.#header.bytes, blocks]);
  }

  /** Asks for its last blocks like for all others from now on. */
  forgetEnd(): void {
    this.#end = null;
  }

  async #storedBlocks(first: number, last: number): Promise<Uint8Array> {
    const from = SEAL_HEADER_BYTES + first * STORED_BLOCK_BYTES;
    const to = Math.min(this.#stored.size, from + (last - first + 1) * STORED_BLOCK_BYTES);
    const end = this.#end;
    if (end === null || first < this.#firstAtHand(end)) return this.#stored.read(from, to - from);
    const at = end.length - (this.#stored.size - from);
    return end.subarray(at, at + to - from);
  }

  #firstAtHand(end: Uint8Array): number {
    return this.#blocks - Math.ceil((end.length - SEAL_HEADER_BYTES) / STORED_BLOCK_BYTES);
  }

  #open(block: number, stored: Uint8Array): Uint8Array {
    const nonce = nonceOf(block, block === this.#blocks - 1);
    const plain = this.#cipher.open(nonce, this.#header.bytes, stored);
    if (plain !== null) return plain;
    const offset = SEAL_HEADER_BYTES + block * STORED_BLOCK_BYTES;
    const reason = `a block does not authenticate under key ${this.keyId}: it was changed, moved or cut off`;
    throw new LogCorruptError({ file: this.#name, offset, record: block, reason });
  }
}
