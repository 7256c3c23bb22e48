import { type HttpMethod, METHODS } from '@lithair/crds';
import type { Exchange } from './exchange.ts';
import { isNdjson } from './media-type.ts';
import { bulkLines } from './operations/bulk-lines.ts';
import { events, history } from './operations/history.ts';
import { list } from './operations/list.ts';
import type { Operation, SystemOperation } from './operations/operation.ts';
import { read } from './operations/read.ts';
import { related } from './operations/related.ts';
import { restore } from './operations/restore.ts';
import { options } from './operations/system.ts';
import { bulk, create, patch, remove, replace } from './operations/write.ts';
import { Problem } from './problems.ts';
import { decodePercent } from './query-string.ts';
import type { ModelRoute, RouteTable } from './route-table.ts';

/** What one kind of route takes, by method. */
interface MethodTable {
  readonly allow: string;
  readonly byMethod: ReadonlyMap<string, Operation>;
}

/** The routes of a model. */
interface ModelTables {
  readonly collection: MethodTable;
  readonly item: MethodTable;
  readonly bulk: MethodTable;
  /** Below an item, by the last segment. */
  readonly below: ReadonlyMap<string, MethodTable>;
  /** Below a row that they refer to. */
  readonly related: MethodTable;
  /** Below a deleted row. */
  readonly restore: MethodTable;
}

const WHOLE = modelTables(METHODS);
const tables = new WeakMap<readonly HttpMethod[], ModelTables>();

function modelTables(allowed: readonly HttpMethod[]): ModelTables {
  const some = (operations: Readonly<Record<string, Operation>>) => methods(operations, allowed);
  return {
    collection: some({ GET: list, HEAD: list, POST: create }),
    item: some({ GET: read, HEAD: read, PUT: replace, PATCH: patch, DELETE: remove }),
    bulk: some({ POST: bulk }),
    below: new Map([
      ['history', some({ GET: history, HEAD: history })],
      ['events', some({ GET: events, HEAD: events })],
    ]),
    related: some({ GET: related, HEAD: related }),
    // Who deletes rows is who gets them back.
    restore: methods({ POST: restore }, allowed.includes('DELETE') ? ['POST'] : []),
  };
}

/** Made once for the methods of a schema. */
function tablesOf({ model }: ModelRoute): ModelTables {
  if (model.methods === undefined) return WHOLE;
  const known = tables.get(model.methods);
  if (known !== undefined) return known;
  const made = modelTables(model.methods);
  tables.set(model.methods, made);
  return made;
}

/** Routes that the contract has and this version does not. */
const LATER_COLLECTION_ROUTES = ['_stream'];
const LATER_PATHS = ['/api/_events'];

/** Routes of fixed paths, answered without a model. */
export type SystemRoutes = ReadonlyMap<string, MethodTable>;

export function systemRoutes(operations: Readonly<Record<string, SystemOperation>>): SystemRoutes {
  const entries = Object.entries(operations);
  return new Map([
    ...entries.map(
      ([path, operation]) => [path, methods({ GET: operation, HEAD: operation })] as const,
    ),
    ['*', WHOLE_SERVER],
  ]);
}

/** `OPTIONS *` (RFC 9110, section 9.3.7) asks what there is at all. */
const WHOLE_SERVER: MethodTable = {
  allow: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].join(', '),
  byMethod: new Map([['OPTIONS', options]]),
};

/**
 * Finds what a request is about: two lookups in a map, for the collection and for the path before
 * the last slash. `table` is null while the node has no state.
 *
 * @throws Problem `unknown_route`, `method_not_allowed`, `bad_percent_encoding`,
 *   `not_supported_yet`, `unavailable`
 */
export function route(exchange: Exchange, system: SystemRoutes, table: RouteTable | null): void {
  const path = exchange.rawPath;
  const fixed = system.get(path);
  if (fixed !== undefined) return choose(exchange, fixed);
  if (table === null) {
    throw new Problem('unavailable', 'The node has no state yet: it is starting.');
  }
  const collection = table.byPath.get(path);
  if (collection !== undefined) {
    exchange.route = collection;
    return choose(exchange, tablesOf(collection).collection);
  }
  const slash = path.lastIndexOf('/');
  const parent = table.byPath.get(path.slice(0, slash));
  if (parent === undefined) return routeFurther(exchange, table);
  routeBelow(exchange, parent, decodePercent(path.slice(slash + 1)));
}

