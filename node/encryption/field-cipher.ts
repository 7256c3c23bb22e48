import { createHmac, hkdfSync, type KeyObject } from 'node:crypto';
import type { JsonValue } from '@lithair/crds';
import { BlockCipher, NONCE_BYTES, secretKey, TAG_BYTES } from './block-cipher.ts';
import { EncryptionError } from './errors.ts';

const PREFIX = 'lithair:aes256gcm';
const DIGEST_INFO = 'lithair/1 digest of requests';
const ROWS_INFO = 'lithair/1 keys of rows';
const KEY_BYTES = 32;
/** Lengths are told in steps of so many bytes, so that they tell no boolean, state or small number. */
const STEP_BYTES = 32;

/** Where a value stands: its ciphertext opens nowhere else. */
export interface ValuePlace {
  readonly model: string;
  readonly field: string;
  /** Of the row. */
  readonly id: string;
}

/** Draws random bytes. */
type Draw = (size: number) => Uint8Array;

/**
 * Values of encrypted fields: AES-256-GCM with a random nonce, bound to model, field and row. The text
 * is `lithair:aes256gcm:<id of the data key>:<base64url of nonce, ciphertext and tag>`.
 *
 * Each row has a key of its own: random nonces bear 2^32 values under one key (NIST SP 800-38D, section
 * 8.3), which a row never has, and a cluster could.
 */
export class FieldCipher {
  readonly #prefix: string;
  readonly #rowsKey: KeyObject;
  readonly #digestKey: KeyObject;
  /** Of the last row: its fields come one after the other. */
  #last: { readonly model: string; readonly id: string; readonly cipher: BlockCipher } | null =
    null;

  constructor(keyId: string, key: KeyObject) {
    this.#prefix = `${PREFIX}:${keyId}:`;
    this.#rowsKey = derived(key, ROWS_INFO);
    this.#digestKey = derived(key, DIGEST_INFO);
  }

  seal(place: ValuePlace, value: JsonValue, draw: Draw): string {
    const plain = padded(JSON.stringify(value));
    const sealed = Buffer.alloc(NONCE_BYTES + plain.length + TAG_BYTES);
    sealed.set(draw(NONCE_BYTES), 0);
    const nonce = sealed.subarray(0, NONCE_BYTES);
    this.#cipherOf(place).seal(nonce, contextOf(place), plain, sealed, NONCE_BYTES);
    return `${this.#prefix}${sealed.toString('base64url')}`;
  }

  /** @throws EncryptionError `FIELD_DAMAGED` for all but what was sealed with this key for this place */
  open(place: ValuePlace, stored: JsonValue): JsonValue {
    const plain = this.#plainOf(place, stored);
    if (plain !== null) return parsed(plain);
    const { model, field, id } = place;
    throw new EncryptionError(
      'FIELD_DAMAGED',
      `${field} of ${model} ${JSON.stringify(id)} is not what was encrypted for it`,
    );
  }

  /**
   * Tells whether two requests are the same, for whoever holds the key: a plain hash would let others
   * try out what is in them. Hex digits.
   */
  digest(bytes: Uint8Array): string {
    return createHmac('sha256', this.#digestKey).update(bytes).digest('hex');
  }

  #plainOf(place: ValuePlace, stored: JsonValue): Uint8Array | null {
    if (typeof stored !== 'string' || !stored.startsWith(this.#prefix)) return null;
    const sealed = Buffer.from(stored.slice(this.#prefix.length), 'base64url');
    if (sealed.length < NONCE_BYTES + TAG_BYTES) return null;
    const nonce = sealed.subarray(0, NONCE_BYTES);
    return this.#cipherOf(place).open(nonce, contextOf(place), sealed.subarray(NONCE_BYTES));
  }

  #cipherOf({ model, id }: ValuePlace): BlockCipher {
    const last = this.#last;
    if (last?.id === id && last.model === model) return last.cipher;
    const secret = createHmac('sha256', this.#rowsKey)
      .update(JSON.stringify([model, id]))
      .digest();
    const cipher = new BlockCipher(secretKey(secret));
    this.#last = { model, id, cipher };
    return cipher;
  }
}

function derived(key: KeyObject, info: string): KeyObject {
  return secretKey(new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), info, KEY_BYTES)));
}

/** JSON with spaces behind it, which whoever parses it skips. */
function padded(json: string): Uint8Array {
  const size = Buffer.byteLength(json);
  const plain = Buffer.alloc(Math.ceil(size / STEP_BYTES) * STEP_BYTES, ' ');
  plain.write(json);
  return plain;
}

function contextOf({ model, field, id }: ValuePlace): Uint8Array {
  return Buffer.from(JSON.stringify([model, field, id]));
}

/** It was written by `seal`, which the tag proves. */
function parsed(plain: Uint8Array): JsonValue {
  return JSON.parse(Buffer.from(plain).toString());
}
