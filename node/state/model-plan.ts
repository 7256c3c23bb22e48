import type { FieldSchema, ModelSchema, Schema } from '@lithair/crds';

/** A field that records carry a key for. */
export interface IndexedField {
  readonly field: FieldSchema;
  /** Place of its key in `AggregateRecord.keys`. */
  readonly position: number;
  readonly isOrdered: boolean;
  /** The model that a reference points to; null for other fields. */
  readonly target: string | null;
}

/** A reference field, seen from the model that it points to. */
export interface Referrer {
  readonly model: string;
  readonly field: string;
  readonly position: number;
}

/** What the schema of a model means for its rows, worked out once per schema. */
export interface ModelPlan {
  readonly schema: ModelSchema;
  readonly indexed: readonly IndexedField[];
  readonly unique: readonly IndexedField[];
  readonly references: readonly (IndexedField & { readonly target: string })[];
  /** Reference fields of all models that point here. */
  readonly referrers: readonly Referrer[];
}

/** Plans by model name, in the order of the schema. */
export function planModels(schema: Schema): ReadonlyMap<string, ModelPlan> {
  const indexed = new Map(schema.models.map((model) => [model.name, indexedFields(model)]));
  return new Map(schema.models.map((model) => [model.name, planModel(model, indexed)]));
}

function indexedFields(model: ModelSchema): IndexedField[] {
  return model.fields
    .filter((field) => field.name !== model.primaryKey && needsKey(field))
    .map((field, position) => ({
      field,
      position,
      isOrdered: field.index === 'ordered',
      target: field.type === 'reference' ? (field.to ?? null) : null,
    }));
}

function needsKey(field: FieldSchema): boolean {
  return field.unique || field.index !== 'none' || field.type === 'reference';
}

function planModel(
  schema: ModelSchema,
  indexedOf: ReadonlyMap<string, readonly IndexedField[]>,
): ModelPlan {
  const indexed = indexedOf.get(schema.name) ?? [];
  const referrers = [...indexedOf].flatMap(([model, fields]) =>
    fields
      .filter((candidate) => candidate.target === schema.name)
      .map(({ field, position }) => ({ model, field: field.name, position })),
  );
  return {
    schema,
    indexed,
    unique: indexed.filter(({ field }) => field.unique),
    references: indexed.flatMap((candidate) => {
      const { target } = candidate;
      return target === null ? [] : [{ ...candidate, target }];
    }),
    referrers,
  };
}
