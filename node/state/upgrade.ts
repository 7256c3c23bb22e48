import {
  computedBy,
  type FieldSchema,
  type JsonValue,
  type ModelSchema,
  type ValueSchema,
} from '@lithair/crds';
import type { JsonObject } from '../ports/index.ts';
import type { ModelPlan, PlannedIndex } from './model-plan.ts';
import { kindOf, type ModelState } from './model-state.ts';
import { completeObject, compute, parseRow } from './row.ts';
import type { NextIndex, PreparedIndex } from './slab/index.ts';

/**
 * The indexes of the next plan that must look at every row: on fields that there were already,
 * without one or with one of another kind. They are prepared in slices before the plan is taken.
 */
export function indexesToPrepare(before: ModelPlan, plan: ModelPlan): readonly PreparedIndex[] {
  return plan.indexed.flatMap((each) => {
    const prepared = preparedIndex(before, plan, each);
    return prepared === null ? [] : [prepared];
  });
}

/**
 * Takes a model over to its next plan. Rows that read otherwise under it are brought up to date
 * when they are read, and indexes of new fields follow from the order of ids: neither looks at rows
 * now. Indexes of `indexesToPrepare` must be under preparation, in that order; what of them is not
 * ready is made ready now, with the event loop held.
 *
 * New fields get their default, or null: a time that a default asks for is not known of old rows,
 * and a unique value cannot be given to all of them. Fields that are computed, or computed in another
 * way, are computed of each row. Versions stay: nobody changed the row.
 */
export function upgradeModel(model: ModelState, plan: ModelPlan): void {
  const before = model.plan;
  const sameRows = shapeOf(before.schema) === shapeOf(plan.schema);
  if (sameRows && indexesOf(before) === indexesOf(plan)) return replan(model, plan);
  let prepared = 0;
  const next = plan.indexed.map((each) => {
    const isPrepared = preparedIndex(before, plan, each) !== null;
    return isPrepared ? { prepared: prepared++, kind: kindOf(each) } : nextIndex(before, each);
  });
  model.change(plan, next, (json) =>
    sameRows ? json : JSON.stringify(upgradeRow(json, before.schema, plan)),
  );
}

/** What was prepared would never be put in place, and the next change could prepare nothing. */
function replan(model: ModelState, plan: ModelPlan): void {
  if (model.store.isPreparing) {
    throw new RangeError(`${plan.schema.name} prepares indexes for a change that needs none`);
  }
  model.replan(plan);
}

function preparedIndex(
  before: ModelPlan,
  plan: ModelPlan,
  next: PlannedIndex,
): PreparedIndex | null {
  const kind = kindOf(next);
  const indexed = indexedBefore(before, next);
  if (indexed !== undefined) {
    const was = kindOf(indexed);
    // A partial one is never of another kind: its condition is part of its name. A filter knows no rows.
    const isOther = kind === 'bloom' || was === 'bloom';
    const isThere = kind === was || (!isOther && (kind === 'unique' || was === 'ordered'));
    return isThere ? null : { kind, source: indexed.position };
  }
  const newFields = next.fields.filter((field) => isNew(field, before.schema));
  if (newFields.length === next.fields.length && !isComputed(next)) return null;
  return { kind, source: (json) => next.keyOf(upgradeRow(json, before.schema, plan)) };
}

function nextIndex(before: ModelPlan, next: PlannedIndex): NextIndex {
  const kind = kindOf(next);
  const indexed = indexedBefore(before, next);
  if (indexed !== undefined) return { from: indexed.position, kind };
  return { key: next.keyOf(valuesOfNew(next.fields)), kind };
}

function indexedBefore(before: ModelPlan, next: PlannedIndex): PlannedIndex | undefined {
  const { name } = next;
  const known = before.indexed.find((index) => index.name === name);
  return known !== undefined && known.ways === next.ways ? known : undefined;
}

/** Whether its keys are other ones for other rows, even where all rows have the same new fields. */
function isComputed({ fields, isPartial }: PlannedIndex): boolean {
  return isPartial || fields.some(({ computed }) => computed !== undefined);
}

function isNew({ name }: FieldSchema, before: ModelSchema): boolean {
  return !before.fields.some((known) => known.name === name);
}

function valuesOfNew(fields: readonly FieldSchema[]): JsonObject {
  return Object.fromEntries(fields.map((field) => [field.name, valueOfNew(field)]));
}

/** What rows get that are older than a field. */
function valueOfNew(field: FieldSchema): JsonValue {
  if (field.unique || field.type === 'reference') return null;
  return completeObject([field], {})[field.name] ?? null;
}

function upgradeRow(json: string, before: ModelSchema, { schema }: ModelPlan): JsonObject {
  const given = parseRow(json);
  for (const field of schema.fields) {
    if (isNew(field, before)) given[field.name] = valueOfNew(field);
  }
  return upgraded(schema, given);
}

function upgraded(schema: ModelSchema, given: JsonObject): JsonObject {
  const row = upgradeObject(schema.fields, given);
  compute(schema, row);
  return row;
}

/** A row that was written under an earlier schema, as the present one has it. */
export function currentRow({ schema }: ModelPlan, json: string): string {
  const given = parseRow(json);
  for (const field of schema.fields) {
    if (given[field.name] === undefined) given[field.name] = valueOfNew(field);
  }
  return JSON.stringify(upgraded(schema, given));
}

/** Values that are there stay as they are, also a null that would count as absent in a request. */
function upgradeObject(fields: readonly FieldSchema[], given: JsonObject): JsonObject {
  const row: JsonObject = {};
  for (const field of fields) {
    const value = given[field.name];
    row[field.name] =
      value === undefined
        ? (completeObject([field], {})[field.name] ?? null)
        : upgradeValue(field, value);
  }
  return row;
}

/** A value that was written under an earlier schema, as the present one has it. */
export function upgradeValue(schema: ValueSchema, value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  const { items, fields } = schema;
  if (Array.isArray(value)) {
    return items === undefined ? value : value.map((item) => upgradeValue(items, item));
  }
  return fields === undefined ? value : upgradeObject(fields, value);
}

/** Names, nesting and making of fields: what the serialized form of a row follows. */
function shapeOf(model: ModelSchema): string {
  const shape = (field: ValueSchema): unknown => [
    field.fields?.map((inner) => [inner.name, shape(inner)]),
    field.items && shape(field.items),
  ];
  const { fields } = model;
  return JSON.stringify(
    fields.map((field) => [field.name, shape(field), computedBy(model, field.name)]),
  );
}

function indexesOf(plan: ModelPlan): string {
  return JSON.stringify(
    plan.indexed.map((each) => [each.name, kindOf(each), each.isUnique, each.ways]),
  );
}
