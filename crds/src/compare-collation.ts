// What it means for unique values when texts compare in another way.
import { type FieldSchema, indexName, type ModelSchema } from './schema.ts';

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

/**
 * Whether values of a field were used that must not be taken again. They are kept as hashes of what
 * the collation of their time makes of them: under another one, none would be found.
 */
export function hasUsedValues(old: ModelSchema, next: ModelSchema, field: string): boolean {
  const [before, after] = [old, next].map((model) => foreverOf(model, field));
  return after?.some((name) => before?.includes(name)) === true;
}

function foreverOf({ indexes = [] }: ModelSchema, field: string): string[] {
  const forever = indexes.filter(({ unique }) => unique === 'forever');
  return forever.filter(({ fields }) => fields.includes(field)).map(indexName);
}
