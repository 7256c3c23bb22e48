import { durationMs, type JsonValue, type ModelSchema } from '@lithair/crds';

type Row = { readonly [name: string]: JsonValue };

/** When rows of a model go by themselves. */
export interface Expiry {
  /** A datetime with an ordered index. */
  readonly field: string;
  /** How long after the time in it. */
  readonly afterMs: number;
}

const known = new WeakMap<ModelSchema, Expiry | null>();

/** Null where rows stay until somebody deletes them. */
export function expiryOf(model: ModelSchema): Expiry | null {
  const found = known.get(model);
  if (found !== undefined) return found;
  const { ttl } = model.lifecycle ?? {};
  const made =
    ttl === undefined ? null : { field: ttl.field, afterMs: durationMs(ttl.after ?? '0s') };
  known.set(model, made);
  return made;
}

/** Whether the time of a row has come. One without a time stays. */
export function isExpired({ field, afterMs }: Expiry, row: Row, nowMs: number): boolean {
  const time = row[field];
  return typeof time === 'string' && Date.parse(time) + afterMs <= nowMs;
}
