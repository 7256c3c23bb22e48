import type { FieldSchema, ModelSchema } from '@lithair/crds';
import { defaultEvent } from '../history/index.ts';
import type { VersionRecord } from '../ports/index.ts';
import type { ModelRights } from './rights.ts';

/** A model as far as one kind of caller knows it. */
export interface VisibleModel {
  /** With the fields that the caller may read. */
  readonly read: ModelSchema;
  /**
   * With the fields that the caller may read or write. One that cannot be written may be sent all
   * the same, as long as it says what is there: whoever reads a row may send it back. Where it
   * depends on the row, the leader asks for what is required.
   */
  readonly write: ModelSchema;
}

/**
 * The names of a change that the caller may know: without those that tell that a field changed
 * which the caller may not read. Their places stay, since events are numbered. A change of which
 * nothing is left is called as one that has no name: what it is not called would tell, too.
 */
export function visibleEvents(
  model: ModelSchema,
  unreadable: ReadonlySet<string>,
  { events: names, effect }: Pick<VersionRecord, 'events' | 'effect'>,
): readonly (string | null)[] {
  if (unreadable.size === 0) return names;
  const { events = [], fields: all } = model;
  const isTelling = (name: string) => {
    const fields = events.find(({ type }) => type === name)?.fields ?? moved(all, name);
    return fields?.every((field) => unreadable.has(field)) ?? false;
  };
  const known = names.map((name) => (isTelling(name) ? null : name));
  const isNameless = names.length > 0 && known.every((name) => name === null);
  return isNameless ? [defaultEvent(model.name, effect), ...known.slice(1)] : known;
}

/** The fields that some transition of this name changes; undefined for none. */
function moved(fields: ModelSchema['fields'], event: string): readonly string[] | undefined {
  const found = fields.filter(({ states }) =>
    states?.transitions.some((transition) => transition.event === event),
  );
  return found.length === 0 ? undefined : found.map(({ name }) => name);
}

/** A field that is neither read nor written is one that the model does not have. */
export function visibleModel(model: ModelSchema, rights: ModelRights): VisibleModel {
  const { unreadable, unwritable, owned } = rights;
  const optional = unwritable.union(owned.unreadable).union(owned.unwritable);
  if (unreadable.size === 0 && optional.size === 0) return { read: model, write: model };
  const known = model.fields.filter((field) => isKnown(field, rights));
  return {
    read: { ...model, fields: model.fields.filter(({ name }) => !unreadable.has(name)) },
    write: {
      ...model,
      fields: known.map((field) =>
        optional.has(field.name) ? { ...field, required: false } : field,
      ),
    },
  };
}

function isKnown(
  { name, computed }: FieldSchema,
  { unreadable, unwritable }: Pick<ModelRights, 'unreadable' | 'unwritable'>,
): boolean {
  return !unreadable.has(name) || (computed === undefined && !unwritable.has(name));
}

/**
 * Fields that a model does not have for the caller: all, where they neither read nor write rows, and
 * where they write none, those that they do not read.
 */
export function unknownFields(model: ModelSchema, rights: ModelRights): ReadonlySet<string> {
  const writes = rights.rows('create') !== 'none' || rights.rows('update') !== 'none';
  const isSome = writes || rights.rows('read') !== 'none';
  const isClosed = (field: FieldSchema) =>
    writes ? !isKnown(field, rights) : rights.unreadable.has(field.name);
  const unknown = model.fields.filter((field) => !isSome || isClosed(field));
  return new Set(unknown.map(({ name }) => name));
}
