import { compareSchemas, type Schema, schemaFingerprint } from '@lithair/crds';
import type { ReplicatedState } from '../state/index.ts';
import type { SchemaPlan } from './types.ts';

/** What a model change would do to the schema that serves. Decides, and proposes nothing. */
export function prepareSchemaChange(
  state: Pick<ReplicatedState, 'schema' | 'schemaVersion' | 'pendingChange'>,
  next: Schema,
): SchemaPlan {
  const { pendingChange: pending } = state;
  if (pending !== null) {
    const isSame = pending.fingerprint === schemaFingerprint(next);
    return isSame
      ? { kind: 'preparing', schemaVersion: pending.schemaVersion }
      : { kind: 'in_progress' };
  }
  const { kind, changes, reasons } = compareSchemas(state.schema, next);
  switch (kind) {
    case 'same':
      return { kind, schemaVersion: state.schemaVersion };
    case 'breaking':
      return { kind, reasons };
    case 'additive':
      return { kind, changes, next };
  }
}
