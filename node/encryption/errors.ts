/**
 * `KEYRING_INVALID`: the file of keys cannot be used; `KEYS_MISSING`: something is encrypted, or
 * must be, and there are no keys; `KEY_MISSING`: the keys lack the one that is needed; `KEY_WRONG`:
 * a key has the id that is needed and is another one; `FIELD_DAMAGED`: the value of an encrypted field, or
 * the key of all of them, is not what was encrypted.
 */
export type EncryptionErrorCode =
  | 'KEYRING_INVALID'
  | 'KEYS_MISSING'
  | 'KEY_MISSING'
  | 'KEY_WRONG'
  | 'FIELD_DAMAGED';

/** Keys are missing or wrong. Messages name files and key ids, never anything of a key. */
export class EncryptionError extends Error {
  readonly code: EncryptionErrorCode;

  constructor(code: EncryptionErrorCode, message: string) {
    super(message);
    this.name = 'EncryptionError';
    this.code = code;
  }
}
