import type { FieldSchema, JsonValue, ModelSchema, Schema, ValueSchema } from '@lithair/crds';
import type { AggregateRecord, IndexKey, ModelReader } from '../ports/index.ts';
import { indexKey, targetSchema } from '../values/index.ts';

/** A field as filters and sort terms see it. */
export interface QueryField {
  readonly name: string;
  readonly isId: boolean;
  readonly field: FieldSchema;
  /** Meaning of its values: of a reference, the key that it points to. */
  readonly values: ValueSchema;
  /** What the state can answer without looking at every row. */
  readonly access: 'none' | 'unique' | 'equality' | 'ordered';
}

/** The fields of a model by name. */
export type QueryFields = ReadonlyMap<string, QueryField>;

export function compileFields(schema: Schema, model: ModelSchema): QueryFields {
  return new Map(model.fields.map((field) => [field.name, queryField(schema, model, field)]));
}

function queryField(schema: Schema, model: ModelSchema, field: FieldSchema): QueryField {
  return {
    name: field.name,
    isId: field.name === model.primaryKey,
    field,
    values: targetSchema(schema, field),
    access: accessOf(field),
  };
}

function accessOf(field: FieldSchema): QueryField['access'] {
  if (field.index === 'ordered') return 'ordered';
  if (field.unique) return 'unique';
  return field.index === 'hash' || field.type === 'reference' ? 'equality' : 'none';
}

/** One record under inspection: keys come from the record, other values from its JSON, parsed once. */
export class Row {
  readonly record: AggregateRecord;
  readonly #indexed: readonly string[];
  #values: { [name: string]: JsonValue } | null = null;

  constructor(record: AggregateRecord, reader: ModelReader) {
    this.record = record;
    this.#indexed = reader.indexedFields;
  }

  key(field: QueryField): IndexKey {
    if (field.isId) return this.record.id;
    const at = field.access === 'none' ? -1 : this.#indexed.indexOf(field.name);
    return this.record.keys[at] ?? indexKey(field.values, this.value(field));
  }

  value(field: QueryField): JsonValue {
    return this.values()[field.name] ?? null;
  }

  /** The whole row. */
  values(): { [name: string]: JsonValue } {
    this.#values ??= parseRecord(this.record);
    return this.#values;
  }
}

/** The JSON that the state holds was written by this software, from an object. */
export function parseRecord({ json }: Pick<AggregateRecord, 'json'>): {
  [name: string]: JsonValue;
} {
  return JSON.parse(json);
}
