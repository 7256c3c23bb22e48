import type { FieldSchema, JsonValue, ModelSchema, Schema } from '@lithair/crds';
import { historyRules } from '../../history/index.ts';
import { OPERATORS } from '../../query/index.ts';
import { PROBLEMS } from '../problems.ts';
import { pastSchemas } from './past-schemas.ts';
import {
  createSchema,
  type JsonSchema,
  jsonPatchSchema,
  patchSchema,
  readSchema,
  replaceSchema,
  valueSchema,
} from './schemas.ts';

type Json = { [key: string]: JsonValue };

/** The OpenAPI 3.1 document of a schema (https://spec.openapis.org/oas/v3.1.1.html). */
export function openApiDocument(schema: Schema, schemaVersion: number, version: string): Json {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Lithair API',
      version: `${version}+schema.${schemaVersion}`,
      description: 'Generated from the declared models.',
    },
    paths: Object.assign({}, ...schema.models.map((model) => modelPaths(schema, model))),
    components: {
      schemas: { ...modelSchemas(schema), JsonPatch: jsonPatchSchema(), Problem: problemSchema() },
      parameters: sharedParameters(),
      headers: sharedHeaders(),
      responses: sharedResponses(),
    },
  };
}

function modelSchemas(schema: Schema): Json {
  const entries = schema.models.flatMap((model): [string, JsonSchema][] => [
    [`${model.name}Read`, readSchema(schema, model)],
    [`${model.name}Create`, createSchema(schema, model)],
    [`${model.name}Replace`, replaceSchema(schema, model)],
    [`${model.name}Patch`, patchSchema(schema, model)],
    ...Object.entries(pastSchemas(schema, model)),
  ]);
  return Object.fromEntries(entries);
}

function modelPaths(schema: Schema, model: ModelSchema): Json {
  const { name, path } = model;
  return {
    [path]: {
      // For tools that must know what a path serves, such as `lithair import`.
      'x-lithair-model': name,
      'x-lithair-primary-key': model.primaryKey,
      get: listOperation(schema, model),
      post: operation(`create${name}`, `Create a ${name}`, name, {
        parameters: [parameterRef('IdempotencyKey')],
        requestBody: jsonBody(schemaRef(`${name}Create`)),
        responses: responses({ 201: aggregateResponse(name, 'Created', true) }, WRITE_ERRORS),
      }),
    },
    [`${path}/_bulk`]: {
      post: operation(`create${name}Bulk`, `Create many, all or nothing`, name, {
        parameters: [parameterRef('IdempotencyKey')],
        requestBody: jsonBody(bulkBody(`${name}Create`)),
        responses: responses({ 201: bulkResponse(name) }, WRITE_ERRORS),
      }),
    },
    [`${path}/{id}`]: itemPath(schema, model),
    ...(historyRules(model) && historyPaths(schema, model)),
  };
}

function itemPath(schema: Schema, model: ModelSchema): Json {
  const { name } = model;
  const keepsHistory = historyRules(model) !== null;
  const past = keepsHistory ? ['Version', 'At'].map(parameterRef) : [];
  const conditional = [parameterRef('IdempotencyKey'), parameterRef('IfMatch')];
  return {
    parameters: [idParameter(schema, model)],
    get: operation(`read${name}`, `Read a ${name}`, name, {
      parameters: [...freshness(), parameterRef('IfNoneMatch'), parameterRef('Fields'), ...past],
      responses: responses(
        {
          200: keepsHistory
            ? versionResponse(name)
            : aggregateResponse(name, 'The aggregate', false),
          304: { description: 'Unchanged' },
        },
        [400, 404, 406, ...(keepsHistory ? [410] : []), 412, 503],
      ),
    }),
    put: operation(`replace${name}`, `Replace a ${name}`, name, {
      parameters: [...conditional, parameterRef('IfNoneMatch')],
      requestBody: jsonBody(schemaRef(`${name}Replace`)),
      responses: responses(
        {
          200: aggregateResponse(name, 'Replaced', false),
          201: aggregateResponse(name, 'Created, by If-None-Match: *', true),
        },
        [...WRITE_ERRORS, 404, 412],
      ),
    }),
    patch: operation(`patch${name}`, `Change a part of a ${name}`, name, {
      parameters: conditional,
      requestBody: patchBody(name),
      responses: responses({ 200: aggregateResponse(name, 'Changed', false) }, [
        ...WRITE_ERRORS,
        404,
        412,
      ]),
    }),
    delete: operation(`delete${name}`, `Delete a ${name}`, name, {
      parameters: conditional,
      responses: responses(
        { 204: { description: 'Deleted' } },
        [400, 404, 406, 409, 412, 422, 503, 504, 507],
      ),
    }),
  };
}

