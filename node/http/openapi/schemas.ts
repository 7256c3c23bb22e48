import {
  type FieldSchema,
  formatKeywords,
  type JsonValue,
  type ModelSchema,
  type Schema,
  type ValueSchema,
} from '@lithair/crds';
import { decimalPattern } from './decimal-pattern.ts';
import { GIVEN_OUT, isGivenOut, keyText } from './keys.ts';

/** A JSON Schema (2020-12), as OpenAPI 3.1 uses it. */
export type JsonSchema = { [keyword: string]: JsonValue };

const EXACT_NUMBER = { type: 'number', description: 'An exact decimal, with all of its digits.' };

const DECIMAL_PATTERN = '^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$';

/** Without leap seconds, and no finer than a millisecond; further digits may be zeros. */
const MILLISECONDS =
  '^[0-9-]{10}[Tt][0-9]{2}:[0-9]{2}:[0-5][0-9]([.][0-9]{1,3}0*)?([Zz]|[+-][0-9]{2}:[0-9]{2})$';

/** Whether a value is described as it is sent or as it is returned. */
type Direction = 'request' | 'response';

/**
 * What a GET returns: every field, always.
 *
 * @param ofOwners fields that are there in rows of the caller alone
 */
export function readSchema(
  schema: Schema,
  model: ModelSchema,
  ofOwners: ReadonlySet<string> = new Set(),
): JsonSchema {
  const properties = model.fields.map((field): [string, JsonSchema] => [
    field.name,
    {
      ...orNull(fieldSchema(schema, model, field, 'response'), !isAlwaysThere(model, field)),
      ...(field.computed !== undefined && { readOnly: true }),
      ...described(field, ofOwners),
    },
  ]);
  const names = model.fields.map((field) => field.name);
  return objectSchema(
    [...properties, ...expandedProperty(model)],
    names.filter((name) => !ofOwners.has(name)),
  );
}

function described({ name, encrypted }: FieldSchema, ofOwners: ReadonlySet<string>): JsonSchema {
  const said = [
    ...(ofOwners.has(name) ? ['Only in rows that the caller owns.'] : []),
    ...(encrypted === true ? ['Stored as ciphertext: nothing filters or sorts by it.'] : []),
  ];
  return said.length === 0 ? {} : { description: said.join(' ') };
}

/** With `expand=`, the rows that it refers to, by the names of the references. */
function expandedProperty(model: ModelSchema): [string, JsonSchema][] {
  const references = model.fields.filter(({ type }) => type === 'reference');
  if (references.length === 0) return [];
  const row = orNull({ type: 'object' }, true);
  const named = references.map(({ name }): [string, JsonSchema] => [name, row]);
  return [['expand', objectSchema(named, [])]];
}

/** What is kept of a past version: a field whose value is not kept is absent. */
export function keptSchema(schema: Schema, model: ModelSchema): JsonSchema {
  const properties = model.fields.map((field): [string, JsonSchema] => [
    field.name,
    orNull(fieldSchema(schema, model, field, 'response'), field.name !== model.primaryKey),
  ]);
  return objectSchema(properties, [model.primaryKey]);
}

/** Null stands for absent in what is returned. */
function isAlwaysThere(model: ModelSchema, field: FieldSchema): boolean {
  if (field.name === model.primaryKey) return true;
  if (field.nullable) return false;
  return field.required || (field.default !== undefined && field.default !== null);
}

/** What a POST takes. */
export function createSchema(schema: Schema, model: ModelSchema): JsonSchema {
  const required = model.fields.filter(
    (field) => field.required && field.defaultFrom === undefined,
  );
  const names = required.map((field) => field.name);
  return bodySchema(schema, model, names, true);
}

/** What a PUT takes: the id comes from the path, and immutable fields are kept when absent. */
export function replaceSchema(schema: Schema, model: ModelSchema): JsonSchema {
  const required = model.fields.filter(
    (field) => field.required && !field.immutable && field.defaultFrom === undefined,
  );
  const named = required.map((field) => field.name);
  return bodySchema(
    schema,
    model,
    named.filter((name) => name !== model.primaryKey),
  );
}

/** What a merge patch takes: any part of the aggregate, with null for what is taken away. */
export function patchSchema(schema: Schema, model: ModelSchema): JsonSchema {
  return bodySchema(schema, model, []);
}

