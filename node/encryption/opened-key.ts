import { EngineError } from '../ports/index.ts';
import { EncryptionError } from './errors.ts';
import type { FieldCipher } from './field-cipher.ts';

/**
 * What opens the encrypted fields of a schema, for a request; null where it has none. A log that is not
 * applied to its end may hold the key wrapped by a master key that is gone, until it comes to the newer
 * one. The reason names files and keys, which are no caller's to know; the log has it where it stays.
 *
 * @param where it was to be opened, as the caller is told
 * @throws EngineError `unavailable`
 */
export function openedKey<Schema>(
  keys: { of(schema: Schema): FieldCipher | null },
  schema: Schema,
  where: string,
): FieldCipher | null {
  try {
    return keys.of(schema);
  } catch (error) {
    if (!(error instanceof EncryptionError)) throw error;
    throw new EngineError('unavailable', `the key of encrypted fields does not open ${where}`);
  }
}
