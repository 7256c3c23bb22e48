import {
  computedFields,
  type FieldSchema,
  type JsonValue,
  type ModelSchema,
  type ValueSchema,
} from '@lithair/crds';
import type { IndexKey, JsonObject } from '../ports/index.ts';
import type { ModelPlan } from './model-plan.ts';

/**
 * An object with every field, in the order of the schema: absent ones get their default, or null.
 * Null stands for absent where the field is not nullable. Unknown members are left out.
 */
export function completeObject(fields: readonly FieldSchema[], given: JsonObject): JsonObject {
  const row: JsonObject = {};
  for (const field of fields) row[field.name] = completeField(field, given[field.name]);
  return row;
}

/** The value of one field as it is stored. */
export function completeField(field: FieldSchema, given: JsonValue | undefined): JsonValue {
  return isAbsent(field, given) ? (field.default ?? null) : completeValue(field, given);
}

/** Whether a given value counts as no value: absent, or null where null is not a value. */
export function isAbsent(field: FieldSchema, given: JsonValue | undefined): given is undefined {
  return given === undefined || (given === null && !field.nullable);
}

function completeValue(schema: ValueSchema, value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  const { items, fields } = schema;
  if (Array.isArray(value)) {
    return items?.fields === undefined && items?.items === undefined
      ? value
      : value.map((item) => completeValue(items, item));
  }
  return fields === undefined ? value : completeObject(fields, value);
}

/** Sets the computed fields of a row that is complete but for them. */
export function compute(model: ModelSchema, row: JsonObject): void {
  for (const { name, computation } of computedFields(model)) row[name] = computation.valueOf(row);
}

/** The keys of a complete row, in the order of the model's indexes. */
export function rowKeys(plan: ModelPlan, row: JsonObject): IndexKey[] {
  return plan.indexed.map(({ keyOf }) => keyOf(row));
}

/**
 * Reads a stored row back.
 *
 * @throws SyntaxError where the text is not a JSON object, which a stored row always is
 */
export function parseRow(json: string): JsonObject {
  const row: unknown = JSON.parse(json);
  if (!isJsonObject(row)) throw new SyntaxError('a stored row is not an object');
  return row;
}

/** What JSON.parse gives holds nothing but JSON values, so the outermost type decides. */
function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
