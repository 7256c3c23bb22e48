/**
 * The encryption room: master keys, the keys of files derived from them, and AES-256-GCM on blocks.
 * It knows no file; the log's files are encrypted by the log room, with what is given here. Values of
 * encrypted fields have a data key of their own, which a master key wraps.
 */
export { BlockCipher, NONCE_BYTES, TAG_BYTES } from './block-cipher.ts';
export { EncryptedRows, encryptedFields, hasEncryptedFields } from './encrypted-rows.ts';
export { EncryptionError, type EncryptionErrorCode } from './errors.ts';
export { FieldCipher } from './field-cipher.ts';
export { FieldVault } from './field-vault.ts';
export {
  CHECK_BYTES,
  FileKeys,
  type KeyMark,
  type KeyTag,
  MasterKeys,
  SALT_BYTES,
} from './file-keys.ts';
export {
  formatKeyring,
  type KeyRecord,
  type Keyring,
  MAX_KEYRING_BYTES,
  newKey,
  parseKeyRecords,
  parseKeyring,
  SECRET_BYTES,
} from './keyring.ts';
export { memoryKeys } from './memory-keys.ts';
export { openedKey } from './opened-key.ts';
