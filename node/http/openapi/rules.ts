import { compileExpression, type ModelSchema } from '@lithair/crds';
import type { JsonSchema } from './schemas.ts';

/**
 * A body with the rules that it must meet, which JSON Schema has no words for. One that speaks of
 * a field that the caller may not read is not told.
 *
 * @param read the model with the fields that the caller may read
 */
export function withRules(body: JsonSchema, model: ModelSchema, read: ModelSchema): JsonSchema {
  const readable = new Set(read.fields.map(({ name }) => name));
  const told = (model.rules ?? []).filter(({ expr }) => {
    const { reads } = compileExpression(model, expr, ['self', 'old']);
    return [...reads.self, ...reads.old].every((name) => readable.has(name));
  });
  if (told.length === 0) return body;
  return {
    ...body,
    description: told.map(({ message }) => message).join('\n'),
    'x-lithair-rules': told.map(({ expr, message }) => ({ expr, message })),
  };
}