/** A JSON Patch (RFC 6902): some operations take a value, some a second place, one neither. */
export function jsonPatchSchema(): JsonSchema {
  const pointer = { type: 'string', pattern: '^(/.*)?$' };
  const taking = (names: string[], more: [string, JsonSchema][]): JsonSchema => {
    const op = { type: 'string', enum: names };
    const own = more.map(([name]) => name);
    const { additionalProperties: _closed, ...open } = objectSchema(
      [['op', op], ['path', pointer], ...more],
      ['op', 'path', ...own],
    );
    // Members that an operation does not know are ignored (RFC 6902, section 4).
    return open;
  };
  const operations = [
    taking(['add', 'replace', 'test'], [['value', {}]]),
    taking(['move', 'copy'], [['from', pointer]]),
    taking(['remove'], []),
  ];
  return { type: 'array', items: { anyOf: operations }, maxItems: 1000 };
}

function bodySchema(
  schema: Schema,
  model: ModelSchema,
  required: string[],
  isNew = false,
): JsonSchema {
  const sent = model.fields.filter(({ computed }) => computed === undefined);
  const properties = sent.map((field): [string, JsonSchema] => [
    field.name,
    isNew && isGivenOut(field) ? GIVEN_OUT : bodyField(schema, model, field),
  ]);
  return objectSchema(properties, required);
}

/** An optional field takes null for absent. */
function bodyField(schema: Schema, model: ModelSchema, field: FieldSchema): JsonSchema {
  const own = fieldSchema(schema, model, field, 'request');
  const value = orNull(own, field.nullable || !field.required);
  return field.default === undefined ? value : { ...value, default: field.default };
}

