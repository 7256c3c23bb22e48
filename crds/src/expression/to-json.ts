// What the values of expressions are in a stored row.
import { isDate, isDatetime, isDecimal } from '../lexical.ts';
import type { FieldType, JsonValue } from '../resource.ts';
import { Decimal } from './decimal.ts';

/** Longest text that an expression makes for a field, in UTF-16 code units. */
const MAX_TEXT_LENGTH = 65_536;

/** Most digits of an integer, as of a decimal. */
const MAX_DIGITS = 64;

/** A field that an expression makes the value of. */
export interface ComputedValue {
  readonly type: FieldType;
  /** enum. */
  readonly values?: readonly string[];
}

/**
 * The canonical form that a field of this type stores. Null where it has none: not a number, more
 * than 64 digits, a year beyond 9999, half a character, a text of more than 65,536 characters, no
 * value of the enum.
 */
export function storedAs({ type, values }: ComputedValue, value: unknown): JsonValue {
  if (typeof value === 'string') return values?.includes(value) === false ? null : textOf(value);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return integerOf(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null;
  if (value instanceof Decimal) return isDecimal(value.text) ? value.text : null;
  return value instanceof Date ? timeOf(type, value) : null;
}

function textOf(value: string): string | null {
  return value.length <= MAX_TEXT_LENGTH && value.isWellFormed() ? value : null;
}

function integerOf(value: bigint): number | string | null {
  if (Number.isSafeInteger(Number(value))) return Number(value);
  const text = String(value);
  return text.replace('-', '').length <= MAX_DIGITS ? text : null;
}

function timeOf(type: FieldType, value: Date): string | null {
  if (Number.isNaN(value.getTime())) return null;
  const text = value.toISOString();
  if (type === 'datetime') return isDatetime(text) ? text : null;
  const day = text.slice(0, 10);
  return text[10] === 'T' && isDate(day) ? day : null;
}
