import { type ModelSchema, relatedRows, type Schema } from '@lithair/crds';
import {
  type ModelRights,
  type OwnedFields,
  opens,
  Rights,
  scopeOf,
  visibleModel,
} from '../access/index.ts';
import { ANONYMOUS, type Authenticate, type AuthPorts, createAuthenticate } from '../auth/index.ts';
import { type FieldCipher, openedKey } from '../encryption/index.ts';
import { type HistoryRules, historyRules, narrowed } from '../history/index.ts';
import { type Actor, type FieldRights, type JsonObject, type StateReader } from '../ports/index.ts';
import {
  compileQueries,
  parseRecord,
  project,
  type QueryCompiler,
  type RowScope,
  type Veil,
} from '../query/index.ts';
import { compileValidator, type ModelValidator } from '../validation/index.ts';
import { expiryOf, isExpired, ownsRow } from '../values/index.ts';
import type { ApiLimits, FieldKeys } from './api.ts';
import { openApiDocument } from './openapi/document.ts';
import { type Presentation, presentationOf } from './presentation.ts';

/** What the pipeline knows of one model, compiled once per schema and kind of caller. */
export interface ModelRoute extends Presentation {
  readonly model: ModelSchema;
  readonly rights: ModelRights;
  readonly validator: ModelValidator;
  readonly queries: QueryCompiler;
  /** Null where the model keeps no history. */
  readonly history: HistoryRules | null;
  /** What commands say of the caller; null where nothing is forbidden. */
  readonly fieldRights: FieldRights | null;
  /** `Cache-Control` of what is read (RFC 9111, section 5.2.2). */
  readonly caching: string;
  /** A row as the caller sees it, or those of its fields that are named. */
  readonly render: (json: string, actor: Actor, names?: readonly string[]) => string;
  /** Fields that they see in the rows that they own; null: in all that they see. */
  readonly veilOf: (actor: Actor) => Veil | null;
  /** Whether a caller of this kind may read a stored row. */
  readonly sees: (json: string, actor: Actor) => boolean;
  /** The rows whose past they may read; null: all. */
  readonly pastOf: (actor: Actor) => RowScope | null;
  /** Whether a stored row is there for readers: its time has not come. */
  readonly isAlive: (json: string) => boolean;
  /** Whether a caller of this kind is shown a stored row. */
  readonly shows: (json: string, actor: Actor) => boolean;
  /** The rows that they are shown in lists; null: all. */
  readonly listedFor: (actor: Actor) => RowScope | null;
  /** As `history`, with the fields that the caller may not read, which rules for rows may need. */
  readonly wholeHistory: HistoryRules | null;
}

/** Rows that refer to others by one of their fields. */
export interface RelatedRoute {
  readonly route: ModelRoute;
  readonly field: string;
}

/** All models of one schema version, by the path of their collection. */
export interface RouteTable {
  readonly schemaVersion: number;
  readonly fingerprint: string;
  /** As somebody without credentials knows them. */
  readonly byPath: ReadonlyMap<string, ModelRoute>;
  readonly authenticate: Authenticate;
  /** The same route as this caller knows it. */
  narrow(route: ModelRoute, actor: Actor): ModelRoute;
  /** The rows that refer to those of a model, by a segment below a row of it. */
  related(model: string, segment: string): RelatedRoute | undefined;
  /** A model as this caller knows it. */
  routeOf(model: string, actor: Actor): ModelRoute | undefined;
  /** The OpenAPI document of what the caller may use, made when it is first asked for. */
  openapi(actor: Actor): string;
}

export interface RouteTableOptions {
  readonly limits: ApiLimits;
  /** Of the software, for the OpenAPI document. */
  readonly version: string;
  readonly auth: AuthPorts;
  /** The time by which rows are past theirs, epoch milliseconds. */
  readonly nowMs: () => number;
  readonly fieldKeys: FieldKeys;
}

/** Whether a table is that of the schema which a state has now. */
export function isTableOf(
  { schemaVersion, fingerprint }: RouteTable,
  state: Pick<StateReader, 'schemaVersion' | 'schemaFingerprint'>,
): boolean {
  return schemaVersion === state.schemaVersion && fingerprint === state.schemaFingerprint;
}

