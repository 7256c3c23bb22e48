import {
  type FieldSchema,
  type HttpMethod,
  type JsonValue,
  METHODS,
  type ModelSchema,
  type RelatedRows,
  relatedRows,
  type Schema,
} from '@lithair/crds';
import { type ModelRights, visibleModel } from '../../access/index.ts';
import type { HistoryRules } from '../../history/index.ts';
import {
  bulkRequest,
  bulkResponse,
  jsonBody,
  jsonContent,
  patchBody,
  schemaRef,
} from './bodies.ts';
import {
  problemSchema,
  securityRequirements,
  securitySchemes,
  sharedHeaders,
  sharedParameters,
  sharedResponses,
} from './components.ts';
import { restorePath } from './deleted.ts';
import { filterParameters, linesResponse, listResponse, pageOf } from './lists.ts';
import { pastSchemas } from './past-schemas.ts';
import { withRules } from './rules.ts';
import {
  createSchema,
  type JsonSchema,
  jsonPatchSchema,
  keySchema,
  largeIntegers,
  patchSchema,
  readSchema,
  replaceSchema,
} from './schemas.ts';
import { withTraces } from './traced.ts';

type Json = { [key: string]: JsonValue };

/** A model as the caller knows it. */
export interface DescribedModel {
  readonly model: ModelSchema;
  readonly rights: ModelRights;
  /** Null where the model keeps no history. */
  readonly history: HistoryRules | null;
}

export interface DocumentVersions {
  readonly schemaVersion: number;
  /** Of the software. */
  readonly version: string;
}

/**
 * The OpenAPI 3.1 document of a schema, with what one caller may use
 * (https://spec.openapis.org/oas/v3.1.1.html).
 */
export function openApiDocument(
  schema: Schema,
  models: readonly DescribedModel[],
  { schemaVersion, version }: DocumentVersions,
): Json {
  const schemes = schema.auth === undefined ? null : securitySchemes(schema.auth);
  const shown = models.map((described) => new Description(schema, described));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Lithair API',
      version: `${version}+schema.${schemaVersion}`,
      description: 'Generated from the declared models.',
    },
    ...(schemes && { security: securityRequirements(schemes) }),
    paths: Object.assign(
      {},
      ...shown.map((model) => model.paths()),
      ...relatedPaths(schema, shown),
      ...restorePaths(shown),
    ),
    components: {
      schemas: Object.assign({}, ...shown.map((model) => model.schemas()), {
        ...largeIntegers(),
        JsonPatch: jsonPatchSchema(),
        Problem: problemSchema(),
      }),
      parameters: sharedParameters(),
      headers: sharedHeaders(),
      responses: sharedResponses(),
      ...(schemes && { securitySchemes: schemes }),
    },
  };
}

/** One model in the words of OpenAPI; operations that the caller may not use are left out. */
class Description {
  readonly #schema: Schema;
  readonly #model: ModelSchema;
  readonly #rights: ModelRights;
  /** Null where there is none that the caller may read. */
  readonly #history: HistoryRules | null;
  readonly #read: ModelSchema;
  readonly #write: ModelSchema;
  readonly #create: ModelSchema;
  /** Statuses that any operation may have. */
  readonly #refusals: readonly number[];

  constructor(schema: Schema, { model, rights, history }: DescribedModel) {
    const { read, write } = visibleModel(model, rights);
    const isSettable = ({ name }: FieldSchema) => !rights.unwritable.has(name);
    this.#schema = schema;
    this.#model = model;
    this.#rights = rights;
    this.#history = rights.may('history') ? history : null;
    this.#read = read;
    this.#write = write;
    const declared = write.fields.filter(isSettable).map((field) => asDeclared(model, field));
    this.#create = { ...write, fields: declared.map(beginning) };
    this.#refusals = schema.auth === undefined ? [431] : [401, 403, 431];
  }

  get name(): string {
    return this.#model.name;
  }

  get deletedOf(): string | undefined {
    return this.#model.deletedOf;
  }

