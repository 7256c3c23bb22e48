import type { WrappedFieldKey } from '@lithair/crds';
import type { Random } from '../ports/index.ts';
import { NONCE_BYTES, secretKey, TAG_BYTES } from './block-cipher.ts';
import { EncryptionError } from './errors.ts';
import { FieldCipher } from './field-cipher.ts';
import type { FileKeys, MasterKeys } from './file-keys.ts';

/** The same in every cluster, so that a backup serves in another one that has its master key. */
const OWNER = 'fields';
const PURPOSE = 'field key';
const DATA_KEY_BYTES = 32;
const ID_BYTES = 8;
/** What errors call it. */
const NAME = 'the key of encrypted fields';

/** A schema, as far as its encrypted fields care. */
interface KeyedSchema {
  readonly fieldKey?: WrappedFieldKey;
}

/**
 * The data key of encrypted fields: made once for a cluster, kept by it wrapped by a master key
 * (AES-256-GCM under a key derived from that), and opened by each member. Another master key wraps
 * it anew, and nothing that it encrypted is written anew.
 */
export class FieldVault {
  readonly #keys: FileKeys | null;
  readonly #random: Random;
  #opened: { readonly wrapped: string; readonly cipher: FieldCipher } | null = null;

  /** @param masters null where there are none: then nothing opens */
  constructor(masters: MasterKeys | null, random: Random) {
    this.#keys = masters?.of(OWNER, random) ?? null;
    this.#random = random;
  }

  /** Of the newest master key; 0 where there are none. */
  get activeId(): number {
    return this.#keys?.activeId ?? 0;
  }

  /** A new data key. @throws EncryptionError `KEYS_MISSING` */
  create(): WrappedFieldKey {
    const id = Buffer.from(this.#random.fill(new Uint8Array(ID_BYTES))).toString('hex');
    const secret = this.#random.fill(new Uint8Array(DATA_KEY_BYTES));
    const wrapped = this.#wrap(id, secret);
    secret.fill(0);
    return wrapped;
  }

  /** The same data key under the newest master key; null where that wraps it. Errors as `of`. */
  renewed(key: WrappedFieldKey): WrappedFieldKey | null {
    if (key.masterKey === this.#required().activeId) return null;
    const secret = this.#unwrap(key);
    const wrapped = this.#wrap(key.id, secret);
    secret.fill(0);
    return wrapped;
  }

  /**
   * What opens and seals the values of a schema's encrypted fields; null where it has no key.
   *
   * @throws EncryptionError where the master keys lack the one that wraps it, or it is another one
   */
  of({ fieldKey }: KeyedSchema): FieldCipher | null {
    if (fieldKey === undefined) return null;
    const wrapped = JSON.stringify(fieldKey);
    if (this.#opened?.wrapped === wrapped) return this.#opened.cipher;
    const secret = this.#unwrap(fieldKey);
    const cipher = new FieldCipher(fieldKey.id, secretKey(secret));
    this.#opened = { wrapped, cipher };
    return cipher;
  }

  #required(): FileKeys {
    if (this.#keys !== null) return this.#keys;
    throw new EncryptionError(
      'KEYS_MISSING',
      'a model has encrypted fields, and no keys were given (--keys FILE)',
    );
  }

  #wrap(id: string, secret: Uint8Array): WrappedFieldKey {
    const keys = this.#required();
    const { tag, cipher } = keys.begin(PURPOSE, keys.salt());
    const sealed = Buffer.alloc(NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES);
    keys.nonce(sealed, 0);
    const nonce = sealed.subarray(0, NONCE_BYTES);
    cipher.seal(nonce, Buffer.from(id), secret, sealed, NONCE_BYTES);
    return {
      id,
      masterKey: tag.keyId,
      salt: Buffer.from(tag.salt).toString('base64'),
      check: Buffer.from(tag.check).toString('base64'),
      wrapped: sealed.toString('base64'),
    };
  }

  #unwrap({ id, masterKey, salt, check, wrapped }: WrappedFieldKey): Uint8Array {
    const tag = { keyId: masterKey, salt: bytesOf(salt), check: bytesOf(check) };
    const cipher = this.#required().open(PURPOSE, tag, NAME);
    const sealed = bytesOf(wrapped);
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const secret = cipher.open(nonce, Buffer.from(id), sealed.subarray(NONCE_BYTES));
    if (secret?.length === DATA_KEY_BYTES) return secret;
    throw new EncryptionError('FIELD_DAMAGED', `${NAME} is damaged`);
  }
}

function bytesOf(base64: string): Uint8Array {
  return Buffer.from(base64, 'base64');
}
