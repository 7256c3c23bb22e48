import type { Schema } from '@lithair/crds';
import { type FieldVault, hasEncryptedFields } from './encryption/index.ts';

/**
 * A schema that comes from a file, with the key of encrypted fields: the one that the cluster has, or a
 * new one where it asks for one for the first time.
 *
 * @throws EncryptionError `KEYS_MISSING` where a new one is needed and there are no master keys
 */
export function withFieldKey(
  schema: Schema,
  present: Pick<Schema, 'fieldKey'> | null,
  vault: Pick<FieldVault, 'create'>,
): Schema {
  const known = present?.fieldKey;
  if (known !== undefined) return { ...schema, fieldKey: known };
  return hasEncryptedFields(schema.models) ? { ...schema, fieldKey: vault.create() } : schema;
}
