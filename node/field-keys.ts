import { parseSchema, type Schema, type WrappedFieldKey } from '@lithair/crds';
import { EncryptionError, type FieldVault, hasEncryptedFields } from './encryption/index.ts';
import { decodeEntry } from './entry/index.ts';
import {
  hasLog,
  type KeyUse,
  type RawRecord,
  type ScanOptions,
  scanLog,
  scanSnapshots,
} from './log/index.ts';
import { type ReplicatedState, schemasOfSnapshot } from './state/index.ts';

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

/** The keys of encrypted fields that a state needs: of its model, and of one that is being prepared. */
export function fieldKeysOf({
  schema,
  pendingChange,
}: Pick<ReplicatedState, 'schema' | 'pendingChange'>): readonly WrappedFieldKey[] {
  const keys = [schema.fieldKey, pendingChange?.schema.fieldKey];
  return keys.filter((key) => key !== undefined);
}

/**
 * The master keys that the key of encrypted fields is wrapped by, wherever a data directory holds it: in
 * snapshots, and in model changes of the log. Takes no lock.
 *
 * @param vault of the keys that are asked
 * @throws LogError, StateError, EncryptionError where the directory cannot be read
 */
export async function surveyFieldKeys(
  options: ScanOptions,
  vault: Pick<FieldVault, 'of'>,
): Promise<readonly KeyUse[]> {
  const uses = new Map<number, KeyUse>();
  const note = (schema: Schema, file: string): void => {
    const keyId = schema.fieldKey?.masterKey;
    if (keyId === undefined) return;
    uses.set(keyId, { file, keyId, refusal: refusalOf(schema, vault) });
  };
  for (const { chunks } of await scanSnapshots(options)) {
    for (const schema of await schemasOfSnapshot(chunks)) {
      note(schema, 'encrypted fields (in a snapshot)');
    }
  }
  if (!(await hasLog(options))) return [...uses.values()];
  for await (const record of scanLog(options)) {
    const schema = schemaIn(record);
    if (schema !== null) note(schema, 'encrypted fields (in the log)');
  }
  return [...uses.values()];
}

function schemaIn({ kind, data }: RawRecord): Schema | null {
  if (kind !== 'entry' || data.length === 0) return null;
  const entry = decodeEntry(data);
  return entry.kind === 'schema' ? parseSchema(entry.schemaJson) : null;
}

function refusalOf(schema: Schema, vault: Pick<FieldVault, 'of'>): EncryptionError | null {
  try {
    vault.of(schema);
    return null;
  } catch (error) {
    if (error instanceof EncryptionError) return error;
    throw error;
  }
}
