import type { FieldSchema, ModelSchema } from '@lithair/crds';

/** Which past values of one field are kept. */
interface FieldRule {
  readonly name: string;
  /** Versions that keep their value, the newest counted: 1 is the present value alone. */
  readonly depth: number;
}

/** What is kept of the past of a model's rows, worked out once per schema. */
export interface HistoryRules {
  readonly model: ModelSchema;
  /** Whether actor and old values are recorded. */
  readonly audited: boolean;
  /** In the order of the schema, the primary key included. */
  readonly fields: readonly FieldRule[];
  /** Depth of the field that is kept longest, the primary key apart. */
  readonly depth: number;
}

/** The rules of a model; null where it keeps no history. */
export function historyRules(model: ModelSchema): HistoryRules | null {
  const audited = model.lifecycle?.audited ?? false;
  const declared =
    audited ||
    model.lifecycle?.versioned !== undefined ||
    model.fields.some(({ historize }) => historize !== undefined && historize.mode !== 'never');
  if (!declared) return null;
  const fields = model.fields.map((field) => ({
    name: field.name,
    depth: field.name === model.primaryKey ? Infinity : depthOf(field, model),
  }));
  const others = fields.filter(({ name }) => name !== model.primaryKey);
  return { model, audited, fields, depth: Math.max(1, ...others.map(({ depth }) => depth)) };
}

/** A field's own rule goes before its model's number of versions, and that before auditing. */
function depthOf({ historize }: FieldSchema, { lifecycle }: ModelSchema): number {
  if (historize?.mode === 'full') return Infinity;
  if (historize?.mode === 'versions') return historize.versions ?? 1;
  if (historize?.mode === 'never') return 1;
  return lifecycle?.versioned ?? (lifecycle?.audited ? Infinity : 1);
}
