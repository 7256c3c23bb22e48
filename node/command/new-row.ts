import type { DefaultSource, FieldSchema, JsonValue } from '@lithair/crds';
import type { PutChange } from '../entry/index.ts';
import type { Actor, FieldRights, JsonObject } from '../ports/index.ts';
import {
  completeField,
  compute,
  isAbsent,
  type ModelPlan,
  parseRow,
  rowKeys,
} from '../state/index.ts';
import { compareValues, dateOf, datetimeOf, UUID_RANDOM_BYTES, uuidV7 } from '../values/index.ts';
import type { LiveRow } from './overlay.ts';
import type { RandomBytes } from './types.ts';

/** What a new row is made with, apart from its body. */
export interface Making {
  /** Log time. */
  readonly nowMs: number;
  readonly random: RandomBytes;
  /** Who creates the row. */
  readonly actor: Actor;
}

/** The change that creates a row. Defaults that are made for each row are made here. */
export function creation(
  plan: ModelPlan,
  id: string,
  body: JsonObject,
  expectedVersion: number,
  making: Making,
): PutChange {
  const row: JsonObject = {};
  for (const field of plan.schema.fields) {
    const made = madeAnyway(plan, field, id);
    if (made !== undefined) row[field.name] = made;
    else if (field.defaultFrom !== undefined && isAbsent(field, body[field.name])) {
      row[field.name] = madeDefault(field, field.defaultFrom, making);
    } else row[field.name] = completeField(field, body[field.name]);
  }
  return changedTo('created', plan, id, row, expectedVersion);
}

/** What a field gets whatever the body says: the key, or null until it is computed. */
function madeAnyway({ schema }: ModelPlan, field: FieldSchema, id: string) {
  if (field.name === schema.primaryKey) return id;
  return field.computed === undefined ? undefined : null;
}

function madeDefault(
  { type }: FieldSchema,
  source: DefaultSource,
  { nowMs, random, actor }: Making,
): string {
  switch (source) {
    case 'now':
      return type === 'date' ? dateOf(nowMs) : datetimeOf(nowMs);
    case 'uuid':
      return uuidV7(nowMs, random(UUID_RANDOM_BYTES));
    case 'actor':
      return actor.subject;
  }
}

/** A replacement that cannot be made, because it would change these fields. */
export interface UnchangeableFields {
  /** Fields that nobody changes. */
  readonly immutable: readonly string[];
  /** Fields that the caller may not change. */
  readonly locked: readonly string[];
}

type Limits = Pick<FieldRights, 'kept' | 'locked'>;

const NO_LIMITS: Limits = { kept: [], locked: [] };

/**
 * The change that replaces a row. Absent immutable fields keep their value, and so do absent
 * fields whose default was the time of creation, states, and those that the caller may not see or write:
 * the same PUT twice is no change. Who may write a field and not see it takes its value away with null.
 */
export function replacement(
  plan: ModelPlan,
  id: string,
  body: JsonObject,
  before: LiveRow,
  rights: Limits = NO_LIMITS,
): PutChange | UnchangeableFields {
  const { fields, primaryKey } = plan.schema;
  const keepsSome = fields.some((field) => field.name !== primaryKey && keepsValue(field, rights));
  const old = keepsSome ? parseRow(before.json) : {};
  const row: JsonObject = {};
  const changed: FieldSchema[] = [];
  for (const field of fields) {
    const { name } = field;
    const given = body[name];
    const made = madeAnyway(plan, field, id);
    if (made !== undefined) row[name] = made;
    else if (isLeftOut(field, given, rights)) row[name] = old[name] ?? null;
    else {
      row[name] = completeField(field, given);
      if (!isFixed(field, rights)) continue;
      if (isSameValue(field, row, old)) row[name] = old[name] ?? null;
      else changed.push(field);
    }
  }
  if (changed.length > 0) return unchangeable(changed, rights);
  return changedTo('updated', plan, id, row, before.version);
}

function isLeftOut(field: FieldSchema, given: JsonValue | undefined, rights: Limits): boolean {
  if (!keepsValue(field, rights) || !isAbsent(field, given)) return false;
  return given === undefined || keepsOwn(field) || rights.locked.includes(field.name);
}

function isFixed(field: FieldSchema, { locked }: Limits): boolean {
  return field.immutable || locked.includes(field.name);
}

/** A caller who may not write a field is told that, whatever else holds of it. */
function unchangeable(changed: readonly FieldSchema[], rights: Limits): UnchangeableFields {
  const names = changed.map(({ name }) => name);
  const isLocked = (name: string) => rights.locked.includes(name);
  return { locked: names.filter(isLocked), immutable: names.filter((name) => !isLocked(name)) };
}

function keepsValue(field: FieldSchema, { kept }: Limits): boolean {
  return keepsOwn(field) || kept.includes(field.name);
}

/** Whoever replaces the row. */
function keepsOwn({ immutable, defaultFrom, states }: FieldSchema): boolean {
  return immutable || defaultFrom !== undefined || states !== undefined;
}

/** The change that takes the values of some fields away. */
export function withoutValues(
  plan: ModelPlan,
  id: string,
  names: ReadonlySet<string>,
  before: LiveRow,
): PutChange {
  const row = parseRow(before.json);
  for (const name of names) row[name] = null;
  return changedTo('updated', plan, id, row, before.version);
}

/**
 * Computed fields that a body sets to something else than they are, or were: a row may be sent back as
 * it was read, and sent on to where it will be the same.
 */
export function wronglySent(
  { schema }: ModelPlan,
  body: JsonObject,
  json: string,
  before: string | null,
): string[] {
  const sent = schema.fields.filter(
    (field) => field.computed !== undefined && !isAbsent(field, body[field.name]),
  );
  if (sent.length === 0) return [];
  const rows = [json, ...(before === null ? [] : [before])].map(parseRow);
  const isOther = (field: FieldSchema) => !rows.some((row) => isSameValue(field, body, row));
  return sent.filter(isOther).map(({ name }) => name);
}

/** By value, so that 1.0 is 1.00; arrays and objects by their text. */
function isSameValue(field: FieldSchema, row: JsonObject, old: JsonObject): boolean {
  const given = row[field.name] ?? null;
  const kept = old[field.name] ?? null;
  return field.type === 'array' || field.type === 'object'
    ? JSON.stringify(given) === JSON.stringify(kept)
    : compareValues(field, given, kept) === 0;
}

/** The change that leaves a row like this. */
export function changedTo(
  effect: PutChange['effect'],
  plan: ModelPlan,
  id: string,
  row: JsonObject,
  expectedVersion: number,
): PutChange {
  const model = plan.schema.name;
  compute(plan.schema, row);
  return {
    effect,
    model,
    id,
    expectedVersion,
    json: JSON.stringify(row),
    keys: rowKeys(plan, row),
  };
}
