import type { AuthSchema } from '@lithair/crds';
import { PROBLEMS } from '../problems.ts';
import type { JsonSchema } from './schemas.ts';

type Json = JsonSchema;

/** A list of entity tags, or any (RFC 9110, section 13.1.1). */
const ENTITY_TAGS = '^(\\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$';

const LEVELS = ['strong', 'sequential', 'eventual'];

/** Parameters that operations name. */
export function sharedParameters(): Json {
  const query = (name: string, schema: Json, description: string) => ({
    name,
    in: 'query',
    required: false,
    description,
    schema,
  });
  const header = (name: string, schema: Json, description: string) => ({
    ...query(name, schema, description),
    in: 'header',
  });
  const levels = (name: string, usual: string, from = 0): Json => {
    const level = { type: 'string', enum: LEVELS.slice(from), default: usual };
    return {
      [name]: query('consistency', level, 'How fresh the answer must be.'),
      [`${name}Header`]: header('Lithair-Consistency', level, 'As the parameter consistency.'),
    };
  };
  const text = { type: 'string' };
  const names = { type: 'string', minLength: 1 };
  const tags = { type: 'string', pattern: ENTITY_TAGS, examples: ['"3.1f0kq9"'] };
  return {
    Limit: query('limit', { type: 'integer', minimum: 1, default: 20 }, 'Above 1000 is 1000.'),
    Cursor: query('cursor', text, 'page.next of the page before, with the same sort and filter.'),
    Sort: query('sort', names, 'Field names with commas; - before a name turns its order round.'),
    Fields: query('fields', names, 'Names of the fields to return, with commas.'),
    Or: query('or', names, 'Conditions with commas, of which one must hold: price[lt]=10,stock=0.'),
    Expand: query(
      'expand',
      names,
      'References whose rows are shown, too: customer,customer.region.',
    ),
    Version: query('version', { type: 'integer', minimum: 1 }, 'A version of before.'),
    At: query('at', { type: 'string', format: 'date-time' }, 'The version of that time.'),
    Count: query('count', { type: 'boolean' }, 'Adds page.total.'),
    ...levels('Consistency', 'strong'),
    ...levels('SequentialConsistency', 'sequential'),
    // Nobody knows of all writes: no read is strong.
    ...levels('LocalConsistency', 'eventual', 1),
    MinIndex: header('Lithair-Min-Index', text, 'A Lithair-Index that the answer must include.'),
    IfMatch: header('If-Match', tags, 'ETags of the version to change, or *.'),
    IfNoneMatch: header('If-None-Match', tags, 'ETags that are known.'),
    IfNoneMatchAny: header('If-None-Match', { type: 'string', enum: ['*'] }, 'Creates.'),
    IdempotencyKey: header(
      'Idempotency-Key',
      { type: 'string', minLength: 1, maxLength: 255, pattern: '^[ -~]+$' },
      'Makes a retry of the same write harmless.',
    ),
  };
}

/** Headers of answers. */
export function sharedHeaders(): Json {
  return {
    ETag: headerOf('"<version>.<hash>", for If-Match and If-None-Match.'),
    'Lithair-Version': headerOf('Version of the aggregate.'),
    'Lithair-Index': headerOf('Opaque; send it back as Lithair-Min-Index.'),
    'Lithair-Durability': headerOf('Of a write that a majority may not have yet: how far it got.'),
    Location: headerOf('Path of the new aggregate.'),
    traceparent: headerOf('W3C Trace Context, where the request is recorded.'),
  };
}

function headerOf(description: string): Json {
  return { description, schema: { type: 'string' } };
}

/** One response for each status of a problem. */
export function sharedResponses(): Json {
  const statuses = [...new Set(Object.values(PROBLEMS).map((kind) => kind.status))];
  return Object.fromEntries(
    statuses.map((status) => [`Problem${status}`, problemResponse(status)]),
  );
}

function problemResponse(status: number): Json {
  const codes = Object.entries(PROBLEMS).flatMap(([code, kind]) =>
    kind.status === status ? [code] : [],
  );
  return {
    description: `One of: ${codes.join(', ')}`,
    headers: { traceparent: { $ref: '#/components/headers/traceparent' } },
    content: { 'application/problem+json': { schema: schemaRef('Problem') } },
  };
}

/** The body of a problem (RFC 9457). */
export function problemSchema(): Json {
  const text = { type: 'string' };
  const error = {
    type: 'object',
    properties: { pointer: text, parameter: text, code: text, message: text },
    required: ['pointer', 'code', 'message'],
  };
  return {
    type: 'object',
    properties: {
      type: text,
      title: text,
      status: { type: 'integer' },
      detail: text,
      code: { type: 'string', enum: Object.keys(PROBLEMS) },
      errors: { type: 'array', items: error },
      trace_id: { type: 'string', pattern: '^[0-9a-f]{32}$' },
    },
    required: ['type', 'title', 'status', 'detail', 'code'],
  };
}

/** How callers prove who they are (https://spec.openapis.org/oas/v3.1.1.html#security-scheme-object). */
export function securitySchemes({ apiKeys, jwt }: AuthSchema): Json {
  return {
    ...(apiKeys && { apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' } }),
    bearer: { type: 'http', scheme: 'bearer', ...(jwt && { bearerFormat: 'JWT' }) },
  };
}

/** Any of the schemes, or none: what everybody may do needs no credentials. */
export function securityRequirements(schemes: Json): Json[] {
  return [{}, ...Object.keys(schemes).map((name) => ({ [name]: [] }))];
}

function schemaRef(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}
