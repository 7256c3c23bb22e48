import { BODY_TYPES } from '../media-type.ts';
import { Problem } from '../problems.ts';
import type { WriteOperation } from './operation.ts';
import { addressedRow, aggregateReply } from './write.ts';

/** POST below a deleted row: brings it back to where it was deleted. */
export const restore: WriteOperation = {
  kind: 'write',
  name: 'restore',
  access: 'delete',
  takes: BODY_TYPES,
  bodyLimit: () => 0,
  command: (exchange) => ({ kind: 'restore', ...addressedRow(exchange) }),
  reply(exchange, outcome, context) {
    const { deletedOf = '' } = exchange.modelRoute.model;
    const target = exchange.table?.routeOf(deletedOf, exchange.actor);
    if (target === undefined) throw new Problem('schema_changed', 'The model changed meanwhile.');
    exchange.route = target;
    return { ...aggregateReply(exchange, outcome, context), status: 200 };
  },
};
