import type { FieldSchema } from '@lithair/crds';
import type { PutChange } from '../entry/index.ts';
import type { JsonObject } from '../ports/index.ts';
import { completeField, isAbsent, type ModelPlan, parseRow, rowKeys } from '../state/index.ts';
import { compareValues, dateOf, datetimeOf } from '../values/index.ts';
import type { LiveRow } from './overlay.ts';

/** The change that creates a row. A field that defaults to the present time gets it here. */
export function creation(
  plan: ModelPlan,
  id: string,
  body: JsonObject,
  expectedVersion: number,
  nowMs: number,
): PutChange {
  const row: JsonObject = {};
  for (const field of plan.schema.fields) {
    if (field.name === plan.schema.primaryKey) row[field.name] = id;
    else if (field.defaultFrom === 'now' && isAbsent(field, body[field.name])) {
      row[field.name] = field.type === 'date' ? dateOf(nowMs) : datetimeOf(nowMs);
    } else row[field.name] = completeField(field, body[field.name]);
  }
  return put('created', plan, id, row, expectedVersion);
}

/** A replacement that cannot be made, because it would change these fields. */
export interface ImmutableFields {
  readonly immutable: readonly string[];
}

/**
 * The change that replaces a row. Absent immutable fields keep their value, and so do absent
 * fields whose default was the time of creation: the same PUT twice is no change.
 */
export function replacement(
  plan: ModelPlan,
  id: string,
  body: JsonObject,
  before: LiveRow,
): PutChange | ImmutableFields {
  const { fields, primaryKey } = plan.schema;
  const keepsSome = fields.some((field) => field.name !== primaryKey && keepsValue(field));
  const old = keepsSome ? parseRow(before.json) : {};
  const row: JsonObject = {};
  const immutable: string[] = [];
  for (const field of fields) {
    const { name } = field;
    const given = body[name];
    if (name === primaryKey) row[name] = id;
    else if (keepsValue(field) && isAbsent(field, given)) row[name] = old[name] ?? null;
    else {
      row[name] = completeField(field, given);
      if (!field.immutable) continue;
      if (!isSameValue(field, row, old)) immutable.push(name);
      else row[name] = old[name] ?? null;
    }
  }
  if (immutable.length > 0) return { immutable };
  return put('updated', plan, id, row, before.version);
}

function keepsValue(field: FieldSchema): boolean {
  return field.immutable || field.defaultFrom !== undefined;
}

/** By value, so that 1.0 is 1.00; arrays and objects by their text. */
function isSameValue(field: FieldSchema, row: JsonObject, old: JsonObject): boolean {
  const given = row[field.name] ?? null;
  const kept = old[field.name] ?? null;
  return field.type === 'array' || field.type === 'object'
    ? JSON.stringify(given) === JSON.stringify(kept)
    : compareValues(field, given, kept) === 0;
}

function put(
  effect: PutChange['effect'],
  plan: ModelPlan,
  id: string,
  row: JsonObject,
  expectedVersion: number,
): PutChange {
  const model = plan.schema.name;
  return {
    effect,
    model,
    id,
    expectedVersion,
    json: JSON.stringify(row),
    keys: rowKeys(plan, row),
  };
}
