import { createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Random } from '../ports/index.ts';
import { BlockCipher, NONCE_BYTES } from './block-cipher.ts';
import { EncryptionError } from './errors.ts';
import type { Keyring } from './keyring.ts';

/** A file's salt: with it, every file has a key of its own. */
export const SALT_BYTES = 16;
/** Tells a wrong key from damaged bytes. */
export const CHECK_BYTES = 16;
const KEY_BYTES = 32;
const NONCE_POOL_BYTES = NONCE_BYTES * 256;
const NO_SALT = new Uint8Array(0);
const SALT_INFO = 'lithair/1 content';
const CHECK_INFO = 'lithair/1 check';
const MARK_BYTES = 8;

/** What the header of an encrypted file says of its key. */
export interface KeyTag {
  readonly keyId: number;
  readonly salt: Uint8Array;
  readonly check: Uint8Array;
}

/** Tells whether two keyrings mean the same by an id. */
export interface KeyMark {
  readonly id: number;
  /** Hex digits. */
  readonly check: string;
}

/** The keyring that counts now. It is exchanged as a whole when its file changes. */
export class MasterKeys {
  #keyring: Keyring;

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  get keyring(): Keyring {
    return this.#keyring;
  }

  replace(keyring: Keyring): void {
    this.#keyring = keyring;
  }

  /**
   * Keys for the files of one owner: the uuid of a member's disk, or what a backup is of. Without
   * randomness they open files, and begin none.
   */
  of(owner: string, random: Random | null): FileKeys {
    return new FileKeys(this, owner, random);
  }
}

/**
 * Keys for files, derived by HKDF-SHA256 (RFC 5869) in two steps: from a master key one for the
 * owner, and from that, the file's random salt and its purpose, one for each file. So no two files
 * and no two disks share a key, and the number of blocks under one key stays small.
 */
export class FileKeys {
  readonly #masters: MasterKeys;
  readonly #owner: string;
  readonly #random: Random | null;
  #ownerKeys = new WeakMap<KeyObject, KeyObject>();
  readonly #pool = new Uint8Array(NONCE_POOL_BYTES);
  #poolUsed = NONCE_POOL_BYTES;

  constructor(masters: MasterKeys, owner: string, random: Random | null) {
    this.#masters = masters;
    this.#owner = owner;
    this.#random = random;
  }

  /** Of the key that new files get. */
  get activeId(): number {
    return this.#masters.keyring.activeId;
  }

  /** Keys of another owner, from the same masters. */
  forOwner(owner: string): FileKeys {
    return new FileKeys(this.#masters, owner, this.#random);
  }

  /** Keys of a part of the owner: its files do not open as others of the same purpose. */
  forPart(part: string): FileKeys {
    return this.forOwner(`${this.#owner} ${part}`);
  }

  /**
   * A salt that follows from what a file holds, and from the active key: whoever has both comes to
   * the same file, and no one else learns from it what the file holds.
   *
   * @param digest sha256 of everything that is going to be encrypted with it
   */
  saltOf(digest: Uint8Array): Uint8Array {
    const owner = this.#ownerKey(this.#secret(this.activeId));
    return new Uint8Array(hkdfSync('sha256', owner, digest, SALT_INFO, SALT_BYTES));
  }

  /** For each key what tells it from another one of the same id, and nothing else of it. */
  checks(): readonly KeyMark[] {
    return this.#masters.keyring.ids.map((id) => {
      const owner = this.#ownerKey(this.#secret(id));
      const bytes = hkdfSync('sha256', owner, NO_SALT, CHECK_INFO, MARK_BYTES);
      return { id, check: Buffer.from(bytes).toString('hex') };
    });
  }

  /** Whether these are the keys of a tag. Null where they are, otherwise why not. */
  whyNot(purpose: string, tag: KeyTag, file: string): EncryptionError | null {
    const { keyring } = this.#masters;
    const { keyId } = tag;
    const master = keyring.secret(keyId);
    if (master === undefined) {
      const text = `${file} needs key ${keyId}, which ${keyring.name} does not hold`;
      return new EncryptionError('KEY_MISSING', text);
    }
    if (timingSafeEqual(this.#derive(master, purpose, tag.salt).check, tag.check)) return null;
    const text = `${file} is encrypted with another key ${keyId} than that of ${keyring.name}`;
    return new EncryptionError('KEY_WRONG', text);
  }

  /** The cipher of a new file. `salt`: random, never used before. */
  begin(purpose: string, salt: Uint8Array): { tag: KeyTag; cipher: BlockCipher } {
    const { keyring } = this.#masters;
    const keyId = keyring.activeId;
    const { key, check } = this.#derive(this.#secret(keyId), purpose, salt);
    return { tag: { keyId, salt, check }, cipher: new BlockCipher(key) };
  }

  /**
   * The cipher of a file that there is.
   *
   * @param file how errors call it
   * @throws EncryptionError `KEY_MISSING`, `KEY_WRONG`
   */
  open(purpose: string, tag: KeyTag, file: string): BlockCipher {
    const refusal = this.whyNot(purpose, tag, file);
    if (refusal !== null) throw refusal;
    return new BlockCipher(this.#derive(this.#secret(tag.keyId), purpose, tag.salt).key);
  }

  /** A salt for a new file. */
  salt(): Uint8Array {
    return this.#fill(new Uint8Array(SALT_BYTES));
  }

  /** Writes a random nonce to `target`; drawn many at a time, because each draw costs. */
  nonce(target: Uint8Array, at: number): void {
    if (this.#poolUsed === NONCE_POOL_BYTES) {
      this.#fill(this.#pool);
      this.#poolUsed = 0;
    }
    const end = this.#poolUsed + NONCE_BYTES;
    target.set(this.#pool.subarray(this.#poolUsed, end), at);
    this.#poolUsed = end;
  }

  /** The master key of an id that the keyring is known to have. */
  #secret(id: number): KeyObject {
    const master = this.#masters.keyring.secret(id);
    if (master === undefined) throw new Error(`key ${id} went away`);
    return master;
  }

  #fill(target: Uint8Array): Uint8Array {
    if (this.#random === null) throw new Error('these keys are for reading');
    return this.#random.fill(target);
  }

  #derive(master: KeyObject, purpose: string, salt: Uint8Array) {
    const owner = this.#ownerKey(master);
    const bytes = new Uint8Array(hkdfSync('sha256', owner, salt, purpose, KEY_BYTES + CHECK_BYTES));
    const key = createSecretKey(bytes.subarray(0, KEY_BYTES));
    const check = bytes.slice(KEY_BYTES);
    bytes.fill(0);
    return { key, check };
  }

  #ownerKey(master: KeyObject): KeyObject {
    const known = this.#ownerKeys.get(master);
    if (known !== undefined) return known;
    const info = `lithair/1 owner ${this.#owner}`;
    const bytes = new Uint8Array(hkdfSync('sha256', master, NO_SALT, info, KEY_BYTES));
    const key = createSecretKey(bytes);
    bytes.fill(0);
    this.#ownerKeys.set(master, key);
    return key;
  }
}
