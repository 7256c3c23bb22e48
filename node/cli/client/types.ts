import {
  computedFields,
  type FieldSchema,
  type ModelSchema,
  type Schema,
  type ValueSchema,
} from '@lithair/crds';

/** As a value is sent, or as it is returned. */
type Direction = 'request' | 'response';

/**
 * The TypeScript types of a model: what is returned, and what each kind of write takes. `name` is
 * that of the first; the others add `Create`, `Replace`, `Patch` and `References`.
 *
 * @param typeNames of all models, by their names
 */
export function modelTypes(
  schema: Schema,
  model: ModelSchema,
  name: string,
  typeNames: ReadonlyMap<string, string>,
): string {
  const { primaryKey } = model;
  const fields = model.fields.filter(({ hidden }) => hidden !== true);
  const isKey = (field: FieldSchema) => field.name === primaryKey;
  const ofOwners = readByOwners(model);
  const sent = fields.filter(({ computed }) => computed === undefined);
  const changeable = sent.filter((field) => !isKey(field));
  return [
    declaration(
      `${name}: what is returned.`,
      name,
      fields.map((field) => readField(schema, field, isKey(field), ofOwners.has(field.name))),
    ),
    declaration(
      `${name}: what creates one.`,
      `${name}Create`,
      sent.map((field) => bodyField(schema, field, isNeededToCreate(field, isKey(field)))),
    ),
    declaration(
      `${name}: what replaces one. What is left out goes back to its default.`,
      `${name}Replace`,
      changeable.map((field) => bodyField(schema, field, isNeededToReplace(field))),
    ),
    declaration(
      `${name}: what changes a part of one.`,
      `${name}Patch`,
      changeable
        .filter(({ immutable }) => !immutable)
        .map((field) => bodyField(schema, field, false)),
    ),
    declaration(
      `${name}: what \`expand\` shows beside one.`,
      `${name}References`,
      fields.flatMap((field) => referenceField(field, typeNames)),
    ),
  ].join('\n\n');
}

function declaration(summary: string, name: string, lines: readonly string[]): string {
  return [`/** ${summary} */`, `export interface ${name} {`, ...lines, '}'].join('\n');
}

function referenceField({ name, to }: FieldSchema, typeNames: ReadonlyMap<string, string>) {
  const target = to === undefined ? undefined : typeNames.get(to);
  return target === undefined
    ? []
    : [`  readonly ${name}: Expanded<${target}, ${target}References>;`];
}

/** Fields that some see in their own rows alone, and what is computed of these: absent in the others. */
function readByOwners(model: ModelSchema): ReadonlySet<string> {
  const owned = model.fields.filter(({ permissions }) => permissions?.read?.includes('Owner'));
  const names = new Set(owned.map(({ name }) => name));
  for (const { name, computation } of computedFields(model)) {
    const field = model.fields.find((candidate) => candidate.name === name);
    if (field?.permissions?.read !== undefined) continue;
    if (!names.isDisjointFrom(computation.reads.self)) names.add(name);
  }
  return names;
}

function readField(schema: Schema, field: FieldSchema, isKey: boolean, isOfOwner: boolean): string {
  const hasDefault = field.default !== undefined && field.default !== null;
  const isThere = isKey || (!field.nullable && (field.required || hasDefault));
  const type = typeOf(schema, field, 'response');
  return `  readonly ${field.name}${isOfOwner ? '?' : ''}: ${isThere ? type : `${type} | null`};`;
}

function bodyField(schema: Schema, field: FieldSchema, isNeeded: boolean): string {
  const type = typeOf(schema, field, 'request');
  const takesNull = field.nullable || !field.required;
  return `  readonly ${field.name}${isNeeded ? '' : '?'}: ${takesNull ? `${type} | null` : type};`;
}

function isNeededToCreate(field: FieldSchema, isKey: boolean): boolean {
  if (isKey) return field.required || (field.type !== 'uuid' && field.template === undefined);
  return field.required && field.defaultFrom === undefined;
}

function isNeededToReplace(field: FieldSchema): boolean {
  return field.required && !field.immutable && field.defaultFrom === undefined;
}

function typeOf(schema: Schema, value: ValueSchema, direction: Direction): string {
  switch (value.type) {
    case 'boolean':
    case 'number':
      return value.type;
    case 'integer':
      return integerType(value, direction);
    case 'decimal':
      if (direction === 'request') return 'string | number';
      return value.representation === 'number' ? 'number' : 'string';
    case 'enum':
      return (value.values ?? []).map((one) => JSON.stringify(one)).join(' | ');
    case 'array':
      return arrayOf(itemType(schema, value, direction));
    case 'object':
      return objectType(schema, value.fields ?? [], direction);
    default:
      return 'string';
  }
}

/** Beyond 2^53 an integer comes as a string of digits. */
function integerType(value: ValueSchema, direction: Direction): string {
  const { minimum, maximum, representation } = value;
  if (direction === 'response' && representation === 'number') return 'number';
  const isSafe = Number.isSafeInteger(minimum) && Number.isSafeInteger(maximum);
  return direction === 'response' && isSafe ? 'number' : 'number | string';
}

function arrayOf(item: string): string {
  return item.includes(' | ') ? `readonly (${item})[]` : `readonly ${item}[]`;
}

function itemType(schema: Schema, { items }: ValueSchema, direction: Direction): string {
  if (items === undefined) return 'unknown';
  const type = typeOf(schema, items, direction);
  return items.nullable ? `${type} | null` : type;
}

function objectType(schema: Schema, fields: readonly FieldSchema[], direction: Direction): string {
  const lines = fields.map((field) =>
    direction === 'response'
      ? readField(schema, field, false, false)
      : bodyField(schema, field, field.required),
  );
  return `{ ${lines.map((line) => line.trim().replace(/;$/, '')).join('; ')} }`;
}
