import type { FieldSchema, JsonValue, ModelSchema, ValueSchema } from '@lithair/crds';
import type { JsonObject } from '../ports/index.ts';
import { indexKey } from '../values/index.ts';
import type { IndexedField, ModelPlan } from './model-plan.ts';
import { kindOf, type ModelState } from './model-state.ts';
import { completeObject, parseRow } from './row.ts';
import type { NextIndex } from './slab/index.ts';

/**
 * Takes a model over to its next plan. Rows that read otherwise under it are brought up to date
 * when they are read, and indexes of new fields follow from the order of ids: neither looks at rows
 * now. An index on a field that there was already does: every row is read and written again at
 * once, with the event loop held, for about 10 microseconds a row. A model change that must not
 * hold the loop prepares in slices first and switches with an entry of its own.
 *
 * New fields get their default, or null: a time that a default asks for is not known of old rows,
 * and a unique value cannot be given to all of them. Versions stay: nobody changed the row.
 */
export function upgradeModel(model: ModelState, plan: ModelPlan): void {
  const before = model.plan;
  const sameRows = shapeOf(before.schema.fields) === shapeOf(plan.schema.fields);
  if (sameRows && indexesOf(before) === indexesOf(plan)) return model.replan(plan);
  const next = plan.indexed.map((each) => nextIndex(before, each));
  model.change(plan, next, (json) => (sameRows ? json : upgradeJson(json, before.schema, plan)));
}

function nextIndex(before: ModelPlan, { field, isOrdered }: IndexedField): NextIndex {
  const kind = kindOf({ field, isOrdered });
  const indexed = before.indexed.find((each) => each.field.name === field.name);
  if (indexed !== undefined) return { from: indexed.position, kind };
  if (before.schema.fields.some(({ name }) => name === field.name)) {
    return { keyOf: (json) => indexKey(field, parseRow(json)[field.name] ?? null), kind };
  }
  return { key: indexKey(field, valueOfNew(field)), kind };
}

/** What rows get that are older than a field. */
function valueOfNew(field: FieldSchema): JsonValue {
  if (field.unique || field.type === 'reference') return null;
  return completeObject([field], {})[field.name] ?? null;
}

function upgradeJson(json: string, before: ModelSchema, plan: ModelPlan): string {
  const given = parseRow(json);
  for (const field of plan.schema.fields) {
    const isNew = !before.fields.some((known) => known.name === field.name);
    if (isNew) given[field.name] = valueOfNew(field);
  }
  return JSON.stringify(upgradeObject(plan.schema.fields, given));
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

function upgradeValue(schema: ValueSchema, value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  const { items, fields } = schema;
  if (Array.isArray(value)) {
    return items === undefined ? value : value.map((item) => upgradeValue(items, item));
  }
  return fields === undefined ? value : upgradeObject(fields, value);
}

/** Names and nesting of fields: what the serialized form of a row follows. */
function shapeOf(fields: readonly FieldSchema[]): string {
  const shape = (field: ValueSchema): unknown => [
    field.fields?.map((inner) => [inner.name, shape(inner)]),
    field.items && shape(field.items),
  ];
  return JSON.stringify(fields.map((field) => [field.name, shape(field)]));
}

function indexesOf(plan: ModelPlan): string {
  return JSON.stringify(
    plan.indexed.map(({ field, isOrdered }) => [field.name, isOrdered, field.unique]),
  );
}
