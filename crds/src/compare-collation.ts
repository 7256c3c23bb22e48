// What it means for unique values when texts compare in another way.
import type { FieldSchema, ModelSchema } from './schema.ts';

/** From the way that tells most texts apart to the one that tells fewest. */
const ORDER = [undefined, 'ci', 'ci-ai'];

/** Whether texts that were different may be the same from now on, where they must not be. */
export function mayClash(old: FieldSchema, next: FieldSchema, model: ModelSchema): boolean {
  if (ORDER.indexOf(next.collation) <= ORDER.indexOf(old.collation)) return false;
  const indexes = model.indexes ?? [];
  return (
    next.unique ||
    indexes.some(({ unique, fields }) => unique !== undefined && fields.includes(next.name))
  );
}
