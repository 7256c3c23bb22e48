import type { FieldSchema } from '@lithair/crds';
import type { Actor, FieldRights, JsonObject } from '../ports/index.ts';
import { type Conflict, isAbsent, type ModelPlan, parseRow } from '../state/index.ts';
import { ownsRow } from '../values/index.ts';
import { conflict } from './refusal.ts';

/** What a caller may not do with the fields of one row. */
export interface RowFields extends Pick<FieldRights, 'kept' | 'locked'> {
  /** Fields that only the owner of the row may read, and the caller is another. */
  readonly unseen: readonly string[];
  /**
   * What the caller may not read, and may not set, not even as it is: fields that they may not
   * change, and states. Whether that is refused would tell whether the value is the one that is there.
   */
  readonly closed: readonly string[];
}

const NOTHING: RowFields = { kept: [], locked: [], unseen: [], closed: [] };

/** The rights of a caller on the fields of a row that is there. */
export function fieldsOf(
  { schema }: ModelPlan,
  rights: FieldRights | undefined,
  before: { readonly json: string },
  actor: Actor,
): RowFields {
  if (rights === undefined) return NOTHING;
  const { unowned } = rights;
  const judged = schema.fields.filter(isJudged).map(({ name }) => name);
  // Kept and not locked: the caller may not read them.
  const unreadable = rights.kept.filter((name) => !rights.locked.includes(name));
  const closed = unreadable.filter((name) => judged.includes(name));
  if (unowned === undefined || ownsRow(schema, parseRow(before.json), actor)) {
    return { kept: rights.kept, locked: rights.locked, unseen: [], closed };
  }
  const { unseen } = unowned;
  const kept = [...rights.kept, ...unowned.kept];
  const locked = [...rights.locked, ...unowned.locked];
  const made = schema.fields.filter(({ computed }) => computed !== undefined);
  const unset = [...locked, ...judged, ...made.map(({ name }) => name)];
  closed.push(...unseen.filter((name) => unset.includes(name)));
  return { kept, locked, unseen, closed };
}

/** Whether a value may be set depends on the one that is there. */
function isJudged({ immutable, states }: FieldSchema): boolean {
  return immutable || states !== undefined;
}

/** What of a new row is for its owner alone, and the caller is another; and what is missing in it. */
export function unfitForNew(
  plan: ModelPlan,
  rights: FieldRights | undefined,
  body: JsonObject,
  json: string,
  at: number,
  actor: Actor,
): Conflict[] {
  const unowned = rights?.unowned;
  if (unowned === undefined) return [];
  const isSent = (name: string) => body[name] !== undefined;
  const locked = ownsRow(plan.schema, parseRow(json), actor) ? [] : unowned.locked.filter(isSent);
  const refused = locked.map((name) =>
    conflict('forbidden_field', at, name, 'cannot be set by the caller'),
  );
  return refused.length > 0 ? refused : missing(plan, unowned.kept, body, at);
}

/** What a replacement sends of fields that tell of themselves, or leaves out of those that it must have. */
export function unfitForReplacement(
  plan: ModelPlan,
  rights: FieldRights | undefined,
  { kept, closed }: RowFields,
  body: JsonObject,
): Conflict[] {
  const sent = closed.filter((name) => body[name] !== undefined);
  if (sent.length > 0) {
    return sent.map((name) => conflict('forbidden_field', 0, name, 'cannot be set by the caller'));
  }
  const { fields } = plan.schema;
  // What nobody changes, and states, keep their value where they are left out.
  const lasting = fields.filter(isJudged);
  const may = [...kept, ...lasting.map(({ name }) => name)];
  const needed = (rights?.unowned?.kept ?? []).filter((name) => !may.includes(name));
  return missing(plan, needed, body, 0);
}

/** The nodes that took the request could not know whether these may be left out. */
function missing(
  { schema }: ModelPlan,
  names: readonly string[],
  body: JsonObject,
  at: number,
): Conflict[] {
  const needed = schema.fields.filter(
    (field) =>
      field.required &&
      field.defaultFrom === undefined &&
      names.includes(field.name) &&
      isAbsent(field, body[field.name]),
  );
  return needed.map(({ name }) => conflict('invalid', at, name, 'is required'));
}