const WRITE_ERRORS = [400, 406, 409, 413, 415, 422, 503, 504, 507];

function listOperation(schema: Schema, model: ModelSchema): Json {
  const { name } = model;
  const page = {
    type: 'object',
    properties: {
      limit: { type: 'integer' },
      next: { type: ['string', 'null'], description: 'Cursor of the next page.' },
      total: { type: 'integer', description: 'With count=true.' },
    },
    required: ['limit', 'next'],
  };
  const shared = ['Limit', 'Cursor', 'Sort', 'Fields', 'Count'].map(parameterRef);
  return operation(`list${name}`, `List ${name}`, name, {
    parameters: [...freshness(), ...shared, ...filterParameters(schema, model)],
    responses: responses(
      {
        200: {
          description: 'One page',
          content: jsonContent({
            type: 'object',
            properties: { data: { type: 'array', items: listItem(name) }, page },
            required: ['data', 'page'],
          }),
        },
      },
      [400, 406, 503],
    ),
  });
}

/** With `fields`, a row holds a part of what it otherwise holds. */
function listItem(name: string): Json {
  return { anyOf: [schemaRef(`${name}Read`), { type: 'object' }] };
}

function filterParameters(schema: Schema, model: ModelSchema): Json[] {
  const filterable = model.fields.filter(({ type }) => type !== 'array' && type !== 'object');
  return filterable.map((field) => ({
    name: field.name,
    in: 'query',
    required: false,
    description: `Equals. Also ${field.name}[op] with ${OPERATORS.join(', ')}.`,
    schema: valueSchema(schema, field, 'request'),
  }));
}

/** A version of before holds the values that are kept of it. */
function versionResponse(name: string): Json {
  const response = aggregateResponse(name, 'The aggregate, or what is kept of a version', false);
  const either = { anyOf: [schemaRef(`${name}Read`), schemaRef(`${name}Kept`)] };
  return { ...response, content: jsonContent(either) };
}

function historyPaths(schema: Schema, model: ModelSchema): Json {
  const { name, path } = model;
  const pages = (what: string, summary: string) => ({
    parameters: [idParameter(schema, model)],
    get: operation(`${what}${name}`, summary, name, {
      parameters: [...freshness(), ...['Limit', 'Cursor'].map(parameterRef)],
      responses: responses(
        {
          200: {
            description: 'One page, newest first',
            content: jsonContent(
              pageOf(schemaRef(`${name}${what === 'history' ? 'Version' : 'Event'}`)),
            ),
          },
        },
        [400, 404, 406, 503],
      ),
    }),
  });
  return {
    [`${path}/{id}/history`]: pages('history', `Versions of a ${name}`),
    [`${path}/{id}/events`]: pages('events', `Events of a ${name}`),
  };
}

