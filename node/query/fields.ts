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
  /** Whether the state can tell of a value that surely no row has it. */
  readonly hasFilter: boolean;
}

/** The fields of a model by name. */
export type QueryFields = ReadonlyMap<string, QueryField>;

/** @param veiled fields of which indexes know more than callers may */
export function compileFields(
  schema: Schema,
  model: ModelSchema,
  veiled: ReadonlySet<string> = new Set(),
): QueryFields {
  const entries = model.fields.map((field): [string, QueryField] => {
    const made = queryField(schema, model, field);
    const bare = { ...made, access: 'none', hasFilter: false } as const;
    return [field.name, veiled.has(field.name) ? bare : made];
  });
  return new Map(entries);
}

function queryField(schema: Schema, model: ModelSchema, field: FieldSchema): QueryField {
  return {
    name: field.name,
    isId: field.name === model.primaryKey,
    field,
    values: targetSchema(schema, field),
    access: accessOf(field),
    hasFilter: field.index === 'bloom',
  };
}

function accessOf(field: FieldSchema): QueryField['access'] {
  if (field.index === 'ordered') return 'ordered';
  if (field.unique) return 'unique';
  return field.index === 'hash' || field.type === 'reference' ? 'equality' : 'none';
}

/** Fields that are without a value to a caller, but in some rows. */
export interface Veil {
  readonly fields: ReadonlySet<string>;
  /** Whether the caller sees them in a row. */
  readonly isLifted: (row: { [name: string]: JsonValue }) => boolean;
}

/** One record under inspection: keys come from the record, other values from its JSON, parsed once. */
export class Row {
  #record: AggregateRecord;
  #isKept = false;
  readonly #indexed: readonly string[];
  readonly #veil: Veil | null;
  #values: { [name: string]: JsonValue } | null = null;
  #isVeiled: boolean | null = null;

  constructor(record: AggregateRecord, reader: ModelReader, veil: Veil | null = null) {
    this.#record = record;
    this.#indexed = reader.indexedFields;
    this.#veil = veil;
  }

  get record(): AggregateRecord {
    return this.#record;
  }

  /** Makes the record one that stays as it is, whatever comes of what it was read from. */
  keep(): void {
    if (this.#isKept) return;
    const { id, version, json, keys } = this.#record;
    this.#record = { id, version, json, keys };
    this.#isKept = true;
  }

  key(field: QueryField): IndexKey {
    if (field.isId) return this.record.id;
    const at = field.access === 'none' ? -1 : this.#indexed.indexOf(field.name);
    const known = at === -1 ? undefined : this.#keyAt(at);
    return known ?? indexKey(field.values, this.value(field));
  }

  #keyAt(at: number): IndexKey | undefined {
    const record = this.#record;
    return record.keyAt === undefined ? record.keys[at] : record.keyAt(at);
  }

  /** As the caller sees it. */
  value(field: QueryField): JsonValue {
    return this.isVeiled(field.name) ? null : (this.values()[field.name] ?? null);
  }

  isVeiled(name: string): boolean {
    if (this.#veil === null || !this.#veil.fields.has(name)) return false;
    this.#isVeiled ??= !this.#veil.isLifted(this.values());
    return this.#isVeiled;
  }

  /** The whole row, whoever sees it. */
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
