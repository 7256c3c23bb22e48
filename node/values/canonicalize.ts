import type { FieldType, JsonValue, Schema, ValueSchema } from '@lithair/crds';
import { canonicalDecimal, integerText } from './decimal.ts';
import { accept, type Reading, refuse, type ValueError } from './errors.ts';
import { ExactNumber } from './exact-number.ts';
import { numericKey } from './numeric-key.ts';
import { canonicalDate, canonicalDatetime } from './time.ts';
import { canonicalUuid } from './uuid.ts';

/** A scalar in canonical form. */
export type ScalarValue = string | number | boolean;

/** JSON's number grammar (RFC 8259, section 6). */
const JSON_NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/**
 * Reads a value of a scalar type and gives its canonical form. It checks the type alone; bounds,
 * lengths and patterns are the validation room's, null and absent too. A reference reads as the
 * key that it points to: pass {@link targetSchema} of it.
 *
 * - integer: a JSON number without a fraction; beyond 2^53 also a string. A number where it is a
 *   safe integer, otherwise a string of digits.
 * - number: a double; refused where it would be rounded.
 * - decimal: a JSON number or a string, see {@link canonicalDecimal}.
 * - string, text: refused where it is not well-formed Unicode (lone surrogates).
 *
 * @throws TypeError for array and object: their parts are read one by one
 */
export function canonicalize(
  field: ValueSchema,
  value: JsonValue | ExactNumber,
): Reading<ScalarValue> {
  return READERS[field.type](value, field);
}

type Reader = (value: JsonValue | ExactNumber, field: ValueSchema) => Reading<ScalarValue>;

const READERS: Record<FieldType, Reader> = {
  string: canonicalText,
  text: canonicalText,
  reference: canonicalText,
  integer: canonicalInteger,
  number: canonicalNumber,
  decimal: decimalFrom,
  boolean: (value) => (typeof value === 'boolean' ? accept(value) : wrongType('true or false')),
  date: textReader(canonicalDate, 'a date string'),
  datetime: textReader(canonicalDatetime, 'a date-time string'),
  uuid: textReader(canonicalUuid, 'a uuid string'),
  enum: canonicalEnum,
  array: notScalar,
  object: notScalar,
};

function textReader(read: (text: string) => Reading<string>, expected: string): Reader {
  return (value) => (typeof value === 'string' ? read(value) : wrongType(expected));
}

function notScalar(_value: JsonValue | ExactNumber, field: ValueSchema): never {
  throw new TypeError(`${field.type} is not a scalar type`);
}

/**
 * Reads a value from plain text, as query strings and CSV files hold it: numbers in JSON's
 * grammar, `true` and `false`, everything else as it stands.
 */
export function canonicalizeText(field: ValueSchema, text: string): Reading<ScalarValue> {
  if (field.type === 'integer' || field.type === 'number' || field.type === 'decimal') {
    return JSON_NUMBER.test(text)
      ? canonicalize(field, new ExactNumber(text))
      : refuse('invalid_number', 'must be a number');
  }
  if (field.type === 'boolean' && (text === 'true' || text === 'false')) {
    return accept(text === 'true');
  }
  return canonicalize(field, text);
}

/**
 * What a field's values are: of a reference, the primary key of the model it points to; of any
 * other, the field itself.
 *
 * @throws TypeError where the schema lacks the model, which a compiled schema never does
 */
export function targetSchema(schema: Schema, field: ValueSchema): ValueSchema {
  if (field.type !== 'reference') return field;
  const target = schema.models.find((model) => model.name === field.to);
  const key = target?.fields.find((candidate) => candidate.name === target.primaryKey);
  if (key === undefined) throw new TypeError(`reference to unknown model ${field.to}`);
  return key;
}

function wrongType(expected: string) {
  return refuse('invalid_type', `must be ${expected}`);
}

function canonicalText(value: JsonValue | ExactNumber): Reading<string> {
  if (typeof value !== 'string') return wrongType('a string');
  if (value.isWellFormed()) return accept(value);
  return refuse('invalid_unicode', 'must be well-formed Unicode: it holds half a surrogate pair');
}

function canonicalEnum(value: JsonValue | ExactNumber, field: ValueSchema): Reading<string> {
  if (typeof value !== 'string') return wrongType('a string');
  const values = field.values ?? [];
  return values.includes(value)
    ? accept(value)
    : refuse('not_in_values', `must be one of ${values.join(', ')}`);
}

function decimalFrom(value: JsonValue | ExactNumber): Reading<string> {
  if (typeof value === 'string') return canonicalDecimal(value);
  if (value instanceof ExactNumber) return canonicalDecimal(value.source);
  if (typeof value === 'number' && Number.isFinite(value)) return canonicalDecimal(String(value));
  return wrongType('a decimal, as a string or a number');
}

function notAnInteger(refusal: ValueError): ValueError {
  if (refusal.code === 'invalid_type') return wrongType('an integer');
  return refusal.code === 'invalid_number' ? refuse(refusal.code, 'must be an integer') : refusal;
}

function canonicalInteger(value: JsonValue | ExactNumber): Reading<number | string> {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return accept(value + 0);
  const decimal = typeof value === 'boolean' ? wrongType('an integer') : decimalFrom(value);
  if (!decimal.ok) return notAnInteger(decimal);
  const text = integerText(decimal.value);
  if (text === null) return wrongType('an integer');
  const number = Number(text);
  if (!Number.isSafeInteger(number)) return accept(text);
  return typeof value === 'string' ? wrongType('an integer, not a string') : accept(number + 0);
}

function canonicalNumber(value: JsonValue | ExactNumber): Reading<number> {
  if (typeof value === 'number' && Number.isFinite(value)) return accept(value + 0);
  if (!(value instanceof ExactNumber)) return wrongType('a number');
  const number = Number(value.source);
  if (Number.isFinite(number) && numericKey(String(number)) === numericKey(lower(value.source))) {
    return accept(number + 0);
  }
  return refuse('not_representable', 'must be a number that a double holds without rounding');
}

function lower(source: string): string {
  return source.includes('E') ? source.toLowerCase() : source;
}
