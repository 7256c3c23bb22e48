import type { FieldSchema, JsonValue, ModelSchema, Schema } from '@lithair/crds';
import { filterOperators, type Operator } from '../../query/index.ts';
import { comparedSchema } from './schemas.ts';

type Json = { [key: string]: JsonValue };

/** One JSON value a line. */
export const LINES: Json = {
  'application/x-ndjson': { schema: { type: 'string', description: 'One JSON object a line.' } },
};

export function linesResponse(description: string): Json {
  return { description, content: LINES };
}

/** What a list answers: one page, or all rows as lines. */
export function listResponse(name: string): Json {
  const content = { 'application/json': { schema: listPage(name) }, ...LINES };
  return { description: 'One page', content };
}

function listPage(name: string): Json {
  const page = {
    type: 'object',
    properties: {
      limit: { type: 'integer' },
      next: { type: ['string', 'null'], description: 'Cursor of the next page.' },
      total: { type: 'integer', description: 'With count=true.' },
    },
    required: ['limit', 'next'],
  };
  return {
    type: 'object',
    properties: { data: { type: 'array', items: listItem(name) }, page },
    required: ['data', 'page'],
  };
}

/** With `fields`, a row holds a part of what it otherwise holds. */
function listItem(name: string): Json {
  return { anyOf: [{ $ref: `#/components/schemas/${name}Read` }, { type: 'object' }] };
}

/** What each field can be filtered by. */
export function filterParameters(schema: Schema, model: ModelSchema): Json[] {
  const operators = filterOperators(schema, model);
  return model.fields.flatMap((field) => ofField(schema, field, operators.get(field.name) ?? []));
}

/** One parameter that names the other operators; of a field without equality one for each. */
function ofField(schema: Schema, field: FieldSchema, operators: readonly Operator[]): Json[] {
  const { name } = field;
  if (operators.includes('eq')) {
    const others = operators.filter((operator) => operator !== 'eq').join(', ');
    const description = `Equals. Also ${name}[op] with ${others}.`;
    return [{ ...inQuery(name), description, schema: comparedSchema(schema, field) }];
  }
  return operators.map((operator) => {
    const parameter = inQuery(`${name}[${operator}]`);
    if (operator === 'null') {
      const description = 'Whether there is no value.';
      return { ...parameter, description, schema: { type: 'boolean' } };
    }
    const compared = comparedSchema(schema, field.items ?? field);
    return { ...parameter, description: 'An item of the array.', schema: compared };
  });
}

function inQuery(name: string): Json {
  return { name, in: 'query', required: false };
}

/** A page of a list that is not counted. */
export function pageOf(item: Json): Json {
  const page = {
    type: 'object',
    properties: { limit: { type: 'integer' }, next: { type: ['string', 'null'] } },
    required: ['limit', 'next'],
  };
  return {
    type: 'object',
    properties: { data: { type: 'array', items: item }, page },
    required: ['data', 'page'],
  };
}
