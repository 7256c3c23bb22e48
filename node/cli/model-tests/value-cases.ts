// Values at the boundaries of what a field takes, and just beyond them.
import { compilePattern, type JsonValue, refuseFormat, type ValueSchema } from '@lithair/crds';
import { isFitting, sampleItems, sampleValue, textsOfPattern } from './sample-values.ts';

/** A value, and whether it is taken. */
export interface ValueCase {
  readonly rule: string;
  /** Below the field; empty for the field itself. */
  readonly pointer: string;
  /** Of the whole field. */
  readonly value: JsonValue;
  /** Why it is refused: code of the error; null where it is taken. */
  readonly code: string | null;
}

type Wrap = (value: JsonValue) => JsonValue;

/** Longer texts are more than one request takes. */
const MOST_LENGTH = 200_000;
const MOST_ITEMS = 2_000;

export function valueCases(value: ValueSchema): ValueCase[] {
  return casesAt(value, '', (inner) => inner);
}

function casesAt(value: ValueSchema, pointer: string, wrap: Wrap): ValueCase[] {
  const own = [...ownCases(value), ...wrongType(value)].map(({ rule, value: given, code }) => ({
    rule: pointer === '' ? rule : `${pointer.slice(1)}: ${rule}`,
    pointer,
    value: wrap(given),
    code,
  }));
  return [...own, ...innerCases(value, pointer, wrap)];
}

type OwnCase = Omit<ValueCase, 'pointer'>;

function ownCases(value: ValueSchema): OwnCase[] {
  switch (value.type) {
    case 'string':
    case 'text':
      return [...lengthCases(value), ...patternCases(value), ...formatCases(value)];
    case 'integer':
    case 'number':
    case 'decimal':
      return rangeCases(value);
    case 'enum':
      return enumCases(value);
    case 'array':
      return itemCountCases(value);
    default:
      return [];
  }
}

function rangeCases({ type, minimum, maximum }: ValueSchema): OwnCase[] {
  const beyond = (bound: number | string, sign: number): JsonValue[] => {
    const number = Number(bound);
    if (type === 'integer') return [number + sign];
    const near = Number((number + sign * 0.01).toFixed(6));
    return type === 'decimal' ? [String(near), String(number + sign)] : [near, number + sign];
  };
  const at = (rule: string, bound: number | string | undefined, sign: number, code: string) =>
    bound === undefined
      ? []
      : [
          { rule: `${rule} ${bound}`, value: bound, code: null },
          ...beyond(bound, sign).map((value) => ({ rule: `${rule} ${bound}`, value, code })),
        ];
  return [...at('minimum', minimum, -1, 'too_small'), ...at('maximum', maximum, 1, 'too_large')];
}

/** Of texts whose pattern or format says more than their length does, only what is refused. */
function lengthCases(value: ValueSchema): OwnCase[] {
  const { minLength = 0, maxLength = MOST_LENGTH, pattern, format } = value;
  const isFree = pattern === undefined && format === undefined;
  const cases: OwnCase[] = [];
  if (minLength > 0 && minLength <= MOST_LENGTH) {
    const rule = `minLength ${minLength}`;
    cases.push({ rule, value: 'x'.repeat(minLength - 1), code: 'too_short' });
    if (isFree) cases.push({ rule, value: 'x'.repeat(minLength), code: null });
  }
  if (maxLength >= MOST_LENGTH) return cases;
  const rule = `maxLength ${maxLength}`;
  cases.push({ rule, value: 'x'.repeat(maxLength + 1), code: 'too_long' });
  if (!isFree || maxLength === 0) return cases;
  cases.push({ rule, value: 'x'.repeat(maxLength), code: null });
  // A character outside of the first plane is one, and not two.
  cases.push({ rule: `${rule}, of code points`, value: '𝄞'.repeat(maxLength), code: null });
  return cases;
}

const STRANGE = ['!', '~', '0', 'a', 'Z', ' ', '-', '_', 'é', '\u{1D11E}', 'x y', '\t'];

function patternCases(value: ValueSchema): OwnCase[] {
  const { pattern } = value;
  if (pattern === undefined) return [];
  const rule = `pattern ${pattern}`;
  const regexp = compilePattern(pattern);
  const good = textsOfPattern(value);
  const bad = good
    .slice(0, 20)
    .flatMap((text) => [
      ...STRANGE.flatMap((strange) => [text + strange, strange + text, strange]),
      text.slice(1),
      text.slice(0, -1),
      text.toUpperCase(),
    ])
    .filter((text) => !regexp.test(text) && isFitting({ ...value, pattern: '' }, text));
  return [
    ...good.slice(0, 3).map((text) => ({ rule, value: text, code: null })),
    ...[...new Set(bad)]
      .slice(0, 3)
      .map((text) => ({ rule, value: text, code: 'pattern_mismatch' })),
  ];
}

