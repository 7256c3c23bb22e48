import type { JsonValue, ModelSchema, Schema } from '@lithair/crds';
import { OPERATORS } from '../../query/index.ts';
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

/** A parameter for each field that can be filtered by. */
export function filterParameters(schema: Schema, model: ModelSchema): Json[] {
  const filterable = model.fields.filter(({ type }) => type !== 'array' && type !== 'object');
  return filterable.map((field) => ({
    name: field.name,
    in: 'query',
    required: false,
    description: `Equals. Also ${field.name}[op] with ${OPERATORS.join(', ')}.`,
    schema: comparedSchema(schema, field),
  }));
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