function objectSchema(properties: [string, JsonSchema][], required: string[]): JsonSchema {
  const named = Object.fromEntries(properties);
  return {
    type: 'object',
    properties: named,
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function orNull(value: JsonSchema, isNullable: boolean): JsonSchema {
  return isNullable ? { anyOf: [value, { type: 'null' }] } : value;
}

function fieldSchema(
  schema: Schema,
  model: ModelSchema,
  field: FieldSchema,
  direction: Direction,
): JsonSchema {
  const isKey = field.name === model.primaryKey;
  return isKey ? keySchema(schema, field, direction) : valueSchema(schema, field, direction);
}

/** The schema of a primary key. */
export function keySchema(schema: Schema, key: FieldSchema, direction: Direction): JsonSchema {
  const own = valueSchema(schema, key, direction);
  return key.type === 'string' ? keyText(own) : own;
}

/** The schema of a value that is not null. */
export function valueSchema(schema: Schema, value: ValueSchema, direction: Direction): JsonSchema {
  switch (value.type) {
    case 'integer':
      return integerSchema(value, direction);
    case 'decimal':
      return decimalSchema(value, direction);
    case 'array':
      return arraySchema(schema, value, direction);
    case 'object':
      return nestedSchema(schema, value.fields ?? [], direction);
    case 'reference':
      return referenceSchema(schema, value, direction);
    default:
      return plainSchema(value);
  }
}

/** A value to compare with: any of the type, whatever values the field may have. */
export function comparedSchema(schema: Schema, value: ValueSchema): JsonSchema {
  const key = value.type === 'reference' ? keyOf(schema, value.to) : undefined;
  const { type, values } = key ?? value;
  const bare = { type, nullable: false, ...(values && { values }) };
  return valueSchema(schema, bare, 'request');
}

/** Types that look the same in both directions. */
function plainSchema(value: ValueSchema): JsonSchema {
  switch (value.type) {
    case 'number':
      return { type: 'number', ...pick(value, ['minimum', 'maximum']) };
    case 'boolean':
      return { type: 'boolean' };
    case 'date':
    case 'uuid':
      return { type: 'string', format: value.type };
    case 'datetime':
      return { type: 'string', format: 'date-time', pattern: MILLISECONDS };
    case 'enum':
      return { type: 'string', enum: value.values ?? [], ...statesOf(value) };
    default:
      return textSchema(value);
  }
}

/** The ways between the states of a field. Conditions are not told: they may be of other fields. */
function statesOf({ states }: ValueSchema): JsonSchema {
  if (states === undefined) return {};
  const { initial, transitions } = states;
  const ways = transitions.map(({ from, to, roles }) => ({ from, to, ...(roles && { roles }) }));
  return { 'x-lithair-states': { initial, transitions: ways } };
}

/** A pattern beside that of a format stands in a schema of its own. */
function textSchema(value: ValueSchema): JsonSchema {
  const own = { type: 'string', ...pick(value, ['minLength', 'maxLength', 'pattern']) };
  if (value.format === undefined) return own;
  return { allOf: [own, formatKeywords(value.format)] };
}

/** What a double does not hold exactly is a string of digits, and nothing else is. */
function integerSchema(value: ValueSchema, direction: Direction): JsonSchema {
  const number: JsonSchema = { type: 'integer', ...pick(value, ['minimum', 'maximum']) };
  const isNumber = direction === 'response' && value.representation === 'number';
  if (isBounded(value) || isNumber) return number;
  return { anyOf: [number, { $ref: `#/components/schemas/${largeIntegerName(value)}` }] };
}

/** By the signs that the bounds leave to it. */
function largeIntegerName({ minimum, maximum }: ValueSchema): string {
  if (Number(minimum) >= -Number.MAX_SAFE_INTEGER) return 'LargePositiveInteger';
  return Number(maximum) <= Number.MAX_SAFE_INTEGER ? 'LargeNegativeInteger' : 'LargeInteger';
}

/** Integers beyond 2^53 - 1, of at most 64 digits, which the schemas of fields name. */
export function largeIntegers(): JsonSchema {
  const digits = String(Number.MAX_SAFE_INTEGER);
  // As long as the largest safe one and larger by one of its digits, or longer.
  const larger = digits.split('').flatMap((digit, at) => {
    if (digit === '9') return [];
    const rest = digits.length - at - 1;
    return [`${digits.slice(0, at)}[${Number(digit) + 1}-9][0-9]{${rest}}`];
  });
  const magnitude = `(${larger.join('|')}|[1-9][0-9]{${digits.length},63})`;
  const description = 'An integer that a double does not hold exactly.';
  const named = (sign: string) => ({
    type: 'string',
    pattern: `^${sign}${magnitude}$`,
    description,
  });
  return {
    LargeInteger: named('-?'),
    LargePositiveInteger: named(''),
    LargeNegativeInteger: named('-'),
  };
}

function isBounded({ minimum, maximum }: ValueSchema): boolean {
  return Number.isSafeInteger(minimum) && Number.isSafeInteger(maximum);
}

function decimalSchema(value: ValueSchema, direction: Direction): JsonSchema {
  if (direction === 'response' && value.representation === 'number') return EXACT_NUMBER;
  const { minimum, maximum } = value;
  const bounds = [
    minimum === undefined ? '' : ` At least ${minimum}.`,
    maximum === undefined ? '' : ` At most ${maximum}.`,
  ];
  const text: JsonSchema = {
    type: 'string',
    format: 'decimal',
    pattern: direction === 'response' ? DECIMAL_PATTERN : decimalPattern(value),
    description: `An exact decimal.${bounds.join('')}`,
  };
  if (direction === 'response') return text;
  const number = {
    type: 'number',
    ...(minimum === undefined
      ? { exclusiveMinimum: -BEYOND_DIGITS }
      : { minimum: Number(minimum) }),
    ...(maximum === undefined ? { exclusiveMaximum: BEYOND_DIGITS } : { maximum: Number(maximum) }),
  };
  return { anyOf: [text, number] };
}

/** As a number in JSON, a decimal has to fit its 64 digits. */
const BEYOND_DIGITS = 1e64;

function arraySchema(schema: Schema, value: ValueSchema, direction: Direction): JsonSchema {
  const { items } = value;
  const described =
    items === undefined ? {} : orNull(valueSchema(schema, items, direction), items.nullable);
  return { type: 'array', items: described, ...pick(value, ['minItems', 'maxItems']) };
}

function nestedSchema(
  schema: Schema,
  fields: readonly FieldSchema[],
  direction: Direction,
): JsonSchema {
  const isResponse = direction === 'response';
  const properties = fields.map((field): [string, JsonSchema] => {
    const canBeNull = field.nullable || !field.required;
    return [field.name, orNull(valueSchema(schema, field, direction), canBeNull)];
  });
  const required = fields.filter((field) => isResponse || field.required);
  return objectSchema(
    properties,
    required.map((field) => field.name),
  );
}

function referenceSchema(schema: Schema, value: ValueSchema, direction: Direction): JsonSchema {
  const key = keyOf(schema, value.to);
  const described = key === undefined ? { type: 'string' } : keySchema(schema, key, direction);
  return { ...described, description: `Id of a ${value.to}.` };
}

function keyOf({ models }: Schema, name: string | undefined): FieldSchema | undefined {
  const target = models.find((model) => model.name === name);
  return target?.fields.find((field) => field.name === target.primaryKey);
}

function pick(value: ValueSchema, keywords: readonly (keyof ValueSchema)[]): JsonSchema {
  const picked: JsonSchema = {};
  for (const keyword of keywords) {
    const found = value[keyword];
    if (typeof found === 'string' || typeof found === 'number') picked[keyword] = found;
  }
  return picked;
}
