// What it means for the rows that exist when the indexes over several fields change.
import type { IndexSpec } from './resource.ts';
import { indexName, type ModelSchema } from './schema.ts';

export interface IndexChanges {
  readonly changes: readonly string[];
  /** Places among the next indexes whose values rows that exist may share, with words for it. */
  readonly clashes: readonly { readonly at: number; readonly message: string }[];
}

/** Compares the indexes of a model. */
export function compareIndexes(old: ModelSchema, next: ModelSchema): IndexChanges {
  const [before, after] = [old.indexes ?? [], next.indexes ?? []];
  const changes: string[] = [];
  const clashes: { at: number; message: string }[] = [];
  for (const [at, index] of after.entries()) {
    const name = indexName(index);
    const known = before.find((each) => indexName(each) === name);
    if (known === undefined) changes.push(`${next.name}: the index ${name} is new`);
    if (known?.unique === index.unique) continue;
    const message = `${next.name}: ${name} ${wordsFor(index.unique)}`;
    if (isHeld(known, index) || isLackedByAll(old, next, index.fields)) changes.push(message);
    else clashes.push({ at, message });
  }
  for (const index of before) {
    const name = indexName(index);
    if (after.some((each) => indexName(each) === name)) continue;
    changes.push(`${next.name}: the index ${name} is gone`);
  }
  return { changes, clashes };
}

/** Whether rows that exist meet what it asks: nothing, or what was asked before. */
function isHeld(known: IndexSpec | undefined, { unique }: IndexSpec): boolean {
  return unique === undefined || known?.unique !== undefined;
}

function wordsFor(unique: IndexSpec['unique']): string {
  if (unique === undefined) return 'is no longer unique';
  return unique === 'live' ? 'becomes unique' : 'becomes unique forever';
}

/** Rows that lack a value do not count: all that exist lack that of a new field without default. */
function isLackedByAll(old: ModelSchema, next: ModelSchema, names: readonly string[]): boolean {
  return names.some((name) => {
    const isNew = !old.fields.some((field) => field.name === name);
    const field = next.fields.find((candidate) => candidate.name === name);
    return isNew && field?.computed === undefined && (field?.default ?? null) === null;
  });
}
