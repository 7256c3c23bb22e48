import { execute, type Page, type Parameter } from '../../query/index.ts';
import { isEventual } from '../eventual.ts';
import type { Exchange, ReadView, Reply } from '../exchange.ts';
import { Expander, readExpansions } from '../expansion.ts';
import { prefersNdjson, requireAcceptable } from '../media-type.ts';
import { shownRows } from '../presentation.ts';
import { JSON_CONTENT_TYPE, jsonReply, stateHeaders } from '../reply.ts';
import type { ModelRoute } from '../route-table.ts';
import { viewOf } from '../view-of.ts';
import { exportRows } from './export-rows.ts';
import type { OperationContext, ReadOperation } from './operation.ts';

/** GET and HEAD of a collection: one page, joined from the JSON of its rows. */
export const list: ReadOperation = {
  kind: 'read',
  name: 'list',
  access: 'list',
  answer(exchange, view, context) {
    return answerList(exchange, view, context, []);
  },
};

/** One page of the rows that also meet the given conditions. */
export function answerList(
  exchange: Exchange,
  view: ReadView,
  context: OperationContext,
  given: readonly Parameter[],
): Reply | Promise<Reply> {
  const { accept } = exchange.req.headers;
  if (prefersNdjson(accept)) return answerLines(exchange, view, context, given);
  requireAcceptable(accept, JSON_CONTENT_TYPE);
  const { route, query, expansions } = queryOf(exchange, given);
  const { actor } = exchange;
  const currentReader = () => viewOf(exchange, context, route).model;
  const form = expansions.length === 0 && route.isAsStored ? 'joined' : 'each';
  const page = execute(query, currentReader, originOf(view), context, form);
  const answer = (done: Page) => {
    const shown = { ...done, rows: shownRows(done, route) };
    const rows = new Expander(context.state(), actor).expandAll(shown, expansions);
    return pageReply(headOf(context, route), query.limit, { ...done, rows });
  };
  return page instanceof Promise ? page.then(answer) : answer(page);
}

function answerLines(
  exchange: Exchange,
  view: ReadView,
  context: OperationContext,
  given: readonly Parameter[],
): Reply {
  const route = exchange.modelRoute;
  const parameters = [...parametersOf(exchange), ...given];
  const expansions = readExpansions(exchange);
  const head = headOf(context, route);
  return exportRows(exchange, view, context, { route, parameters, expansions, head });
}

/** As of the last row that was looked at: a session must never go back behind what it saw. */
function headOf({ tokens, state }: OperationContext, { caching, model }: ModelRoute): string[] {
  const present = state();
  const head = stateHeaders(tokens, present, present.appliedIndex, caching);
  if (isEventual(model)) head.push('Lithair-Consistency', 'eventual');
  return head;
}

/** Parameters of a list that decide how rows are shown, and how fresh they are; not which. */
export const NOT_OF_THE_QUERY: readonly string[] = ['consistency', 'expand'];

function queryOf(exchange: Exchange, given: readonly Parameter[]) {
  const route = exchange.modelRoute;
  const query = route.queries.list(
    given.length === 0 ? parametersOf(exchange) : [...parametersOf(exchange), ...given],
    route.listedFor(exchange.actor),
    route.veilOf(exchange.actor),
  );
  return { route, query, expansions: readExpansions(exchange) };
}

/** The very same list where it can be: what was made of it once is known by it. */
function parametersOf({ parameters }: Exchange): readonly Parameter[] {
  return parameters.every(isOfTheQuery) ? parameters : parameters.filter(isOfTheQuery);
}

function isOfTheQuery({ name }: Parameter): boolean {
  return !NOT_OF_THE_QUERY.includes(name);
}

function originOf({ state }: ReadView) {
  const { epoch, appliedIndex, schemaVersion } = state;
  return { epoch, index: appliedIndex, schemaVersion };
}

function pageReply(head: string[], limit: number, page: Page): Reply {
  const next = page.next === null ? 'null' : `"${page.next}"`;
  const total = page.total === null ? '' : `,"total":${page.total}`;
  const body = `{"data":[${page.rows.join(',')}],"page":{"limit":${limit},"next":${next}${total}}}`;
  return { ...jsonReply(200, head, body), isAscii: page.isAscii };
}