/** Keeps the table of the schema in force, and makes a new one only when that changes. */
export class RouteTables {
  readonly #options: RouteTableOptions;
  #table: RouteTable | null = null;

  constructor(options: RouteTableOptions) {
    this.#options = options;
  }

  of(state: StateReader): RouteTable {
    const table = this.#table;
    if (table !== null && isTableOf(table, state)) return table;
    const made = new SchemaRoutes(state, this.#options);
    this.#table = made;
    return made;
  }
}

/** What one kind of caller gets. */
interface CallerRoutes {
  readonly byModel: ReadonlyMap<string, ModelRoute>;
  document: string | null;
}

/** Kinds of callers that are remembered; there is one for each set of roles that matter. */
const MAX_CALLERS = 200;

class SchemaRoutes implements RouteTable {
  readonly schemaVersion: number;
  readonly fingerprint: string;
  readonly byPath: ReadonlyMap<string, ModelRoute>;
  readonly authenticate: Authenticate;
  readonly #options: RouteTableOptions;
  readonly #schema: Schema;
  readonly #rights: Rights;
  #cipher: FieldCipher | null = null;
  readonly #callers = new Map<string, CallerRoutes>();
  /** By model and segment. */
  readonly #related: ReadonlyMap<string, RelatedRoute>;

  constructor(state: StateReader, options: RouteTableOptions) {
    this.schemaVersion = state.schemaVersion;
    this.fingerprint = state.schemaFingerprint;
    this.#options = options;
    this.#schema = state.schema;
    this.#rights = new Rights(state.schema);
    this.authenticate = createAuthenticate(state.schema.auth, options.auth);
    const { byModel } = this.#caller(ANONYMOUS);
    this.byPath = new Map([...byModel.values()].map((route) => [route.model.path, route]));
    this.#related = new Map(
      relatedRows(state.schema).flatMap(({ target, segment, model, field }) => {
        const route = byModel.get(model);
        return route === undefined ? [] : [[`${target}/${segment}`, { route, field }]];
      }),
    );
  }

  related(model: string, segment: string): RelatedRoute | undefined {
    return this.#related.get(`${model}/${segment}`);
  }

  routeOf(model: string, actor: Actor): ModelRoute | undefined {
    return this.#caller(actor).byModel.get(model);
  }

  narrow(route: ModelRoute, actor: Actor): ModelRoute {
    if (this.#schema.auth === undefined) return route;
    return this.#caller(actor).byModel.get(route.model.name) ?? route;
  }

  openapi(actor: Actor): string {
    const caller = this.#caller(actor);
    caller.document ??= JSON.stringify(
      openApiDocument(this.#schema, [...caller.byModel.values()], {
        schemaVersion: this.schemaVersion,
        version: this.#options.version,
      }),
    );
    return caller.document;
  }

  #caller(actor: Actor): CallerRoutes {
    const key = this.#rights.keyOf(actor);
    const known = this.#callers.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.#callers.keys();
    if (oldest !== undefined && this.#callers.size >= MAX_CALLERS) this.#callers.delete(oldest);
    const made = { byModel: this.#routesFor(actor), document: null };
    this.#callers.set(key, made);
    return made;
  }

  /**
   * Asked for values alone: a start that catches up may hold the key wrapped by a master key that is
   * gone, until it comes to the newer one behind it in the log.
   */
  readonly #cipherOf = (): FieldCipher => {
    this.#cipher ??= cipherOf(this.#options.fieldKeys, this.#schema);
    return this.#cipher;
  };

  #routesFor(actor: Actor): ReadonlyMap<string, ModelRoute> {
    const { limits, nowMs } = this.#options;
    const bounds = { depth: limits.depth, items: limits.bulkItems, nowMs };
    return new Map(
      this.#schema.models.filter(isServed).map((model) => {
        const rights = this.#rights.of(actor, model);
        const presentation = presentationOf(model, this.#cipherOf);
        return [model.name, modelRoute(this.#schema, model, rights, bounds, presentation)];
      }),
    );
  }
}

function cipherOf(fieldKeys: FieldKeys, schema: Schema): FieldCipher {
  const cipher = openedKey(fieldKeys, schema, 'here yet');
  if (cipher !== null) return cipher;
  throw new Error('a model has encrypted fields, and there is no key');
}

