import type { FieldType, JsonValue, ModelSchema, Schema } from '@lithair/crds';
import type { IndexKey } from '../ports/index.ts';
import { canonicalizeText, collatedPart, indexKey, NULL_KEY } from '../values/index.ts';
import { compileFields, type QueryField, type Row } from './fields.ts';
import { QueryRefusal } from './refusal.ts';

export const OPERATORS = [
  'eq',
  'ne',
  'lt',
  'lte',
  'gt',
  'gte',
  'in',
  'nin',
  'contains',
  'startsWith',
  'null',
] as const;

export type Operator = (typeof OPERATORS)[number];

/** One condition; all conditions of a query must hold. */
export interface Filter {
  readonly field: QueryField;
  readonly operator: Operator;
  /** Keys that the operator compares with; empty for those that look at the value. */
  readonly keys: readonly IndexKey[];
  /** Of the operator `null`: whether it asks for rows without a value. */
  readonly wantsNull?: boolean;
  /** What tells this condition from another, for the fingerprint of the query. */
  readonly text: string;
  matches(row: Row): boolean;
}

/** Conditions of which one must hold. Looked at row by row: no index answers them. */
export interface Alternatives {
  /** As of a condition; the order of the conditions does not matter. */
  readonly text: string;
  matches(row: Row): boolean;
}

export function anyOf(filters: readonly Filter[]): Alternatives {
  const text = JSON.stringify(['or', ...filters.map((filter) => filter.text).sort()]);
  return { text, matches: (row) => filters.some((filter) => filter.matches(row)) };
}

/** Most values of one `in` or `nin`. */
const MAX_LIST = 1000;
const UNORDERED: readonly FieldType[] = ['boolean', 'array', 'object'];
const TEXTUAL: readonly FieldType[] = ['string', 'text'];

/** Whether values of the field can be compared in this way. */
export function takes(field: QueryField, operator: Operator): boolean {
  const { type } = field.values;
  // All that is known of an encrypted value is whether there is one.
  if (field.field.encrypted === true) return operator === 'null';
  switch (operator) {
    case 'null':
      return true;
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      return !UNORDERED.includes(type);
    case 'startsWith':
      return TEXTUAL.includes(type);
    case 'contains':
      return TEXTUAL.includes(type) || hasScalarItems(field);
    default:
      return type !== 'array' && type !== 'object';
  }
}

/** The operators that each field of a model takes, by its name. */
export function filterOperators(
  schema: Schema,
  model: ModelSchema,
): ReadonlyMap<string, readonly Operator[]> {
  const fields = [...compileFields(schema, model).values()];
  return new Map(
    fields.map((field) => [field.name, OPERATORS.filter((operator) => takes(field, operator))]),
  );
}

function hasScalarItems(field: QueryField): boolean {
  const type = field.values.items?.type;
  return type !== undefined && type !== 'array' && type !== 'object';
}

/**
 * Compiles one condition. `values` are the decoded parts of the parameter: one, but for `in` and
 * `nin`. ne and nin are the complement of eq and in, so they hold for null; the others do not.
 *
 * @throws QueryRefusal where a value is not one of the field's type
 */
export function compileFilter(
  field: QueryField,
  operator: Operator,
  values: readonly string[],
  parameter: string,
): Filter {
  if (values.length > MAX_LIST) {
    const message = `${parameter}: takes at most ${MAX_LIST} values`;
    throw new QueryRefusal('invalid_query', parameter, 'too_many_items', message);
  }
  const [only = ''] = values;
  const base = { field, operator, text: JSON.stringify([field.name, operator, values]) };
  switch (operator) {
    case 'null':
      return {
        ...base,
        keys: [],
        wantsNull: only === 'true',
        matches: nullTest(field, only, parameter),
      };
    case 'startsWith':
      return { ...base, keys: [], matches: startsTest(field, only) };
    case 'contains':
      return { ...base, keys: [], matches: containsTest(field, only, parameter) };
    default: {
      const keys = values.map((text) => keyOf(field, text, parameter));
      return { ...base, keys, matches: keyTest(field, operator, keys) };
    }
  }
}

function keyOf(field: QueryField, text: string, parameter: string): IndexKey {
  const reading = canonicalizeText(field.values, text);
  if (reading.ok) return indexKey(field.values, reading.value);
  throw new QueryRefusal(
    'invalid_query',
    parameter,
    reading.code,
    `${parameter} ${reading.message}`,
  );
}

function keyTest(
  field: QueryField,
  operator: Exclude<Operator, 'null' | 'startsWith' | 'contains'>,
  keys: readonly IndexKey[],
): (row: Row) => boolean {
  const [key = NULL_KEY] = keys;
  const set = new Set(keys);
  switch (operator) {
    case 'eq':
      return (row) => row.key(field) === key;
    case 'ne':
      return (row) => row.key(field) !== key;
    case 'in':
      return (row) => set.has(row.key(field));
    case 'nin':
      return (row) => !set.has(row.key(field));
    case 'gt':
      return (row) => row.key(field) > key;
    case 'gte':
      return (row) => row.key(field) >= key;
    case 'lt':
      return (row) => isBelow(row.key(field), key);
    case 'lte':
      return (row) => row.key(field) === key || isBelow(row.key(field), key);
  }
}

/** null is below everything in the order, and outside of every range. */
function isBelow(key: IndexKey, bound: IndexKey): boolean {
  return key < bound && key !== NULL_KEY;
}

function nullTest(field: QueryField, text: string, parameter: string): (row: Row) => boolean {
  if (text !== 'true' && text !== 'false') {
    const message = `${parameter} must be true or false`;
    throw new QueryRefusal('invalid_query', parameter, 'invalid_type', message);
  }
  const wanted = text === 'true';
  if (field.isId) return () => !wanted;
  return (row) => (row.value(field) === null) === wanted;
}

function startsTest(field: QueryField, text: string): (row: Row) => boolean {
  const sought = collatedPart(text, field.values.collation);
  return (row) => textOf(row, field)?.startsWith(sought) === true;
}

function containsTest(field: QueryField, text: string, parameter: string): (row: Row) => boolean {
  const { items } = field.values;
  const sought = collatedPart(text, field.values.collation);
  if (items === undefined) return (row) => textOf(row, field)?.includes(sought) === true;
  const reading = canonicalizeText(items, text);
  if (!reading.ok) {
    const message = `${parameter} ${reading.message}`;
    throw new QueryRefusal('invalid_query', parameter, reading.code, message);
  }
  const key = indexKey(items, reading.value);
  return (row) => arrayOf(row, field).some((item) => indexKey(items, item) === key);
}

/** Null where there is none: also the empty text is found in no such row. */
function textOf(row: Row, field: QueryField): string | null {
  const value = row.value(field);
  return typeof value === 'string' ? collatedPart(value, field.values.collation) : null;
}

function arrayOf(row: Row, field: QueryField): readonly JsonValue[] {
  const value = row.value(field);
  return Array.isArray(value) ? value : [];
}
