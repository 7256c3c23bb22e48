import {
  type FieldSchema,
  formatKeywords,
  type JsonValue,
  type ModelSchema,
  type Schema,
  type ValueSchema,
} from '@lithair/crds';

/** A JSON Schema (2020-12), as OpenAPI 3.1 uses it. */
export type JsonSchema = { [keyword: string]: JsonValue };

const DECIMAL_PATTERN = '^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$';
const INTEGER_PATTERN = '^-?(0|[1-9][0-9]*)$';

/** Whether a value is described as it is sent or as it is returned. */
type Direction = 'request' | 'response';

/** What a GET returns: every field, always. */
export function readSchema(schema: Schema, model: ModelSchema): JsonSchema {
  const properties = model.fields.map((field): [string, JsonSchema] => [
    field.name,
    orNull(valueSchema(schema, field, 'response'), !isAlwaysThere(model, field)),
  ]);
  return objectSchema(
    [...properties, ...expandedProperty(model)],
    model.fields.map((field) => field.name),
  );
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
    orNull(valueSchema(schema, field, 'response'), field.name !== model.primaryKey),
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
  return bodySchema(
    schema,
    model,
    required.map((field) => field.name),
  );
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

/** A JSON Patch (RFC 6902). */
export function jsonPatchSchema(): JsonSchema {
  const pointer = { type: 'string', pattern: '^(/.*)?$' };
  const op = { type: 'string', enum: ['add', 'remove', 'replace', 'move', 'copy', 'test'] };
  const operation = objectSchema(
    [
      ['op', op],
      ['path', pointer],
      ['from', pointer],
      ['value', {}],
    ],
    ['op', 'path'],
  );
  return { type: 'array', items: operation, maxItems: 1000 };
}

function bodySchema(schema: Schema, model: ModelSchema, required: string[]): JsonSchema {
  const properties = model.fields.map((field): [string, JsonSchema] => [
    field.name,
    bodyField(schema, field),
  ]);
  return objectSchema(properties, required);
}

/** An optional field takes null for absent. */
function bodyField(schema: Schema, field: FieldSchema): JsonSchema {
  const value = orNull(valueSchema(schema, field, 'request'), field.nullable || !field.required);
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
      return { type: 'string', format: 'date-time' };
    case 'enum':
      return { type: 'string', enum: value.values ?? [] };
    default:
      return textSchema(value);
  }
}

/** A pattern beside that of a format stands in a schema of its own. */
function textSchema(value: ValueSchema): JsonSchema {
  const own = { type: 'string', ...pick(value, ['minLength', 'maxLength', 'pattern']) };
  if (value.format === undefined) return own;
  return { allOf: [own, formatKeywords(value.format)] };
}

/** Beyond 2^53 an integer is a string of digits. */
function integerSchema(value: ValueSchema, direction: Direction): JsonSchema {
  const number: JsonSchema = { type: 'integer', ...pick(value, ['minimum', 'maximum']) };
  const isSafe = direction === 'response' && isBounded(value);
  return isSafe ? number : { anyOf: [number, { type: 'string', pattern: INTEGER_PATTERN }] };
}

function isBounded({ minimum, maximum }: ValueSchema): boolean {
  return Number.isSafeInteger(minimum) && Number.isSafeInteger(maximum);
}

function decimalSchema(value: ValueSchema, direction: Direction): JsonSchema {
  const bounds = [
    value.minimum === undefined ? '' : ` At least ${value.minimum}.`,
    value.maximum === undefined ? '' : ` At most ${value.maximum}.`,
  ];
  const text: JsonSchema = {
    type: 'string',
    format: 'decimal',
    pattern:
      direction === 'response' ? DECIMAL_PATTERN : '^[+-]?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?$',
    description: `An exact decimal.${bounds.join('')}`,
  };
  return direction === 'response' ? text : { anyOf: [text, { type: 'number' }] };
}

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
  const target = schema.models.find((model) => model.name === value.to);
  const key = target?.fields.find((field) => field.name === target.primaryKey);
  const described = key === undefined ? { type: 'string' } : valueSchema(schema, key, direction);
  return { ...described, description: `Id of a ${value.to}.` };
}

function pick(value: ValueSchema, keywords: readonly (keyof ValueSchema)[]): JsonSchema {
  const picked: JsonSchema = {};
  for (const keyword of keywords) {
    const found = value[keyword];
    if (typeof found === 'string' || typeof found === 'number') picked[keyword] = found;
  }
  return picked;
}
