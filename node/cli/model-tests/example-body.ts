import type { FieldSchema, JsonValue, ModelSchema } from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import { NotDerived } from './model-test.ts';
import { holdsOfNew, rulesOf, searchBody } from './row-search.ts';
import { isFitting, sampleValue } from './sample-values.ts';

/** What must be sent of a new row, with values that fit; null where it must refer to another row. */
export function exampleBody(model: ModelSchema): JsonObject | null {
  const wanted = model.fields.filter((field) => isWanted(model, field));
  const rules = rulesOf(model);
  try {
    const base = Object.fromEntries(wanted.map((field) => [field.name, exampleValue(field)]));
    return searchBody(
      model,
      base,
      rules.flatMap(({ expression }) => [...expression.reads.self]),
      rules.map(({ expression }) => expression.text),
      (row) => rules.every((rule) => holdsOfNew(rule, row)),
    );
  } catch (error) {
    if (error instanceof NotDerived) return null;
    throw error;
  }
}

function isWanted({ primaryKey }: ModelSchema, field: FieldSchema): boolean {
  const isMade = field.computed !== undefined || field.hidden === true;
  if (isMade || field.template !== undefined) return false;
  const isOwnKey = field.name === primaryKey && field.type === 'string';
  return isOwnKey || (field.required && field.states === undefined);
}

const EXAMPLE = 'example';

/** A word where any will do, since people read it. */
function exampleValue(field: FieldSchema): JsonValue {
  if (field.default !== undefined) return field.default;
  const isText = field.type === 'string' || field.type === 'text';
  return isText && isFitting(field, EXAMPLE) ? EXAMPLE : sampleValue(field, 1);
}
