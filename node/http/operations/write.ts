import type { FieldRights, StateReader, WrittenAggregate } from '../../ports/index.ts';
import { project } from '../../query/index.ts';
import type { BodyReading, PatchFormat } from '../../validation/index.ts';
import { etagOf, matchedVersions } from '../etag.ts';
import type { Exchange, Reply } from '../exchange.ts';
import {
  BODY_TYPES,
  BULK_TYPES,
  PATCH_TYPES,
  requireAcceptable,
  requireBodyType,
} from '../media-type.ts';
import { Problem } from '../problems.ts';
import {
  describe,
  emptyReply,
  JSON_CONTENT_TYPE,
  jsonReply,
  localHeaders,
  stateHeaders,
  weakHeaders,
} from '../reply.ts';
import type { ModelRoute } from '../route-table.ts';
import type { AppliedOutcome, OperationContext, WriteOperation } from './operation.ts';
import { requireNoParameters } from './parameters.ts';

/** POST to a collection. */
export const create: WriteOperation = {
  kind: 'write',
  name: 'create',
  access: 'create',
  takes: BODY_TYPES,
  bodyLimit: (limits) => limits.bodyBytes,
  command(exchange, bytes) {
    const { model, validator } = exchange.modelRoute;
    refuseConditionsOfNew(exchange);
    const body = bodyOf(validator.create(bytes));
    return { kind: 'create', model: model.name, body, ...rightsOfNew(exchange.modelRoute) };
  },
  reply: (exchange, outcome, context) => aggregateReply(exchange, outcome, context),
};

/** POST of an array to `_bulk`: all or nothing. */
export const bulk: WriteOperation = {
  kind: 'write',
  name: 'bulk',
  access: 'create',
  takes: BULK_TYPES,
  bodyLimit: (limits) => limits.bulkBytes,
  command(exchange, bytes) {
    const { model, validator } = exchange.modelRoute;
    refuseConditionsOfNew(exchange);
    const bodies = bodyOf(validator.createMany(bytes));
    return { kind: 'createMany', model: model.name, bodies, ...rightsOfNew(exchange.modelRoute) };
  },
  reply(exchange, outcome, context) {
    const rows = outcome.aggregates.map(({ json }) =>
      json === null ? 'null' : shownOf(exchange, json),
    );
    return jsonReply(201, writeHeaders(outcome, context), `{"data":[${rows.join(',')}]}`);
  },
};

/** PUT of one aggregate. */
export const replace: WriteOperation = {
  kind: 'write',
  name: 'replace',
  access: 'update',
  takes: BODY_TYPES,
  bodyLimit: (limits) => limits.bodyBytes,
  command(exchange, bytes) {
    const { model, validator } = exchange.modelRoute;
    const { headers } = exchange.req;
    const id = validator.id(exchange.id);
    const onlyIfAbsent = readIfNoneMatch(headers['if-none-match']);
    const ifMatch = matchedVersions(headers['if-match']);
    if (onlyIfAbsent && ifMatch !== null) {
      throw new Problem('bad_header', 'If-Match and If-None-Match exclude each other.');
    }
    if (id === null) throw unusableId(onlyIfAbsent, model.name);
    const body = bodyOf(validator.replace(bytes, id, onlyIfAbsent));
    const rights = rightsOf(exchange);
    return { kind: 'replace', model: model.name, id, body, onlyIfAbsent, ifMatch, ...rights };
  },
  reply: (exchange, outcome, context) => aggregateReply(exchange, outcome, context),
};

/** PATCH of one aggregate: merged and validated where the leader is. */
export const patch: WriteOperation = {
  kind: 'write',
  name: 'patch',
  access: 'update',
  takes: PATCH_TYPES,
  bodyLimit: (limits) => limits.bodyBytes,
  command(exchange, bytes) {
    const row = addressedRow(exchange);
    const format = patchFormat(exchange.req.headers['content-type']);
    const text = bodyOf(exchange.modelRoute.validator.patch(bytes, format));
    return { kind: 'patch', ...row, format, patch: text, ...rightsOf(exchange) };
  },
  reply: (exchange, outcome, context) => aggregateReply(exchange, outcome, context),
};

/** DELETE of one aggregate. */
export const remove: WriteOperation = {
  kind: 'write',
  name: 'delete',
  access: 'delete',
  takes: BODY_TYPES,
  bodyLimit: () => 0,
  command(exchange) {
    return { kind: 'delete', ...addressedRow(exchange) };
  },
  reply: (_exchange, outcome, context) => emptyReply(204, writeHeaders(outcome, context)),
};

/**
 * The row that the path names, and the versions that it must be at.
 *
 * @throws Problem `bad_header`; `not_found` where no row of the model can have this id
 */
