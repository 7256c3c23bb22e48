import { matchedVersions } from '../etag.ts';
import { BODY_TYPES } from '../media-type.ts';
import { Problem } from '../problems.ts';
import type { WriteOperation } from './operation.ts';
import { aggregateReply } from './write.ts';

/** POST below a deleted row: brings it back to where it was deleted. */
export const restore: WriteOperation = {
  kind: 'write',
  name: 'restore',
  access: 'delete',
  takes: BODY_TYPES,
  bodyLimit: () => 0,
  command(exchange) {
    const { model, validator } = exchange.modelRoute;
    const ifMatch = matchedVersions(exchange.req.headers['if-match']);
    const id = validator.id(exchange.id);
    if (id === null) throw new Problem('not_found', `${model.name} has no aggregate of this id.`);
    return { kind: 'restore', model: model.name, id, ifMatch };
  },
  reply(exchange, outcome, context) {
    const { deletedOf = '' } = exchange.modelRoute.model;
    const target = exchange.table?.routeOf(deletedOf, exchange.actor);
    if (target === undefined) throw new Problem('schema_changed', 'The model changed meanwhile.');
    exchange.route = target;
    return { ...aggregateReply(exchange, outcome, context), status: 200 };
  },
};
