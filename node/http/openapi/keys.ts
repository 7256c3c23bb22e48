import { type FieldSchema, keyTemplate } from '@lithair/crds';
import type { JsonSchema } from './schemas.ts';

/** What stands in a URL as one segment, and is no route: as the validation of ids has it. */
const SEGMENT = '^(?!_|[.]{1,2}$)[^/\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]+$';

/**
 * The schema of a key that is a text. What the model says of it beside stands in a schema of its
 * own: one schema has one pattern.
 */
export function keyText(own: JsonSchema): JsonSchema {
  const segment = { pattern: SEGMENT };
  if ('pattern' in own || 'allOf' in own) return { allOf: [own, segment] };
  return { minLength: 1, maxLength: 256, ...own, ...segment };
}

/** Whether the key is given out, so that nobody chooses it. */
export function isGivenOut({ template }: FieldSchema): boolean {
  return template !== undefined && keyTemplate(template).some(({ kind }) => kind === 'sequence');
}

/** In the body of a new row: a key that is given out can only be left out. */
export const GIVEN_OUT: JsonSchema = { type: 'null', description: 'Is given out; leave it out.' };