export function addressedRow(exchange: Exchange) {
  const { model, validator } = exchange.modelRoute;
  refuseCondition(exchange, 'If-None-Match');
  const ifMatch = matchedVersions(exchange.req.headers['if-match']);
  const id = validator.id(exchange.id);
  if (id === null) throw unusableId(false, model.name);
  return { model: model.name, id, ifMatch };
}

/**
 * A new row has no version that a condition could name.
 *
 * @throws Problem `bad_header`
 */
export function refuseConditionsOfNew(exchange: Exchange): void {
  refuseCondition(exchange, 'If-Match');
  refuseCondition(exchange, 'If-None-Match');
}

/** A write that somebody wants under a condition is not done without it. */
function refuseCondition({ req }: Exchange, name: 'If-Match' | 'If-None-Match'): void {
  if (req.headers[name === 'If-Match' ? 'if-match' : 'if-none-match'] === undefined) return;
  throw new Problem('bad_header', `${name} has no meaning with this ${req.method}.`);
}

/** What the leader must know of the caller's rights on fields. */
function rightsOf({ modelRoute: { fieldRights } }: Exchange): { rights?: FieldRights } {
  return fieldRights === null ? {} : { rights: fieldRights };
}

/** Of a new row, the leader must know what depends on whose it is. */
export function rightsOfNew({ fieldRights }: ModelRoute): { rights?: FieldRights } {
  return fieldRights?.unowned === undefined ? {} : { rights: fieldRights };
}

/** What the head of every write must say, looked at before its body is received. */
export function requireWriteHead(
  exchange: Exchange,
  operation: WriteOperation,
  hasBody: boolean,
): void {
  const { headers } = exchange.req;
  requireNoParameters(exchange);
  requireAcceptable(headers.accept, JSON_CONTENT_TYPE);
  if (!hasBody) return;
  requireBodyType(operation.takes, headers['content-type'], headers['content-encoding']);
}

/** The type was found to be one of those that are taken before the body was received. */
function patchFormat(contentType: string | undefined): PatchFormat {
  const type = requireBodyType(PATCH_TYPES, contentType, undefined);
  return type === 'application/json-patch+json' ? 'json' : 'merge';
}

function bodyOf<T>(reading: BodyReading<T>): T {
  if (reading.ok) return reading.body;
  const [first] = reading.errors;
  const detail = first === undefined ? '' : `${first.pointer || 'The body'} ${first.message}`;
  throw new Problem(reading.code, detail, { errors: reading.errors });
}

function readIfNoneMatch(header: string | undefined): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  throw new Problem('bad_header', 'If-None-Match of a PUT can only be *.');
}

/** A path that no aggregate can have: to create there is an error, everything else finds nothing. */
function unusableId(creates: boolean, model: string): Problem {
  if (!creates) return new Problem('not_found', `${model} has no aggregate of this id.`);
  const message = 'The id in the path is not one that this model can have.';
  return new Problem('invalid', message, {
    errors: [{ pointer: '', parameter: 'id', code: 'invalid_id', message }],
  });
}

/** One aggregate as a write left it. */
export function aggregateReply(
  exchange: Exchange,
  outcome: AppliedOutcome,
  context: OperationContext,
): Reply {
  const aggregate = onlyAggregate(outcome);
  const json = shownOf(exchange, aggregate.json);
  const headers = writeHeaders(outcome, context);
  describe(headers, etagOf(aggregate.version, json), aggregate.version);
  if (outcome.effect !== 'created') return jsonReply(200, headers, json);
  const { path } = exchange.modelRoute.model;
  headers.push('Location', `${path}/${encodeURIComponent(aggregate.id)}`);
  return jsonReply(201, headers, json);
}

/** Of a row that the caller may write and not read, as it is now, they see the key alone. */
function shownOf({ modelRoute, actor }: Exchange, json: string): string {
  const { sees, render, model } = modelRoute;
  return sees(json, actor) ? render(json, actor) : project({ json }, [model.primaryKey]);
}

function onlyAggregate(outcome: AppliedOutcome): WrittenAggregate & { readonly json: string } {
  const [aggregate] = outcome.aggregates;
  if (aggregate === undefined || aggregate.json === null) {
    throw new Error('an applied write of one aggregate brings its JSON');
  }
  return { ...aggregate, json: aggregate.json };
}

function headersOf(
  { durability, index }: AppliedOutcome,
  tokens: OperationContext['tokens'],
  state: StateReader,
): string[] {
  if (durability === undefined) return stateHeaders(tokens, state, index);
  return durability === 'local' ? localHeaders() : weakHeaders(durability);
}

function writeHeaders(outcome: AppliedOutcome, { tokens, state }: OperationContext): string[] {
  const present: StateReader = state();
  const headers = headersOf(outcome, tokens, present);
  if (outcome.replayed) headers.push('Idempotency-Replayed', 'true');
  return headers;
}
