import type { Exchange, ReadView } from '../exchange.ts';
import { viewOf } from '../view-of.ts';
import { answerList } from './list.ts';
import type { OperationContext, ReadOperation } from './operation.ts';
import { notFound } from './read.ts';

/** GET and HEAD of the rows that refer to one row: a list of them, with all that lists can do. */
export const related: ReadOperation = {
  kind: 'read',
  name: 'related',
  access: 'list',
  answer(exchange, view, context) {
    const { field, id } = parentOf(exchange, view, context);
    return answerList(exchange, view, context, [{ name: field, value: id, parts: [id] }]);
  },
};

/** The row that is referred to, which must be there. */
function parentOf(exchange: Exchange, view: ReadView, context: OperationContext) {
  const { parent, actor } = exchange;
  if (parent === null) throw new Error('a route below a row names the row');
  const { field, route } = parent;
  const rows = viewOf(exchange, context, route).model;
  const ids = [parent.id, route.validator.id(parent.id) ?? ''];
  const id = ids.find((one) => {
    const record = rows.get(one);
    return record !== undefined && route.shows(record.json, actor);
  });
  if (id === undefined) throw notFound(route, view, context);
  return { field, id };
}
