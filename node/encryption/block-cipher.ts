import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** AES-256-GCM (NIST SP 800-38D) under the key of one file. A nonce must never come twice. */
export class BlockCipher {
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
  }

  /** Writes ciphertext and tag to `target` from `at` on: `plain.length + TAG_BYTES` bytes. */
  seal(
    nonce: Uint8Array,
    context: Uint8Array,
    plain: Uint8Array,
    target: Uint8Array,
    at: number,
  ): void {
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(context);
    target.set(cipher.update(plain), at);
    cipher.final();
    target.set(cipher.getAuthTag(), at + plain.length);
  }

  /** The plain bytes; null where ciphertext, nonce or context are not those of one `seal`. */
  open(nonce: Uint8Array, context: Uint8Array, sealed: Uint8Array): Uint8Array | null {
    const end = sealed.length - TAG_BYTES;
    if (end < 0) return null;
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(context);
    decipher.setAuthTag(sealed.subarray(end));
    const plain = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
      return plain;
    } catch {
      return null;
    }
  }
}

/**
 * The key of these bytes, which are forgotten. HMAC and AES take several times as long with bytes as with
 * a key object.
 */
export function secretKey(secret: Uint8Array): KeyObject {
  const key = createSecretKey(secret);
  secret.fill(0);
  return key;
}
