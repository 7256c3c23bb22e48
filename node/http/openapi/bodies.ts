import type { JsonValue } from '@lithair/crds';
import { LINES } from './lists.ts';

type Json = { [key: string]: JsonValue };

/** An array, all or nothing; or lines, each a write of its own. */
export function bulkRequest(item: string): Json {
  const array = jsonContent(bulkBody(item));
  return { required: true, content: { ...array, ...LINES } };
}

function bulkBody(item: string): Json {
  return { type: 'array', items: schemaRef(item), minItems: 1, maxItems: 1000 };
}

export function bulkResponse(answered: string): Json {
  const data = { type: 'array', items: schemaRef(answered) };
  return {
    description: 'Created, in order',
    content: jsonContent({ type: 'object', properties: { data }, required: ['data'] }),
  };
}

export function jsonBody(schema: Json): Json {
  return { required: true, content: jsonContent(schema) };
}

/** Both media types; `application/json` is a merge patch, too. */
export function patchBody(name: string): Json {
  const merge = { schema: schemaRef(`${name}Patch`) };
  return {
    required: true,
    content: {
      'application/merge-patch+json': merge,
      'application/json': merge,
      'application/json-patch+json': { schema: schemaRef('JsonPatch') },
    },
  };
}

export function jsonContent(schema: Json): Json {
  return { 'application/json': { schema } };
}

export function schemaRef(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}
