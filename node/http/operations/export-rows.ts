import { execute, type Parameter } from '../../query/index.ts';
import type { Exchange, ReadView, Reply } from '../exchange.ts';
import { Expander, type Expansion } from '../expansion.ts';
import { NDJSON_TYPE } from '../media-type.ts';
import { shownRows } from '../presentation.ts';
import { Problem } from '../problems.ts';
import type { ModelRoute } from '../route-table.ts';
import { viewOf } from '../view-of.ts';
import type { OperationContext } from './operation.ts';

/** Rows that are made ready at one time. */
const PAGE_ROWS = 200;

/** What lists have in common with this, which would import each other otherwise. */
export interface ExportedList {
  readonly route: ModelRoute;
  /** Those of the request, and those that its path stands for. */
  readonly parameters: readonly Parameter[];
  readonly expansions: readonly Expansion[];
  readonly head: string[];
}

/**
 * All rows of a list, one a line, at the pace of the client. They are read page by page: a row that
 * stays as it is is there once, others as with cursors.
 *
 * @throws QueryRefusal, Problem `invalid_query`
 */
export function exportRows(
  exchange: Exchange,
  { state }: ReadView,
  context: OperationContext,
  list: ExportedList,
): Reply {
  if (list.parameters.some(({ name }) => name === 'count')) throw noCount();
  const given = list.parameters.find(({ name }) => name === 'limit');
  const others = list.parameters.filter(({ name }) => name !== 'limit');
  const { route, parameters } = list;
  const { actor } = exchange;
  const query = route.queries.list(parameters, route.listedFor(actor), route.veilOf(actor));
  const most = given === undefined ? Number.POSITIVE_INFINITY : Number(given.value);
  const { epoch, appliedIndex: index, schemaVersion } = state;
  const source = { ...list, parameters: others, query, origin: { epoch, index, schemaVersion } };
  list.head.push('Content-Type', NDJSON_TYPE);
  return {
    status: 200,
    headers: list.head,
    body: '',
    pieces: pieces(exchange, context, source, most),
  };
}

async function* pieces(
  exchange: Exchange,
  context: OperationContext,
  source: ExportedList & {
    readonly query: ReturnType<ModelRoute['queries']['list']>;
    readonly origin: Parameters<typeof execute>[2];
  },
  most: number,
): AsyncGenerator<string, void, undefined> {
  const { route, parameters, expansions, origin } = source;
  const reader = () => viewOf(exchange, context, route).model;
  let { query } = source;
  for (let left = most; left > 0; ) {
    const limit = Math.min(PAGE_ROWS, left);
    await requireCaller(exchange);
    const page = await execute({ ...query, limit }, reader, origin, context);
    const shown = { ...page, rows: shownRows(page, route) };
    const rows = new Expander(context.state(), exchange.actor).expandAll(shown, expansions);
    if (rows.length > 0) yield `${rows.join('\n')}\n`;
    left -= rows.length;
    if (page.next === null || exchange.res.destroyed) return;
    const cursor = { name: 'cursor', value: page.next, parts: [page.next] };
    const plain = parameters.filter(({ name }) => name !== 'cursor');
    const { actor } = exchange;
    query = route.queries.list([...plain, cursor], route.listedFor(actor), route.veilOf(actor));
  }
}

/** A client may take its rows slowly, for longer than its token lasts. @throws Problem `unauthorized` */
async function requireCaller({ table, req }: Exchange): Promise<void> {
  if ((await table?.authenticate(req.headers)) !== null) return;
  throw new Problem('unauthorized', 'The credentials are not those of a known caller any more.');
}

function noCount(): Problem {
  const message = 'count does not go with lines: they are all there is.';
  const error = { pointer: '', parameter: 'count', code: 'conflicting', message };
  return new Problem('invalid_query', message, { errors: [error] });
}