function pageOf(item: Json): Json {
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

function idParameter(schema: Schema, model: ModelSchema): Json {
  const isKey = (field: FieldSchema) => field.name === model.primaryKey;
  const key = model.fields.find(isKey);
  const described = key === undefined ? { type: 'string' } : valueSchema(schema, key, 'request');
  return { name: 'id', in: 'path', required: true, schema: described };
}

function operation(operationId: string, summary: string, tag: string, rest: Json): Json {
  return { operationId, summary, tags: [tag], ...rest };
}

function responses(good: Json, statuses: readonly number[]): Json {
  const problems = [...new Set(statuses)].map((status) => [
    String(status),
    { $ref: `#/components/responses/Problem${status}` },
  ]);
  return { ...good, ...Object.fromEntries(problems) };
}

function aggregateResponse(name: string, description: string, isNew: boolean): Json {
  const headers = ['ETag', 'Lithair-Version', 'Lithair-Index', ...(isNew ? ['Location'] : [])];
  return {
    description,
    headers: Object.fromEntries(
      headers.map((header) => [header, { $ref: `#/components/headers/${header}` }]),
    ),
    content: jsonContent(schemaRef(`${name}Read`)),
  };
}

function bulkBody(item: string): Json {
  return { type: 'array', items: schemaRef(item), minItems: 1, maxItems: 1000 };
}

function bulkResponse(name: string): Json {
  const data = { type: 'array', items: schemaRef(`${name}Read`) };
  return {
    description: 'Created, in order',
    content: jsonContent({ type: 'object', properties: { data }, required: ['data'] }),
  };
}

function sharedParameters(): Json {
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
  const level = { type: 'string', enum: ['strong', 'sequential', 'eventual'], default: 'strong' };
  const text = { type: 'string' };
  return {
    Limit: query('limit', { type: 'integer', minimum: 1, default: 20 }, 'Above 1000 is 1000.'),
    Cursor: query('cursor', text, 'page.next of the page before, with the same sort and filter.'),
    Sort: query('sort', text, 'Field names with commas; - before a name turns its order round.'),
    Fields: query('fields', text, 'Names of the fields to return, with commas.'),
    Version: query('version', { type: 'integer', minimum: 1 }, 'A version of before.'),
    At: query('at', { type: 'string', format: 'date-time' }, 'The version of that time.'),
    Count: query('count', { type: 'boolean' }, 'Adds page.total.'),
    Consistency: query('consistency', level, 'How fresh the answer must be.'),
    ConsistencyHeader: header('Lithair-Consistency', level, 'As the parameter consistency.'),
    MinIndex: header('Lithair-Min-Index', text, 'A Lithair-Index that the answer must include.'),
    IfMatch: header('If-Match', text, 'ETags of the version to change, or *.'),
    IfNoneMatch: header('If-None-Match', text, 'ETags that are known; * with PUT creates.'),
    IdempotencyKey: header(
      'Idempotency-Key',
      { type: 'string', minLength: 1, maxLength: 255, pattern: '^[ -~]+$' },
      'Makes a retry of the same write harmless.',
    ),
  };
}

function freshness(): Json[] {
  return ['Consistency', 'ConsistencyHeader', 'MinIndex'].map(parameterRef);
}

function sharedHeaders(): Json {
  return {
    ETag: headerOf('"<version>.<hash>", for If-Match and If-None-Match.'),
    'Lithair-Version': headerOf('Version of the aggregate.'),
    'Lithair-Index': headerOf('Opaque; send it back as Lithair-Min-Index.'),
    Location: headerOf('Path of the new aggregate.'),
  };
}

function headerOf(description: string): Json {
  return { description, schema: { type: 'string' } };
}

function sharedResponses(): Json {
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
    content: { 'application/problem+json': { schema: schemaRef('Problem') } },
  };
}

function problemSchema(): Json {
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
    },
    required: ['type', 'title', 'status', 'detail', 'code'],
  };
}

function jsonBody(schema: Json): Json {
  return { required: true, content: jsonContent(schema) };
}

/** Both media types; `application/json` is a merge patch, too. */
function patchBody(name: string): Json {
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

function jsonContent(schema: Json): Json {
  return { 'application/json': { schema } };
}

function schemaRef(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

function parameterRef(name: string): Json {
  return { $ref: `#/components/parameters/${name}` };
}