  schemas(): Json {
    const { name } = this.#model;
    const schema = this.#schema;
    const entries: [string, JsonSchema][] = [];
    const offers = (...methods: HttpMethod[]) => methods.some((method) => this.#offers(method));
    if (offers('GET', 'POST', 'PUT', 'PATCH'))
      entries.push([`${name}Read`, readSchema(schema, this.#read, this.#rights.owned.unreadable)]);
    if (this.#answered !== `${name}Read`) {
      const key = this.#read.fields.filter((field) => field.name === this.#read.primaryKey);
      const alone = readSchema(schema, { ...this.#read, fields: key });
      entries.push([this.#answered, { anyOf: [schemaRef(`${name}Read`), alone] }]);
    }
    if (offers('POST')) {
      entries.push([`${name}Create`, this.#ruled(createSchema(schema, this.#create))]);
    }
    if (offers('PUT')) {
      entries.push([`${name}Replace`, this.#ruled(replaceSchema(schema, this.#write))]);
    }
    if (offers('PATCH')) {
      entries.push([`${name}Patch`, this.#ruled(patchSchema(schema, this.#write))]);
    }
    const past = this.#history === null || !offers('GET') ? {} : pastSchemas(schema, this.#history);
    return Object.fromEntries([...entries, ...Object.entries(past)]);
  }

  #ruled(body: JsonSchema): JsonSchema {
    return withRules(body, this.#model, this.#read);
  }

  /** Whether the model has the method, and the caller the right. */
  #offers(method: HttpMethod): boolean {
    const { may } = this.#rights;
    const { methods = METHODS } = this.#model;
    const rights = {
      GET: may('read'),
      POST: may('create'),
      PUT: may('update') || may('create'),
      PATCH: may('update'),
      DELETE: may('delete'),
    };
    return methods.includes(method) && rights[method];
  }

  paths(): Json {
    const { path } = this.#model;
    const routes: [string, Json][] = [
      [path, this.#collection()],
      [`${path}/_bulk`, this.#bulk()],
      [`${path}/{id}`, this.#item()],
    ];
    const used = routes.filter(([, route]) => Object.keys(route).some((key) => IN_PATHS.has(key)));
    const keepsHistory = this.#history !== null && this.#offers('GET');
    const paths = { ...Object.fromEntries(used), ...(keepsHistory && this.#historyPaths()) };
    return this.#traced(paths);
  }

  #traced(paths: Json): Json {
    return this.#model.tracing === undefined ? paths : withTraces(paths);
  }

  #collection(): Json {
    const { name, primaryKey } = this.#model;
    return {
      // For tools that must know what a path serves, such as `lithair import`.
      'x-lithair-model': name,
      'x-lithair-primary-key': primaryKey,
      ...(this.#offers('GET') && { get: this.#list() }),
      ...(this.#offers('POST') && {
        post: operation(`create${name}`, `Create ${one(name)}`, name, {
          parameters: [parameterRef('IdempotencyKey')],
          requestBody: jsonBody(schemaRef(`${name}Create`)),
          responses: this.#responses({ 201: this.#written('Created', true) }, WRITE_ERRORS),
        }),
      }),
    };
  }

  #bulk(): Json {
    const { name } = this.#model;
    if (!this.#offers('POST')) return {};
    return {
      post: operation(`create${name}Bulk`, `Create many, all or nothing`, name, {
        parameters: [parameterRef('IdempotencyKey')],
        requestBody: bulkRequest(`${name}Create`),
        responses: this.#responses(
          { 200: linesResponse('What became of each line'), 201: bulkResponse(this.#answered) },
          WRITE_ERRORS,
        ),
      }),
    };
  }

  #item(): Json {
    return {
      parameters: [idParameter(this.#schema, this.#model)],
      ...(this.#offers('GET') && { get: this.#get() }),
      ...(this.#offers('PUT') && { put: this.#put() }),
      ...(this.#offers('PATCH') && { patch: this.#patch() }),
      ...(this.#offers('DELETE') && { delete: this.#delete() }),
    };
  }

  #get(): Json {
    const { name } = this.#model;
    const keepsHistory = this.#history !== null;
    const past = keepsHistory ? ['Version', 'At'].map(parameterRef) : [];
    const described = keepsHistory
      ? versionResponse(name)
      : aggregateResponse(name, 'The aggregate', false);
    return operation(`read${name}`, `Read ${one(name)}`, name, {
      parameters: [
        ...this.#freshness(),
        parameterRef('IfNoneMatch'),
        parameterRef('Fields'),
        ...this.#expand(),
        ...past,
      ],
      responses: this.#responses({ 200: described, 304: { description: 'Unchanged' } }, [
        400,
        404,
        406,
        ...(keepsHistory ? [410] : []),
        412,
        503,
      ]),
    });
  }

  get #isEventual(): boolean {
    return this.#model.consistency === 'eventual';
  }

  #freshness(): Json[] {
    const level = levelOf(this.#model);
    return [level, `${level}Header`, 'MinIndex'].map(parameterRef);
  }

  /** Who may read some rows only may be unable to read what they wrote: they are told its key. */
  get #answered(): string {
    const isPart = typeof this.#rights.rows('read') !== 'string';
    return `${this.#model.name}${isPart ? 'Written' : 'Read'}`;
  }

  /** What a write of one aggregate answers. */
  #written(description: string, isNew: boolean): Json {
    const { name, durability } = this.#model;
    const response = aggregateResponse(name, description, isNew, this.#answered);
    if (!this.#isEventual && durability === undefined) return response;
    // Not ordered yet, it has no place; with a weaker durability it has one where nothing changed.
    const places = this.#isEventual ? [] : ['Lithair-Version', 'Lithair-Index'];
    const names = ['ETag', 'Lithair-Durability', ...places, ...(isNew ? ['Location'] : [])];
    return { ...response, headers: headersNamed(names) };
  }

  /** What a write may carry: conditions only where they can be kept. */
  #conditional(...more: string[]): Json[] {
    return this.#isEventual
      ? [parameterRef('IdempotencyKey')]
      : ['IdempotencyKey', 'IfMatch', ...more].map(parameterRef);
  }

  #put(): Json {
    const { name } = this.#model;
    return operation(`replace${name}`, `Replace ${one(name)}`, name, {
      parameters: this.#conditional('IfNoneMatchAny'),
      requestBody: jsonBody(schemaRef(`${name}Replace`)),
      responses: this.#responses(
        {
          200: this.#written('Replaced', false),
          ...(!this.#isEventual && {
            201: this.#written('Created, by If-None-Match: *', true),
          }),
        },
        [...WRITE_ERRORS, 404, 412],
      ),
    });
  }

  #patch(): Json {
    const { name } = this.#model;
    return operation(`patch${name}`, `Change a part of ${one(name)}`, name, {
      parameters: this.#conditional(),
      requestBody: patchBody(name),
      responses: this.#responses({ 200: this.#written('Changed', false) }, [
        ...WRITE_ERRORS,
        404,
        412,
      ]),
    });
  }

  #delete(): Json {
    const { name } = this.#model;
    return operation(`delete${name}`, `Delete ${one(name)}`, name, {
      parameters: this.#conditional(),
      responses: this.#responses(
        { 204: { description: 'Deleted' } },
        [400, 404, 406, 409, 412, 422, 503, 504, 507],
      ),
    });
  }

  #list(): Json {
    const { name } = this.#model;
    return operation(`list${name}`, `List ${name}`, name, {
      parameters: this.#listParameters(),
      responses: this.#responses({ 200: listResponse(name) }, [400, 406, 503]),
    });
  }

  #listParameters(): Json[] {
    const names = ['Limit', 'Cursor', 'Sort', 'Fields', 'Count', 'Or'].map(parameterRef);
    const filters = filterParameters(this.#schema, this.#read);
    return [...this.#freshness(), ...names, ...this.#expand(), ...filters];
  }

  #expand(): Json[] {
    return hasReferences(this.#read) ? [parameterRef('Expand')] : [];
  }

  /** The list of these rows below a row that they refer to; none where the caller may not see it. */
  below(parent: Description, { segment, field }: RelatedRows): Json {
    const isSeen = this.#read.fields.some(({ name }) => name === field);
    if (!isSeen || !this.#offers('GET') || !parent.#rights.may('read')) return {};
    const { name } = this.#model;
    const [id, summary] = [
      `list${name}By${capital(field)}`,
      `List ${name} of ${one(parent.#model.name)}`,
    ];
    return this.#traced({
      [`${parent.#model.path}/{id}/${segment}`]: {
        parameters: [idParameter(this.#schema, parent.#model)],
        get: operation(id, summary, parent.#model.name, {
          parameters: this.#listParameters(),
          responses: this.#responses({ 200: listResponse(name) }, [400, 404, 406, 503]),
        }),
      },
    });
  }

  #historyPaths(): Json {
    const { path } = this.#model;
    return {
      [`${path}/{id}/history`]: this.#past('history', 'Version', 'Versions'),
      [`${path}/{id}/events`]: this.#past('events', 'Event', 'Events'),
    };
  }

  /** The route below a deleted row that brings it back here; none for who may not take it. */
  restoring(deleted: Description): Json {
    if (!deleted.#offers('DELETE') || !this.#offers('GET')) return {};
    const path = restorePath({
      model: deleted.#model,
      id: idParameter(this.#schema, this.#model),
      parameters: this.#conditional(),
      restored: schemaRef(this.#answered),
      headers: headersNamed(['ETag', 'Lithair-Version', 'Lithair-Index', 'Location']),
      responses: (good, statuses) => this.#responses(good, statuses),
    });
    return this.#traced(path);
  }

  #past(what: string, item: string, summary: string): Json {
    const { name } = this.#model;
    return {
      parameters: [idParameter(this.#schema, this.#model)],
      get: operation(`${what}${name}`, `${summary} of ${one(name)}`, name, {
        parameters: [...this.#freshness(), ...['Limit', 'Cursor'].map(parameterRef)],
        responses: this.#responses(
          {
            200: {
              description: 'One page, newest first',
              content: jsonContent(pageOf(schemaRef(`${name}${item}`))),
            },
          },
          [400, 404, 406, 503],
        ),
      }),
    };
  }

  #responses(good: Json, statuses: readonly number[]): Json {
    // Conditions are refused, and nothing is waited for that may or may not have happened.
    const never: readonly number[] = this.#isEventual ? [412, 504] : [];
    const possible = [...this.#refusals, ...statuses].filter((status) => !never.includes(status));
    const problems = [...new Set(possible)].map((status) => [
      String(status),
      { $ref: `#/components/responses/Problem${status}` },
    ]);
    return { ...good, ...Object.fromEntries(problems) };
  }
}

function relatedPaths(schema: Schema, shown: readonly Description[]): Json[] {
  const byName = new Map(shown.map((each) => [each.name, each]));
  return relatedRows(schema).flatMap((related) => {
    const [parent, rows] = [byName.get(related.target), byName.get(related.model)];
    return parent === undefined || rows === undefined ? [] : [rows.below(parent, related)];
  });
}

function restorePaths(shown: readonly Description[]): Json[] {
  return shown.flatMap((deleted) => {
    const target = shown.find(({ name }) => name === deleted.deletedOf);
    return target === undefined ? [] : [target.restoring(deleted)];
  });
}

function capital(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

/** Whoever creates a row must give it what it needs, though others than its owner may leave it out later. */
function asDeclared({ fields }: ModelSchema, field: FieldSchema): FieldSchema {
  const required = fields.find(({ name }) => name === field.name)?.required ?? field.required;
  return { ...field, required };
}

/** A row begins in one of its states. */
function beginning(field: FieldSchema): FieldSchema {
  return field.states === undefined ? field : { ...field, values: [field.states.initial] };
}

function hasReferences({ fields }: ModelSchema): boolean {
  return fields.some(({ type }) => type === 'reference');
}

const IN_PATHS = new Set(METHODS.map((method) => method.toLowerCase()));
const WRITE_ERRORS = [400, 406, 409, 413, 415, 422, 503, 504, 507];

/** A version of before holds the values that are kept of it. */
function versionResponse(name: string): Json {
  const response = aggregateResponse(name, 'The aggregate, or what is kept of a version', false);
  const either = { anyOf: [schemaRef(`${name}Read`), schemaRef(`${name}Kept`)] };
  return { ...response, content: jsonContent(either) };
}

function idParameter(schema: Schema, model: ModelSchema): Json {
  const isKey = (field: FieldSchema) => field.name === model.primaryKey;
  const key = model.fields.find(isKey);
  const described = key === undefined ? { type: 'string' } : keySchema(schema, key, 'request');
  return { name: 'id', in: 'path', required: true, schema: described };
}

/** A name with its article. */
function one(name: string): string {
  return /^(?:[aeio]|u(?!s|ni|ti))/i.test(name) ? `an ${name}` : `a ${name}`;
}

function operation(operationId: string, summary: string, tag: string, rest: Json): Json {
  return { operationId, summary, tags: [tag], ...rest };
}

function aggregateResponse(
  name: string,
  description: string,
  isNew: boolean,
  answered = `${name}Read`,
): Json {
  const headers = ['ETag', 'Lithair-Version', 'Lithair-Index', ...(isNew ? ['Location'] : [])];
  return {
    description,
    headers: headersNamed(headers),
    content: jsonContent(schemaRef(answered)),
  };
}

function headersNamed(names: readonly string[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** How the parameter is called that says how fresh an answer must be. */
function levelOf({ consistency }: ModelSchema): string {
  if (consistency === undefined) return 'Consistency';
  return consistency === 'eventual' ? 'LocalConsistency' : 'SequentialConsistency';
}

function parameterRef(name: string): Json {
  return { $ref: `#/components/parameters/${name}` };
}
