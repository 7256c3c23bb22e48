import { compareSchemas, type Schema } from '@lithair/crds';
import type { StateReader } from '../ports/index.ts';
import type { SchemaPlan } from './types.ts';

/** What a model change would do to the schema that serves. Decides, and proposes nothing. */
export function prepareSchemaChange(
  state: Pick<StateReader, 'schema' | 'schemaVersion'>,
  next: Schema,
): SchemaPlan {
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
