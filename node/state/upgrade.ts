import type { FieldSchema, JsonValue, ModelSchema, ValueSchema } from '@lithair/crds';
import type { AggregateRecord, JsonObject } from '../ports/index.ts';
import type { ModelPlan } from './model-plan.ts';
import { ModelState } from './model-state.ts';
import { completeObject, parseRow, rowKeys } from './row.ts';

/**
 * A model under its next plan. Where its rows would read the same and carry the same keys, it is
 * the same model with another plan. Otherwise every row is parsed, completed and indexed again, at
 * once: about 10 microseconds a row with the event loop held, so a second per 100,000 rows. A model
 * change that must not hold the loop prepares in slices first and switches with an entry of its own.
 *
 * New fields get their default, or null: a time that a default asks for is not known of old rows,
 * and a unique value cannot be given to all of them. Versions stay: nobody changed the row.
 */
export function upgradeModel(before: ModelState, plan: ModelPlan): ModelState {
  const sameRows = shapeOf(before.schema.fields) === shapeOf(plan.schema.fields);
  if (sameRows && indexesOf(before.plan) === indexesOf(plan)) {
    before.plan = plan;
    return before;
  }
  const after = new ModelState(plan);
  for (const record of before.rows()) after.put(upgradeRow(record, before.schema, plan));
  for (const [id, version] of before.graves()) after.bury(id, version);
  return after;
}

function upgradeRow(
  record: AggregateRecord,
  before: ModelSchema,
  plan: ModelPlan,
): AggregateRecord {
  const given = parseRow(record.json);
  for (const field of plan.schema.fields) {
    const isNew = !before.fields.some((known) => known.name === field.name);
    if (isNew && (field.unique || field.type === 'reference')) given[field.name] = null;
  }
  const row = upgradeObject(plan.schema.fields, given);
  return {
    id: record.id,
    version: record.version,
    json: JSON.stringify(row),
    keys: rowKeys(plan, row),
  };
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
