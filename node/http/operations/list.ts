import { execute, type Page } from '../../query/index.ts';
import { isEventual } from '../eventual.ts';
import type { Exchange, ReadView, Reply } from '../exchange.ts';
import { requireAcceptable } from '../media-type.ts';
import { Problem } from '../problems.ts';
import { JSON_CONTENT_TYPE, jsonReply, stateHeaders } from '../reply.ts';
import type { ModelRoute } from '../route-table.ts';
import type { OperationContext, ReadOperation } from './operation.ts';

/** GET and HEAD of a collection: one page, joined from the JSON of its rows. */
export const list: ReadOperation = {
  kind: 'read',
  name: 'list',
  access: 'list',
  answer(exchange, view, context) {
    requireAcceptable(exchange.req.headers.accept, JSON_CONTENT_TYPE);
    const { route, query } = queryOf(exchange);
    const currentReader = () => readerOf(context, route.model.name);
    const page = execute(query, currentReader, originOf(view), context.defer);
    const head = () => headOf(context, route);
    return page instanceof Promise
      ? page.then((done) => pageReply(head(), query.limit, done))
      : pageReply(head(), query.limit, page);
  },
};

/** As of the last row that was looked at: a session must never go back behind what it saw. */
function headOf({ tokens, state }: OperationContext, { caching, model }: ModelRoute): string[] {
  const present = state();
  const head = stateHeaders(tokens, present, present.appliedIndex, caching);
  if (isEventual(model)) head.push('Lithair-Consistency', 'eventual');
  return head;
}

function queryOf(exchange: Exchange) {
  const route = exchange.modelRoute;
  const parameters = exchange.parameters.filter((parameter) => parameter.name !== 'consistency');
  return { route, query: route.queries.list(parameters) };
}

function originOf({ state }: ReadView) {
  const { epoch, appliedIndex, schemaVersion } = state;
  return { epoch, index: appliedIndex, schemaVersion };
}

function readerOf(context: OperationContext, model: string) {
  const reader = context.state().model(model);
  if (reader === undefined) throw new Problem('schema_changed', 'The model changed meanwhile.');
  return reader;
}

function pageReply(head: string[], limit: number, page: Page): Reply {
  const next = page.next === null ? 'null' : `"${page.next}"`;
  const total = page.total === null ? '' : `,"total":${page.total}`;
  const body = `{"data":[${page.rows.join(',')}],"page":{"limit":${limit},"next":${next}${total}}}`;
  return jsonReply(200, head, body);
}