function routeBelow(exchange: Exchange, parent: ModelRoute, segment: string): void {
  exchange.route = parent;
  exchange.id = segment;
  if (segment === '') throw unknownRoute();
  if (segment.charCodeAt(0) !== UNDERSCORE) return choose(exchange, tablesOf(parent).item);
  if (segment === '_bulk') return chooseBulk(exchange, tablesOf(parent).bulk);
  if (LATER_COLLECTION_ROUTES.includes(segment)) throw laterRoute(segment);
  throw unknownRoute();
}

/** By what the body is: an array, or lines. */
function chooseBulk(exchange: Exchange, table: MethodTable): void {
  choose(exchange, table);
  if (exchange.operation === bulk && isNdjson(exchange.req.headers['content-type'])) {
    exchange.operation = bulkLines;
  }
}

const UNDERSCORE = 95;

/** The rare paths: percent-encoded collections, and what the contract has below an aggregate. */
function routeFurther(exchange: Exchange, table: RouteTable): void {
  const segments = exchange.rawPath.split('/').map(decodePercent);
  if (LATER_PATHS.includes(segments.join('/'))) throw laterRoute(segments.join('/'));
  const [last = '', above] = [segments.at(-1), table.byPath.get(segments.slice(0, -2).join('/'))];
  if (above !== undefined && routeBelowRow(exchange, above, segments.at(-2) ?? '', last)) return;
  if (above !== undefined && routeToRelated(exchange, table, above, segments)) return;
  if (!exchange.rawPath.includes('%')) throw unknownRoute();
  const collection = table.byPath.get(segments.join('/'));
  const parent = table.byPath.get(segments.slice(0, -1).join('/'));
  if (collection !== undefined) {
    exchange.route = collection;
    return choose(exchange, tablesOf(collection).collection);
  }
  if (parent === undefined) throw unknownRoute();
  routeBelow(exchange, parent, last);
}

/** False where nothing of this name stands below every row of the model. */
function routeBelowRow(
  exchange: Exchange,
  model: ModelRoute,
  id: string,
  segment: string,
): boolean {
  const { below, restore: restoring } = tablesOf(model);
  const found = below.get(segment);
  if (found !== undefined) routeToHistory(exchange, model, id, found);
  else if (model.model.deletedOf !== undefined && segment === 'restore') {
    routeToRow(exchange, model, id, restoring);
  } else return false;
  return true;
}

function routeToHistory(
  exchange: Exchange,
  model: ModelRoute,
  id: string,
  table: MethodTable,
): void {
  if (model.history === null) {
    const detail = `${model.model.name} keeps no history: its model declares none.`;
    throw new Problem('unknown_route', detail);
  }
  routeToRow(exchange, model, id, table);
}

/** What stands below one row. */
function routeToRow(exchange: Exchange, model: ModelRoute, id: string, table: MethodTable): void {
  if (id === '' || id.charCodeAt(0) === UNDERSCORE) throw unknownRoute();
  exchange.route = model;
  exchange.id = id;
  choose(exchange, table);
}

/** False where no rows of this name refer to those of the model. */
function routeToRelated(
  exchange: Exchange,
  table: RouteTable,
  parent: ModelRoute,
  segments: readonly string[],
): boolean {
  const [id = '', segment = ''] = segments.slice(-2);
  const rows = table.related(parent.model.name, segment);
  if (rows === undefined || id === '' || id.charCodeAt(0) === UNDERSCORE) return false;
  exchange.parent = { route: parent, id, field: rows.field };
  exchange.route = rows.route;
  choose(exchange, tablesOf(rows.route).related);
  return true;
}

function choose(exchange: Exchange, table: MethodTable): void {
  exchange.allow = table.allow;
  const operation = table.byMethod.get(exchange.req.method ?? '');
  if (operation !== undefined) {
    exchange.operation = operation;
    return;
  }
  const method = (exchange.req.method ?? '').slice(0, 20);
  const detail = `${method} is not one of the methods of this route: ${table.allow}.`;
  throw new Problem('method_not_allowed', detail, { headers: ['Allow', table.allow] });
}

function methods(
  operations: Readonly<Record<string, Operation>>,
  allowed: readonly string[] = METHODS,
): MethodTable {
  const some = Object.entries(operations).filter(([method]) =>
    allowed.includes(method === 'HEAD' ? 'GET' : method),
  );
  const all = { ...Object.fromEntries(some), OPTIONS: options };
  return { allow: Object.keys(all).join(', '), byMethod: new Map(Object.entries(all)) };
}

export function unknownRoute(): Problem {
  return new Problem('unknown_route', 'No model and no document has this path.');
}

function laterRoute(name: string): Problem {
  return new Problem('not_supported_yet', `The route "${name}" is not supported yet.`);
}
