// What rows are within expressions: a type for each model and each object inside it, and the way
// from stored JSON to its values.
import type { Environment } from '@marcbachmann/cel-js';
import type { FieldType, JsonValue } from '../resource.ts';
import { Decimal } from './decimal.ts';

/** A field as far as expressions care; what is authored and what is compiled have this shape. */
export interface TypedValue {
  readonly type: FieldType;
  readonly items?: TypedValue;
  readonly maxItems?: number;
  readonly fields?: readonly TypedField[];
}

export interface TypedField extends TypedValue {
  readonly name: string;
  /** Rows hold no value of it that an expression could read. */
  readonly encrypted?: boolean;
}

/** A row as the API stores it. */
export type StoredRow = { readonly [field: string]: JsonValue };

type FromJson = (value: JsonValue) => unknown;

/** Makes the value of a type from a stored row; only these fields are looked at. */
export type RowMaker = (row: StoredRow) => object;

const TIMESTAMP = 'google.protobuf.Timestamp';

const SCALARS: Readonly<Record<Exclude<FieldType, 'array' | 'object'>, string>> = {
  string: 'string',
  text: 'string',
  uuid: 'string',
  enum: 'string',
  reference: 'string',
  integer: 'int',
  number: 'double',
  decimal: 'decimal',
  boolean: 'bool',
  date: TIMESTAMP,
  datetime: TIMESTAMP,
};

/** What a field of a type is within expressions; undefined for one that holds others. */
export function scalarType(type: FieldType): string | undefined {
  return type === 'array' || type === 'object' ? undefined : SCALARS[type];
}

/** The types of one model, registered with an environment. */
export class RowType {
  readonly #fields: readonly TypedField[];
  readonly #class: RecordClass;
  readonly #makers: ReadonlyMap<string, FromJson>;

  constructor(environment: Environment, name: string, fields: readonly TypedField[]) {
    this.#fields = fields;
    const { made, makers } = registerRecord(environment, name, fields);
    this.#class = made;
    this.#makers = makers;
  }

  /** The field of the model that has this name. */
  field(name: string): TypedField | undefined {
    return this.#fields.find((field) => field.name === name);
  }

  /** A maker that converts these fields alone. */
  maker(names: ReadonlySet<string>): RowMaker {
    const makers = [...this.#makers].filter(([name]) => names.has(name));
    return (row) => new this.#class(valuesOf(makers, row));
  }
}

function registerRecord(
  environment: Environment,
  name: string,
  fields: readonly TypedField[],
): { made: RecordClass; makers: Map<string, FromJson> } {
  const made = recordClass();
  const typed = fields.map(
    (field, at) =>
      [field.name, registerValue(environment, `${name}_${at}_${field.name}`, field)] as const,
  );
  const types = typed.map(([field, { type }]) => [field, type]);
  environment.registerType(name, { ctor: made, fields: Object.fromEntries(types) });
  return { made, makers: new Map(typed.map(([field, { fromJson }]) => [field, fromJson])) };
}

function registerValue(
  environment: Environment,
  name: string,
  value: TypedValue,
): { type: string; fromJson: FromJson } {
  if (value.type === 'array') {
    if (value.items === undefined) return { type: 'list<string>', fromJson: (json) => json };
    const item = registerValue(environment, name, value.items);
    const fromJson = (json: JsonValue) => (Array.isArray(json) ? json.map(item.fromJson) : null);
    return { type: `list<${item.type}>`, fromJson };
  }
  if (value.type === 'object') {
    const { made, makers } = registerRecord(environment, name, value.fields ?? []);
    const members = [...makers];
    return {
      type: name,
      fromJson: (json) => (isRow(json) ? new made(valuesOf(members, json)) : null),
    };
  }
  return { type: SCALARS[value.type], fromJson: FROM_JSON[value.type] ?? ((json) => json) };
}

/** A field without a value is not there, so that `has` tells. */
function valuesOf(makers: readonly (readonly [string, FromJson])[], row: StoredRow): object {
  const values: { [field: string]: unknown } = {};
  for (const [name, fromJson] of makers) {
    const value = row[name] ?? null;
    if (value !== null) values[name] = fromJson(value);
  }
  return values;
}

type RecordClass = new (values: object) => object;

/** Types are told apart by their classes, so each has its own. */
function recordClass(): RecordClass {
  return class extends Object {
    constructor(values: object) {
      super();
      Object.assign(this, values);
    }
  };
}

/** Types whose values are not what JSON holds. */
const FROM_JSON: Partial<Record<FieldType, FromJson>> = {
  integer: (json) => (isNumeric(json) ? BigInt(json) : null),
  number: (json) => Number(json),
  decimal: (json) => new Decimal(textOf(json)),
  date: (json) => new Date(textOf(json)),
  datetime: (json) => new Date(textOf(json)),
};

function textOf(json: JsonValue): string {
  return isNumeric(json) ? String(json) : '';
}

function isNumeric(json: JsonValue): json is number | string {
  return typeof json === 'number' || typeof json === 'string';
}

function isRow(json: JsonValue): json is { [key: string]: JsonValue } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