function formatCases(value: ValueSchema): OwnCase[] {
  const { format } = value;
  if (format === undefined) return [];
  const rule = `format ${format}`;
  const bad = ['no such thing!', '@', '-', '999.1.1.1', ':::'].filter(
    (text) => refuseFormat(format, text) !== null && isFitting(lengthsOf(value), text),
  );
  return [
    { rule, value: sampleValue(value, 7), code: null },
    ...bad.slice(0, 2).map((text) => ({ rule, value: text, code: 'format_mismatch' })),
  ];
}

function lengthsOf({ type, nullable, minLength, maxLength, pattern }: ValueSchema): ValueSchema {
  return {
    type,
    nullable,
    ...(minLength !== undefined && { minLength }),
    ...(maxLength !== undefined && { maxLength }),
    ...(pattern !== undefined && { pattern }),
  };
}

function enumCases({ values = [] }: ValueSchema): OwnCase[] {
  const other = `${values.join('')}-other`;
  return [
    ...values.map((value) => ({ rule: 'values', value, code: null })),
    { rule: 'values', value: other, code: 'not_in_values' },
  ];
}

function itemCountCases(value: ValueSchema): OwnCase[] {
  const { minItems = 0, maxItems = MOST_ITEMS } = value;
  const of = (count: number) => sampleItems(value, 3, count);
  return [
    ...(minItems > 0 && minItems < MOST_ITEMS
      ? [
          { rule: `minItems ${minItems}`, value: of(minItems), code: null },
          { rule: `minItems ${minItems}`, value: of(minItems - 1), code: 'too_few_items' },
        ]
      : []),
    ...(maxItems < MOST_ITEMS
      ? [
          { rule: `maxItems ${maxItems}`, value: of(maxItems), code: null },
          { rule: `maxItems ${maxItems}`, value: of(maxItems + 1), code: 'too_many_items' },
        ]
      : []),
  ];
}

/** A value that no field of the type takes, with the code that says so. */
function wrongType({ type }: ValueSchema): OwnCase[] {
  const rule = `type ${type}`;
  if (type === 'date') return [{ rule, value: '2021-02-30', code: 'invalid_date' }];
  if (type === 'datetime') return [{ rule, value: '2021-01-01', code: 'invalid_datetime' }];
  if (type === 'uuid') return [{ rule, value: 'not-a-uuid', code: 'invalid_uuid' }];
  if (type === 'integer') return [{ rule, value: 1.5, code: 'invalid_type' }];
  return [{ rule, value: type === 'boolean' ? 'true' : true, code: 'invalid_type' }];
}

/** Of the items of an array, and of the fields of an object. */
function innerCases(value: ValueSchema, pointer: string, wrap: Wrap): ValueCase[] {
  const { items, fields = [] } = value;
  if (value.type === 'array' && items !== undefined && items.type !== 'reference') {
    const [, ...others] = sampleItems(value, 5, Math.max(1, value.minItems ?? 1));
    const nothing = items.nullable ? null : 'required';
    return [
      ...casesAt(items, `${pointer}/0`, (item) => wrap([item, ...others])),
      inner('items', `${pointer}/0`, wrap([null, ...others]), nothing),
    ];
  }
  if (value.type !== 'object') return [];
  const whole = Object.fromEntries(fields.map((field) => [field.name, sampleValue(field, 5)]));
  return [
    inner('fields', `${pointer}/noSuchField`, wrap({ ...whole, noSuchField: 1 }), 'unknown_field'),
    ...fields.flatMap((field) => {
      const place = `${pointer}/${field.name}`;
      const { [field.name]: _, ...rest } = whole;
      const absent = field.required ? 'required' : null;
      return [
        ...casesAt(field, place, (given) => wrap({ ...whole, [field.name]: given })),
        inner(field.required ? 'required' : 'optional', place, wrap(rest), absent),
      ];
    }),
  ];
}

function inner(rule: string, pointer: string, value: JsonValue, code: string | null): ValueCase {
  return { rule: `${pointer.slice(1)}: ${rule}`, pointer, value, code };
}
