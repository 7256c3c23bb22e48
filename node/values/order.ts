import type { JsonValue, ValueSchema } from '@lithair/crds';
import type { IndexKey } from '../ports/index.ts';
import { collated } from './collation.ts';
import { compareDecimals } from './decimal.ts';
import { numericKey } from './numeric-key.ts';
import { datetimeKey } from './time.ts';

/** The key of null and absent: before every other. */
export const NULL_KEY: IndexKey = '';

/**
 * The order-preserving key of a canonical scalar value (see `IndexKey`): equal values have equal
 * keys, whatever their scale or fraction. Keys are well-formed Unicode.
 *
 * @throws TypeError for array and object values, which have no order
 */
export function indexKey(field: ValueSchema, value: JsonValue): IndexKey {
  if (value === null) return NULL_KEY;
  if (typeof value === 'number') return numericKey(String(value));
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value !== 'string') throw new TypeError(`${field.type} values have no order`);
  switch (field.type) {
    case 'integer':
    case 'decimal':
      return numericKey(value);
    case 'datetime':
      return datetimeKey(value);
    default:
      return textKey(collated(value, field.collation));
  }
}

/** A text is its own key, but for those that would meet the key of null or of the empty text. */
function textKey(text: string): IndexKey {
  return text === '' || text.charCodeAt(0) === 0 ? `\u0000${text}` : text;
}

/** The key of an id: of a primary key, and of a reference to it. */
export function keyOfId(id: string): IndexKey {
  return textKey(id);
}

/** The id that a key stands for; the inverse of {@link keyOfId}. */
export function idOfKey(key: IndexKey): string {
  return key.charCodeAt(0) === 0 ? key.slice(1) : key;
}

/**
 * Compares two canonical values of a field, null first: negative, zero or positive. Numbers by
 * value, date-times by instant, strings by code unit, whatever their collation. But for that it
 * agrees with the order of their keys.
 */
export function compareValues(field: ValueSchema, a: JsonValue, b: JsonValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  if (typeof a !== 'string' || typeof b !== 'string') {
    return compareTexts(indexKey(field, a), indexKey(field, b));
  }
  if (field.type === 'decimal') return compareDecimals(a, b);
  if (field.collation !== undefined) return compareTexts(a, b);
  return compareTexts(indexKey(field, a), indexKey(field, b));
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