/** Used values are nobody's to see. */
function isServed({ usedBy }: ModelSchema): boolean {
  return usedBy === undefined;
}

function modelRoute(
  schema: Schema,
  model: ModelSchema,
  rights: ModelRights,
  bounds: { depth: number; items: number; nowMs: () => number },
  presentation: Presentation,
): ModelRoute {
  const { unreadable, unwritable, owned } = rights;
  const { read, write } = visibleModel(model, rights);
  const isPart = unreadable.size > 0;
  const isScoped = isPart || unwritable.size > 0;
  const veilOf = veilsOf(model, owned);
  const past = historyRules(model);
  const readable = rights.rows('read');
  const expiry = expiryOf(model);
  const isPresent = (row: JsonObject) => expiry === null || !isExpired(expiry, row, bounds.nowMs());
  const isAlive = (json: string) => expiry === null || isPresent(parseRecord({ json }));
  const sees = (json: string, actor: Actor) =>
    readable === 'all' || opens(readable, parseRecord({ json }), actor);
  return {
    model,
    rights,
    validator: compileValidator(schema, write, bounds, isScoped ? rights : undefined),
    queries: compileQueries(schema, read, isPart, model, owned.unreadable),
    history: visibleHistory(past, read),
    wholeHistory: past,
    caching: cachingOf(schema, model),
    fieldRights: fieldRightsOf(rights),
    ...presentation,
    render: renderOf(read, isPart, veilOf, presentation.presentJson),
    veilOf,
    sees,
    pastOf: (actor) => scopeOf(rights.past, actor),
    isAlive,
    shows: (json, actor) => isAlive(json) && sees(json, actor),
    listedFor: (actor) => {
      const scope = scopeOf(readable, actor);
      return expiry === null ? scope : presentOf(scope, isPresent);
    },
  };
}

function veilsOf(model: ModelSchema, { unreadable }: OwnedFields): ModelRoute['veilOf'] {
  if (unreadable.size === 0) return () => null;
  return (actor) => ({ fields: unreadable, isLifted: (row) => ownsRow(model, row, actor) });
}

function renderOf(
  { fields }: ModelSchema,
  isPart: boolean,
  veilOf: ModelRoute['veilOf'],
  presentJson: ModelRoute['presentJson'],
): ModelRoute['render'] {
  const all = fields.map(({ name }) => name);
  return (json, actor, wanted) => {
    const veil = veilOf(actor);
    if (veil === null && !isPart && wanted === undefined) return presentJson(json, json);
    const names = wanted ?? all;
    const isWhole = veil === null || veil.isLifted(parseRecord({ json }));
    const seen = isWhole ? names : names.filter((name) => !veil.fields.has(name));
    return presentJson(project({ json }, seen), json);
  };
}

function fieldRightsOf({ unreadable, unwritable, owned }: ModelRights): FieldRights | null {
  const kept = [...unreadable.union(unwritable)];
  const unseen = [...owned.unreadable];
  const unowned = {
    kept: [...owned.unreadable.union(owned.unwritable)],
    locked: [...owned.unwritable],
    unseen,
  };
  if (kept.length + unowned.kept.length === 0) return null;
  return { kept, locked: [...unwritable], ...(unowned.kept.length > 0 && { unowned }) };
}

/** Of the rows of a scope, or of all, those that are there still. */
function presentOf(scope: RowScope | null, isPresent: (row: JsonObject) => boolean): RowScope {
  if (scope === null) return { lets: isPresent, ways: [[]] };
  return { ...scope, lets: (row) => isPresent(row) && scope.lets(row) };
}

/** What only some may read, no cache may keep that others share. */
function cachingOf({ auth }: Schema, { cacheSeconds }: ModelSchema): string {
  if (cacheSeconds === undefined) return 'no-cache';
  return `${auth === undefined ? 'public' : 'private'}, max-age=${cacheSeconds}`;
}

function visibleHistory(rules: HistoryRules | null, read: ModelSchema): HistoryRules | null {
  if (rules === null || read === rules.model) return rules;
  const names = new Set(read.fields.map(({ name }) => name));
  return { ...narrowed(rules, (name) => names.has(name)), model: read };
}
