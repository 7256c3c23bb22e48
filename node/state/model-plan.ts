import {
  compileExpression,
  computedBy,
  type FieldSchema,
  type IndexSpec,
  indexName,
  type ModelSchema,
  type OnDelete,
  type Schema,
} from '@lithair/crds';
import type { IndexKey, JsonObject } from '../ports/index.ts';
import { compositeKey, hasNullPart, indexKey, NULL_KEY } from '../values/index.ts';

/** What records carry a key for: a field, or several fields together. */
export interface PlannedIndex {
  /** That of the field; see `indexName` for those of several. */
  readonly name: string;
  readonly fields: readonly FieldSchema[];
  /** Place of its key in `AggregateRecord.keys`. */
  readonly position: number;
  readonly isOrdered: boolean;
  /** Whether no two rows have the same key; see {@link isShareable}. */
  readonly isUnique: boolean;
  /** Whether no row has a key that another one had before. */
  readonly isForever: boolean;
  /** Whether its keys are of several fields, or of a part of the rows. */
  readonly isComposite: boolean;
  /** Whether rows are left out of it, for which its key is null. */
  readonly isPartial: boolean;
  /** Whether it only tells which keys no row has. */
  readonly isBloom: boolean;
  /** How its keys come about: those of an earlier schema are of use as long as this is the same. */
  readonly ways: string;
  /** The model that a reference points to; null for other fields. */
  readonly target: string | null;
  /** The key of a complete row. */
  readonly keyOf: (row: JsonObject) => IndexKey;
}

/** A reference field, seen from the model that it points to. */
export interface Referrer {
  readonly model: string;
  readonly field: string;
  readonly position: number;
  readonly onDelete: OnDelete;
}

/** What the schema of a model means for its rows, worked out once per schema. */
export interface ModelPlan {
  readonly schema: ModelSchema;
  /** Of single fields, in the order of the schema, then of several. */
  readonly indexed: readonly PlannedIndex[];
  readonly unique: readonly PlannedIndex[];
  /** Those of the unique ones whose values are never taken again. */
  readonly forever: readonly PlannedIndex[];
  readonly references: readonly (PlannedIndex & { readonly target: string })[];
  /** Reference fields of all models that point here. */
  readonly referrers: readonly Referrer[];
}

/** Plans by model name, in the order of the schema. */
export function planModels(schema: Schema): ReadonlyMap<string, ModelPlan> {
  const indexed = new Map(schema.models.map((model) => [model.name, indexesOf(model)]));
  return new Map(schema.models.map((model) => [model.name, planModel(model, indexed)]));
}

/** Whether any number of rows may have a key of a unique index: one that lacks a value. */
export function isShareable({ isComposite }: PlannedIndex, key: IndexKey): boolean {
  return key === NULL_KEY || (isComposite && hasNullPart(key));
}

function indexesOf(model: ModelSchema): PlannedIndex[] {
  const fields = model.fields.filter((field) => field.name !== model.primaryKey && needsKey(field));
  const several = model.indexes ?? [];
  return [
    ...fields.map((field, position) => fieldIndex(model, field, position)),
    ...several.map((index, at) => compositeIndex(model, index, fields.length + at)),
  ];
}

function fieldIndex(model: ModelSchema, field: FieldSchema, position: number): PlannedIndex {
  const { name } = field;
  return {
    name,
    fields: [field],
    position,
    isOrdered: field.index === 'ordered',
    isUnique: field.unique,
    isForever: false,
    isComposite: false,
    isPartial: false,
    isBloom: field.index === 'bloom',
    ways: waysOf(model, [field]),
    target: field.type === 'reference' ? (field.to ?? null) : null,
    keyOf: (row) => indexKey(field, row[name] ?? null),
  };
}

function compositeIndex(model: ModelSchema, index: IndexSpec, position: number): PlannedIndex {
  const fields = index.fields.map((name) => fieldOf(model, name));
  const isIn = conditionOf(model, index);
  return {
    name: indexName(index),
    fields,
    position,
    isOrdered: true,
    isUnique: index.unique !== undefined,
    isForever: index.unique === 'forever',
    isComposite: true,
    isPartial: index.where !== undefined,
    isBloom: false,
    ways: waysOf(model, fields, index.where),
    target: null,
    keyOf: (row) =>
      isIn(row) ? compositeKey(fields.map((field) => partOf(field, row))) : NULL_KEY,
  };
}

function partOf(field: FieldSchema, row: JsonObject): IndexKey {
  return indexKey(field, row[field.name] ?? null);
}

/** Which rows are in an index. */
function conditionOf(model: ModelSchema, { where }: IndexSpec): (row: JsonObject) => boolean {
  if (where === undefined) return () => true;
  const condition = compileExpression(model, where, ['self']);
  return (self) => condition.holds({ self });
}

/** How the values of fields are made, how their texts compare, and which rows count. */
function waysOf(model: ModelSchema, fields: readonly FieldSchema[], where?: string): string {
  const read = where === undefined ? [] : compileExpression(model, where, ['self']).reads.self;
  const made = [...read].sort().map((name) => computedBy(model, name));
  return JSON.stringify([
    fields.map(({ name, collation }) => [collation, computedBy(model, name)]),
    made,
  ]);
}

function fieldOf(model: ModelSchema, name: string): FieldSchema {
  const field = model.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new TypeError(`${model.name} has no field ${name}`);
  return field;
}

function needsKey(field: FieldSchema): boolean {
  return field.unique || field.index !== 'none' || field.type === 'reference';
}

function planModel(
  schema: ModelSchema,
  indexedOf: ReadonlyMap<string, readonly PlannedIndex[]>,
): ModelPlan {
  const indexed = indexedOf.get(schema.name) ?? [];
  const referrers = [...indexedOf].flatMap(([model, fields]) =>
    fields
      .filter((candidate) => candidate.target === schema.name)
      .map(({ name, position, fields: [field] }) => ({
        model,
        field: name,
        position,
        onDelete: field?.onDelete ?? 'restrict',
      })),
  );
  return {
    schema,
    indexed,
    unique: indexed.filter(({ isUnique }) => isUnique),
    forever: indexed.filter(({ isForever }) => isForever),
    references: indexed.flatMap((candidate) => {
      const { target } = candidate;
      return target === null ? [] : [{ ...candidate, target }];
    }),
    referrers,
  };
}
