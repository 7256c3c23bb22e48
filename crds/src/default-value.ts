// Whether a default could ever be a value of its field.
import type { AuthoredNestedField, AuthoredValue } from './authored.ts';
import { refuseFormat } from './formats.ts';
import {
  compareDecimals,
  decimalOf,
  isDate,
  isDatetime,
  isDecimal,
  isUuid,
  textLength,
} from './lexical.ts';
import { compilePattern, refusePattern } from './pattern/index.ts';
import type { FieldType, JsonValue } from './resource.ts';
import { describe } from './structure.ts';

type Explain = (field: AuthoredValue, value: JsonValue) => string | undefined;

/** Why the value cannot be the default of the field; undefined where it can. */
export function explainDefault(field: AuthoredValue, value: JsonValue): string | undefined {
  if (value !== null) return EXPLAIN[field.type](field, value);
  return field.nullable ? undefined : 'null, and the field is not nullable';
}

const EXPLAIN: Record<FieldType, Explain> = {
  string: explainText,
  text: explainText,
  integer: (field, value) =>
    typeof value === 'number' && Number.isSafeInteger(value)
      ? explainRange(field, decimalOf(value))
      : not(value, 'a whole number'),
  number: (field, value) =>
    typeof value === 'number' ? explainRange(field, decimalOf(value)) : not(value, 'a number'),
  decimal: (field, value) => {
    const text = typeof value === 'number' ? decimalOf(value) : value;
    if (typeof text !== 'string' || !isDecimal(text)) return not(value, 'a decimal such as "9.90"');
    return explainRange(field, text);
  },
  boolean: (_, value) => (typeof value === 'boolean' ? undefined : not(value, 'true or false')),
  date: (_, value) =>
    typeof value === 'string' && isDate(value)
      ? undefined
      : not(value, 'a date such as "2024-02-29"'),
  datetime: (_, value) =>
    typeof value === 'string' && isDatetime(value)
      ? undefined
      : not(value, 'a moment such as "2024-02-29T12:00:00Z"'),
  uuid: (_, value) =>
    typeof value === 'string' && isUuid(value) ? undefined : not(value, 'a UUID'),
  enum: (field, value) =>
    typeof value === 'string' && field.values?.includes(value)
      ? undefined
      : not(value, `one of ${(field.values ?? []).slice(0, 10).join(', ')}`),
  array: explainArray,
  object: explainObject,
  reference: () => 'whether the row exists cannot be known beforehand',
};

function not(value: JsonValue, wanted: string): string {
  return `${describe(value)} is not ${wanted}`;
}

function explainText(field: AuthoredValue, value: JsonValue): string | undefined {
  if (typeof value !== 'string') return not(value, 'a string');
  if (!value.isWellFormed()) return 'it holds half a surrogate pair';
  const length = textLength(value);
  if (length < (field.minLength ?? 0)) return `shorter than minLength ${field.minLength}`;
  if (length > (field.maxLength ?? Infinity)) return `longer than maxLength ${field.maxLength}`;
  const unlike = field.format === undefined ? null : refuseFormat(field.format, value);
  if (unlike !== null) return `it ${unlike}`;
  if (field.pattern === undefined || refusePattern(field.pattern, length)) return undefined;
  const matches = compilePattern(field.pattern).test(value);
  return matches ? undefined : `${describe(value)} does not match the pattern`;
}

function explainRange(field: AuthoredValue, text: string): string | undefined {
  const { minimum, maximum } = field;
  if (minimum !== undefined && compareDecimals(text, decimalOf(minimum)) < 0) {
    return `${text} is below minimum ${minimum}`;
  }
  if (maximum !== undefined && compareDecimals(text, decimalOf(maximum)) > 0) {
    return `${text} is above maximum ${maximum}`;
  }
  return undefined;
}

function explainArray(field: AuthoredValue, value: JsonValue): string | undefined {
  if (!Array.isArray(value)) return not(value, 'a list');
  if (value.length < (field.minItems ?? 0)) return `fewer items than minItems ${field.minItems}`;
  if (value.length > (field.maxItems ?? Infinity))
    return `more items than maxItems ${field.maxItems}`;
  const { items } = field;
  if (!items) return undefined;
  return value.map((item) => explainDefault(items, item)).find((reason) => reason !== undefined);
}

function explainObject(field: AuthoredValue, value: JsonValue): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return not(value, 'a map');
  const fields = field.fields ?? [];
  const unknown = Object.keys(value).find((key) => !fields.some((f) => f.name === key));
  if (unknown !== undefined) return `${describe(unknown)} is not a field of the object`;
  return fields.map((f) => explainMember(f, value)).find((reason) => reason !== undefined);
}

function explainMember(
  field: AuthoredNestedField,
  value: { [key: string]: JsonValue },
): string | undefined {
  const member = Object.hasOwn(value, field.name) ? value[field.name] : undefined;
  if (member !== undefined) return explainDefault(field, member);
  return field.required && field.default === undefined ? `${field.name} is missing` : undefined;
}
