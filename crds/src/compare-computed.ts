// What it means for the rows that exist when it changes how fields are computed.
import { computedBy } from './computed.ts';
import { compileExpression } from './expression/index.ts';
import type { IndexSpec } from './resource.ts';
import type { ModelSchema } from './schema.ts';

export interface ComputedChanges {
  readonly changes: readonly string[];
  /** Places among the next fields whose values in rows that exist would be lost or could clash. */
  readonly breaks: readonly { readonly at: number; readonly message: string }[];
}

/**
 * Compares the computed fields of a model. One that is new, or computed in another way, is computed
 * of the rows that exist; what was sent is not thrown away, and unique values stay unique.
 */
export function compareComputed(old: ModelSchema, next: ModelSchema): ComputedChanges {
  const changes: string[] = [];
  const breaks: { at: number; message: string }[] = [];
  for (const [at, { name }] of next.fields.entries()) {
    const before = old.fields.find((field) => field.name === name);
    const [was, is] = [before === undefined ? '' : computedBy(old, name), computedBy(next, name)];
    if (was === is) continue;
    const isUnique = hasUnique(next, name);
    const message = wordsFor(`${next.name}.${name}`, before !== undefined, was, is);
    const isLost = before !== undefined && was === '';
    if (isLost || (is !== '' && isUnique)) {
      breaks.push({ at, message: isLost ? message : `${message}, and unique values depend on it` });
    } else if (before !== undefined) changes.push(message);
  }
  return { changes, breaks };
}

function wordsFor(field: string, isThere: boolean, was: string, is: string): string {
  if (!isThere) return `${field} is new and computed of rows that exist`;
  if (is === '') return `${field} is no longer computed: rows keep its values`;
  if (was !== '') return `${field} is computed in another way`;
  return `${field} becomes computed, and what was sent of it would be lost`;
}

/** Whether what it is decides which rows must differ: as a value of theirs, or as one that they count by. */
function hasUnique(model: ModelSchema, name: string): boolean {
  const field = model.fields.find((candidate) => candidate.name === name);
  const isPart = (model.indexes ?? []).some(
    (index) => index.unique && (index.fields.includes(name) || isCountedBy(model, index, name)),
  );
  return field?.unique === true || isPart;
}

function isCountedBy(model: ModelSchema, { where }: IndexSpec, name: string): boolean {
  return where !== undefined && compileExpression(model, where, ['self']).reads.self.has(name);
}
