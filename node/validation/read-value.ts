import {
  compilePattern,
  type FieldSchema,
  type JsonValue,
  refuseFormat,
  type Schema,
  type ValueSchema,
} from '@lithair/crds';
import {
  canonicalize,
  compareDecimals,
  ExactNumber,
  type ScalarValue,
  targetSchema,
} from '../values/index.ts';
import { codePoints } from './code-points.ts';
import { type JsonInput, pointerStep } from './json-reader.ts';
import type { Report } from './report.ts';

/**
 * Reads one value and gives its canonical form; where it is refused, the report says why and the
 * result means nothing.
 */
export type ReadValue = (value: JsonInput, pointer: string, report: Report) => JsonValue;

/** Checks a canonical value beyond its type. */
type Check<T> = (value: T, pointer: string, report: Report) => void;

/** Compiles the reader of a value, null apart. */
export function compileValue(schema: Schema, value: ValueSchema): ReadValue {
  switch (value.type) {
    case 'array':
      return compileArray(schema, value);
    case 'object':
      return compileObject(schema, value.fields ?? []);
    case 'string':
    case 'text':
      return compileScalar(value, textCheck(value));
    case 'integer':
    case 'number':
    case 'decimal':
      return compileNumber(value);
    default:
      return compileScalar(targetSchema(schema, value), null);
  }
}

/** The same, with null as a value where the schema has it. */
export function compileNullable(schema: Schema, value: ValueSchema): ReadValue {
  const read = compileValue(schema, value);
  return (input, pointer, report) => {
    if (input !== null) return read(input, pointer, report);
    return value.nullable ? null : report.refuse(pointer, 'required', 'must not be null');
  };
}

function compileScalar(value: ValueSchema, check: Check<string> | null): ReadValue {
  return (input, pointer, report) => {
    if (isComposite(input)) return report.refuse(pointer, 'invalid_type', scalarHint(value));
    const reading = canonicalize(value, input);
    if (!reading.ok) return report.refuse(pointer, reading.code, reading.message);
    if (check !== null && typeof reading.value === 'string') check(reading.value, pointer, report);
    return reading.value;
  };
}

function compileNumber(value: ValueSchema): ReadValue {
  const isDecimal = value.type === 'decimal';
  const check = rangeCheck(value);
  return (input, pointer, report) => {
    if (isComposite(input)) return report.refuse(pointer, 'invalid_type', scalarHint(value));
    if (isDecimal && typeof input === 'number') report.needsSource = true;
    const reading = canonicalize(value, input);
    if (!reading.ok) return report.refuse(pointer, reading.code, reading.message);
    check(reading.value, pointer, report);
    return reading.value;
  };
}

function scalarHint(value: ValueSchema): string {
  return `must be of type ${value.type}, not an object or an array`;
}

function isComposite(input: JsonInput): input is JsonInput[] | { [key: string]: JsonInput } {
  return typeof input === 'object' && input !== null && !(input instanceof ExactNumber);
}

/** Bounds, compared as decimals where a double could not tell: integers beyond 2^53, decimals. */
function rangeCheck(schema: ValueSchema): Check<ScalarValue> {
  const { minimum, maximum } = schema;
  return (value, pointer, report) => {
    if (minimum !== undefined && compareNumbers(value, minimum) < 0) {
      report.refuse(pointer, 'too_small', `must be at least ${minimum}`);
    }
    if (maximum !== undefined && compareNumbers(value, maximum) > 0) {
      report.refuse(pointer, 'too_large', `must be at most ${maximum}`);
    }
  };
}

function compareNumbers(value: ScalarValue, bound: number | string): number {
  if (typeof value === 'number' && typeof bound === 'number') return value - bound;
  return compareDecimals(String(value), String(bound));
}

function textCheck(schema: ValueSchema): Check<string> | null {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  const pattern = schema.pattern === undefined ? null : compilePattern(schema.pattern);
  const { format } = schema;
  const isFree = pattern === null && format === undefined;
  if (isFree && minLength === 0 && maxLength === Number.POSITIVE_INFINITY) return null;
  return (value, pointer, report) => {
    if (isShorter(value, minLength)) {
      report.refuse(pointer, 'too_short', `must have at least ${minLength} characters`);
    } else if (value.length > maxLength && codePoints(value) > maxLength) {
      report.refuse(pointer, 'too_long', `must have at most ${maxLength} characters`);
    } else if (pattern !== null && !pattern.test(value)) {
      report.refuse(pointer, 'pattern_mismatch', `must match ${schema.pattern}`);
    } else if (format !== undefined) {
      const unlike = refuseFormat(format, value);
      if (unlike !== null) report.refuse(pointer, 'format_mismatch', unlike);
    }
  };
}

/** A code point takes one or two code units, so most texts need no counting. */
function isShorter(value: string, minLength: number): boolean {
  if (value.length < minLength) return true;
  return value.length < 2 * minLength && codePoints(value) < minLength;
}

function compileArray(schema: Schema, array: ValueSchema): ReadValue {
  if (array.items === undefined) throw new TypeError('an array has items in a compiled schema');
  const readItem = compileNullable(schema, array.items);
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = array;
  return (input, pointer, report) => {
    if (!Array.isArray(input)) return report.refuse(pointer, 'invalid_type', 'must be an array');
    if (input.length < minItems) {
      return report.refuse(pointer, 'too_few_items', `must have at least ${minItems} items`);
    }
    if (input.length > maxItems) {
      return report.refuse(pointer, 'too_many_items', `must have at most ${maxItems} items`);
    }
    return input.map((item, at) => readItem(item, `${pointer}/${at}`, report));
  };
}

function compileObject(schema: Schema, fields: readonly FieldSchema[]): ReadValue {
  const members = fields.map((field) => compileMember(schema, field));
  const read = compileMembers(members);
  return (input, pointer, report) => {
    const object = read(input, pointer, report);
    if (object === null) return null;
    for (const member of members) member.requirePresent(object, pointer, report);
    return object;
  };
}

/** One field of an object or of the model. */
export interface Member {
  readonly name: string;
  readonly read: ReadValue;
  readonly field: FieldSchema;
  /** Reports a required field that is absent. */
  requirePresent(object: { [key: string]: JsonValue }, pointer: string, report: Report): void;
}

/**
 * null and absent: a required field must be there; an optional one that is not nullable takes
 * null for absent. What absent means for a row, a default, null or the old value, is decided
 * where the row is made.
 */
export function compileMember(schema: Schema, field: FieldSchema): Member {
  const { name, required, nullable } = field;
  const read = compileValue(schema, field);
  return {
    name,
    field,
    read: (input, pointer, report) => {
      if (input !== null) return read(input, pointer, report);
      return required && !nullable ? report.refuse(pointer, 'required', 'must not be null') : null;
    },
    requirePresent: (object, pointer, report) => {
      if (!required || object[name] !== undefined) return;
      report.refuse(`${pointer}/${name}`, 'required', 'must be there');
    },
  };
}

/** Reads the members that are there; what is not declared is refused. */
export function compileMembers(members: readonly Member[]) {
  const names = new Set(members.map((member) => member.name));
  return (input: JsonInput, pointer: string, report: Report) => {
    if (!isComposite(input) || Array.isArray(input)) {
      return report.refuse(pointer, 'invalid_type', 'must be an object');
    }
    const object: { [key: string]: JsonValue } = {};
    let met = 0;
    for (const member of members) {
      const value = input[member.name];
      if (value === undefined) continue;
      met += 1;
      object[member.name] = member.read(value, pointer + '/' + member.name, report);
    }
    report.keys += met;
    const keys = Object.keys(input);
    if (keys.length !== met) refuseUnknown(keys, names, pointer, report);
    return object;
  };
}

/** Refuses the keys that are none of these names. */
export function refuseUnknown(
  keys: readonly string[],
  names: ReadonlySet<string>,
  pointer: string,
  report: Report,
): void {
  for (const key of keys) {
    if (names.has(key)) continue;
    const at = pointer + pointerStep(key.slice(0, 100));
    report.refuse(at, 'unknown_field', 'is not a field of the model');
  }
}
