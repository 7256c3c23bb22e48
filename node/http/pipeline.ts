import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccessOperation } from '../access/index.ts';
import type { Actor, Clock, Command, CommandEnvelope, Engine, Logger } from '../ports/index.ts';
import type { RequestMetrics, Tracer } from '../telemetry/index.ts';
import type { Admit, ApiLimits } from './api.ts';
import { auditBegun, auditedReply, auditProblem, mustAudit } from './auditing.ts';
import { type BodyReceiver, ClientGone } from './body.ts';
import { refuseConditions } from './eventual.ts';
import { Exchange, type Parent } from './exchange.ts';
import type { Freshness } from './freshness.ts';
import { idempotencyOf } from './idempotency.ts';
import type {
  Operation,
  OperationContext,
  ReadOperation,
  StreamOperation,
  WriteOperation,
} from './operations/operation.ts';
import { onlyParameter } from './operations/parameters.ts';
import { requireWriteHead } from './operations/write.ts';
import { problemOf } from './problem-of.ts';
import { Problem } from './problems.ts';
import { readAhead } from './read-ahead.ts';
import { send, sendProblem } from './respond.ts';
import type { RouteTable, RouteTables } from './route-table.ts';
import { route, type SystemRoutes, unknownRoute } from './router.ts';
import { tracedBody } from './traced-body.ts';
import { beginTrace, finishTrace, identifier } from './tracing.ts';
import { viewOf } from './view-of.ts';

type ModelOperation = ReadOperation | WriteOperation | StreamOperation;

/** Everything that the steps of the pipeline need. */
export interface PipelineParts {
  readonly admit: Admit;
  readonly system: SystemRoutes;
  readonly tables: Pick<RouteTables, 'of'>;
  readonly bodies: BodyReceiver;
  readonly freshness: Freshness;
  readonly engine: Engine;
  readonly context: OperationContext;
  readonly limits: ApiLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly requests: RequestMetrics;
  readonly tracer: Tracer;
}

/** Answers one request; resolves, or returns, when the answer is written. Never throws. */
export type Handle = (req: IncomingMessage, res: ServerResponse) => Promise<void> | void;

/**
 * The way of a request, step by step. Each step may refuse by throwing a `Problem`; all of them
 * leave by the one error exit. Reads that need no waiting are answered without a promise.
 */
export function createPipeline(parts: PipelineParts): Handle {
  return (req, res) => attempt(parts, new Exchange(req, res, parts.clock.monotonicMs()), run);
}

function attempt(
  parts: PipelineParts,
  exchange: Exchange,
  steps: (parts: PipelineParts, exchange: Exchange) => Promise<void> | void,
): Promise<void> | void {
  try {
    const pending = steps(parts, exchange);
    if (pending === undefined) return observe(parts, exchange);
    return pending.then(
      () => observe(parts, exchange),
      (error: unknown) => failOrRouteAnew(parts, exchange, error),
    );
  } catch (error) {
    return failOrRouteAnew(parts, exchange, error);
  }
}

/**
 * A read that a change of the model outran begins again under the new one, whose permissions and
 * indexes are others: nothing was answered, and nothing was changed.
 */
function failOrRouteAnew(
  parts: PipelineParts,
  exchange: Exchange,
  error: unknown,
): Promise<void> | void {
  const isOutrun =
    error instanceof Problem &&
    error.code === 'schema_changed' &&
    exchange.operation?.kind === 'read' &&
    !exchange.res.headersSent;
  if (!isOutrun || exchange.outrunTimes >= MAX_OUTRUN) return fail(parts, exchange, error);
  exchange.outrunTimes += 1;
  exchange.parent = null;
  exchange.expanded = [];
  return attempt(parts, exchange, enter);
}

/** Changes of the model come one after the other through the log; so many are no accident. */
const MAX_OUTRUN = 3;

function run(parts: PipelineParts, exchange: Exchange): Promise<void> | void {
  // 1. gateway limits
  parts.admit(exchange.req);
  return enter(parts, exchange);
}

function enter(parts: PipelineParts, exchange: Exchange): Promise<void> | void {
  // 2. route
  const state = parts.engine.state();
  exchange.table = state === null ? null : parts.tables.of(state);
  route(exchange, parts.system, exchange.table);
  if (exchange.route?.model.tracing !== undefined && exchange.trace === null) {
    exchange.trace = beginTrace(parts.tracer, exchange);
  }
  const { operation } = exchange;
  if (operation === null) throw new Error('a routed request has an operation');
  const isForAll = operation.kind === 'system' && operation.asksWho !== true;
  if (isForAll || exchange.table === null) return answerAll(exchange, operation);
  // 3. auth
  const actor = exchange.table.authenticate(exchange.req.headers);
  if (!(actor instanceof Promise)) return runAs(parts, exchange, actor);
  return actor.then((found) => runAs(parts, exchange, found));
}

/** Routes of fixed paths, which the node answers in every phase. */
function answerAll(exchange: Exchange, operation: Operation): Promise<void> | void {
  if (operation.kind !== 'system') throw new Error('a request about a model has a state');
  return sendLater(exchange, operation.answer(exchange));
}

function runAs(
  parts: PipelineParts,
  exchange: Exchange,
  actor: Actor | null,
): Promise<void> | void {
  const { operation, table } = exchange;
  if (actor === null) throw unauthorized('The credentials are not those of a known caller.', true);
  exchange.actor = actor;
  if (operation === null || table === null) throw new Error('a routed request has both');
  if (operation.kind === 'system') return sendLater(exchange, operation.answer(exchange));
  // 4. access
  exchange.route = table.narrow(exchange.modelRoute, actor);
  if (exchange.parent !== null) enterParent(exchange, exchange.parent, table);
  authorize(exchange, operation);
  exchange.modelRoute.requireOpen();
  refuseConditions(exchange);
  if (operation.kind === 'stream') {
    exchange.trace?.enter('stream');
    return runStream(parts, exchange, operation);
  }
  return operation.kind === 'read'
    ? runRead(parts, exchange, operation)
    : runWrite(parts, exchange, operation);
}

/** Its lines are many; that it began is recorded once. */
function runStream(
  parts: PipelineParts,
  exchange: Exchange,
  operation: StreamOperation,
): Promise<void> {
  if (!mustAudit(exchange)) return operation.run(exchange, parts);
  return auditBegun(parts, exchange).then(() => operation.run(exchange, parts));
}

/** Reads: no body. validation is the query's own, after the state is as fresh as wanted. */
function runRead(
  parts: PipelineParts,
  exchange: Exchange,
  operation: ReadOperation,
): Promise<void> | void {
  const { headers } = exchange.req;
  const { epoch } = parts.context.state();
  const parameter =
    exchange.rawQuery === '' ? undefined : onlyParameter(exchange.parameters, 'consistency');
  const level = headers['lithair-consistency'];
  const token = headers['lithair-min-index'];
  const { model } = exchange.modelRoute;
  const demand =
    model.consistency === 'eventual'
      ? parts.freshness.eventualDemandOf(model.name, level, parameter, token, epoch)
      : parts.freshness.demandOf(level, parameter, token, epoch, model.consistency);
  exchange.trace?.enter('barrier');
  const { clock, limits } = parts;
  const patience = { clock, timeoutMs: limits.engineTimeoutMs };
  const ahead = operation.name === 'read' ? readAhead(parts.context, exchange, patience) : null;
  const barrier = parts.engine.readBarrier(demand);
  // 5. query, 6. response
  if (barrier === null && ahead === null) return answerRead(parts, exchange, operation);
  // The row as it is once all is awaited is what is answered: it may have changed by then.
  return Promise.all([barrier, ahead]).then(() => answerRead(parts, exchange, operation));
}

function answerRead(
  parts: PipelineParts,
  exchange: Exchange,
  operation: ReadOperation,
): Promise<void> | void {
  exchange.trace?.enter('query');
  const { context } = parts;
  const view = viewOf(exchange, context, exchange.modelRoute);
  const reply = operation.answer(exchange, view, context);
  if (reply instanceof Promise) {
    return sendLater(
      exchange,
      reply.then((done) => auditedReply(parts, exchange, done)),
    );
  }
  return sendLater(exchange, mustAudit(exchange) ? auditedReply(parts, exchange, reply) : reply);
}

async function runWrite(
  parts: PipelineParts,
  exchange: Exchange,
  operation: WriteOperation,
): Promise<void> {
  // 5. body
  const limit = operation.bodyLimit(parts.limits);
  requireWriteHead(exchange, operation, limit > 0);
  exchange.trace?.enter('receive');
  if (limit === 0) return answerWrite(parts, exchange, operation, NO_BODY);
  const { req, res } = exchange;
  const bytes = await parts.bodies.receive(req, res, limit);
  try {
    await answerWrite(parts, exchange, operation, bytes);
  } finally {
    parts.bodies.release(bytes);
  }
}

async function answerWrite(
  parts: PipelineParts,
  exchange: Exchange,
  operation: WriteOperation,
  bytes: Uint8Array,
): Promise<void> {
  const { req, table } = exchange;
  // 6. validation
  exchange.trace?.enter('validation');
  const command = operation.command(exchange, bytes);
  // 7. command
  const envelope: CommandEnvelope = {
    command,
    actor: exchange.actor,
    schemaVersion: table?.schemaVersion ?? 0,
    idempotency: idempotencyOf(
      req.headers['idempotency-key'],
      exchange.actor,
      req.method ?? '',
      exchange.rawPath,
      () => exchange.modelRoute.digest(bytes),
    ),
    timeoutMs: parts.limits.engineTimeoutMs,
    ...submitting(exchange, command, bytes.length),
  };
  if (mustAudit(exchange)) await auditBegun(parts, exchange);
  const outcome = await parts.engine.submit(envelope);
  exchange.trace?.enter('answer');
  // 8. response
  if (outcome.kind === 'rejected') {
    throw new Problem(outcome.code, outcome.message, { errors: outcome.errors });
  }
  await send(exchange, operation.reply(exchange, outcome, parts.context));
}

/** From here on, what the leader records is part of this phase. */
function submitting(
  { trace, modelRoute: { model } }: Exchange,
  command: Command,
  bodyBytes: number,
): Pick<CommandEnvelope, 'trace'> {
  if (trace === null) return {};
  trace.note('http.request.body.size', bodyBytes);
  if (model.tracing?.includeBody === true) {
    trace.note('http.request.body.content', tracedBody(command, model));
  }
  trace.enter('submit');
  return { trace: trace.context };
}

const NO_BODY = new Uint8Array(0);

function authorize(exchange: Exchange, operation: ModelOperation): void {
  const { model, rights } = exchange.modelRoute;
  const wanted = wantedRight(exchange, operation);
  if (rights.may(wanted)) return;
  throw refusedRight(exchange.actor, wanted, model.name);
}

function refusedRight(actor: Actor, wanted: AccessOperation, model: string): Problem {
  const what = wanted === 'history' ? 'read the past of' : wanted;
  const detail = `The caller has no right to ${what} ${model}.`;
  return actor.method === 'none' ? unauthorized(detail, false) : new Problem('forbidden', detail);
}

/** Who lists what refers to a row must be allowed to read that row, and the field that refers. */
function enterParent(exchange: Exchange, parent: Parent, table: RouteTable): void {
  const { actor, modelRoute } = exchange;
  const route = table.narrow(parent.route, actor);
  exchange.parent = { ...parent, route };
  if (!route.rights.may('read')) throw refusedRight(actor, 'read', route.model.name);
  const isListed = modelRoute.rights.may('list');
  if (isListed && modelRoute.rights.unreadable.has(parent.field)) throw unknownRoute();
}

/** A PUT that only ever creates needs the right to create, and no other; a past version that to the past. */
function wantedRight(exchange: Exchange, { name, access }: ModelOperation): AccessOperation {
  const { headers } = exchange.req;
  if (name === 'replace' && headers['if-none-match'] !== undefined) return 'create';
  return name === 'read' && isOfThePast(exchange) ? 'history' : access;
}

function isOfThePast(exchange: Exchange): boolean {
  if (exchange.rawQuery === '' || exchange.modelRoute.history === null) return false;
  return exchange.parameters.some(
    (parameter) => parameter.name === 'at' || parameter.name === 'version',
  );
}

/** With the challenge that RFC 6750, section 3, asks for. */
function unauthorized(detail: string, isWrong: boolean): Problem {
  const challenge = isWrong ? 'Bearer error="invalid_token"' : 'Bearer';
  return new Problem('unauthorized', detail, { headers: ['WWW-Authenticate', challenge] });
}

function sendLater(
  exchange: Exchange,
  reply: Parameters<typeof send>[1] | Promise<Parameters<typeof send>[1]>,
): Promise<void> | void {
  if (reply instanceof Promise) return reply.then((done) => sendLater(exchange, done));
  exchange.trace?.enter('answer');
  return send(exchange, reply);
}

/** The one error exit. */
function fail(parts: PipelineParts, exchange: Exchange, error: unknown): Promise<void> | void {
  const { trace } = exchange;
  if (error instanceof ClientGone) {
    if (trace !== null) finishTrace(trace, exchange, true);
    return;
  }
  exchange.ids = trace;
  const problem = problemOf(error, parts.logger, identifier(parts.tracer, exchange));
  if (exchange.isAudited || !mustAudit(exchange)) return answerProblem(parts, exchange, problem);
  return auditProblem(parts, exchange, problem.status).then(
    () => answerProblem(parts, exchange, problem),
    (failure: unknown) => fail(parts, exchange, failure),
  );
}

function answerProblem(parts: PipelineParts, exchange: Exchange, problem: Problem): void {
  exchange.trace?.enter('answer');
  sendProblem(exchange, problem, parts.clock);
  observe(parts, exchange);
}

function observe({ clock, logger, requests }: PipelineParts, exchange: Exchange): void {
  const durationMs = clock.monotonicMs() - exchange.startedMs;
  const status = exchange.res.statusCode;
  const { trace } = exchange;
  const model = exchange.route?.model.name ?? '';
  const operation = exchange.operation?.name ?? 'none';
  requests.series(model, operation).observe(status, durationMs);
  if (trace !== null) finishTrace(trace, exchange, false);
  const ids = trace === null ? {} : { trace_id: trace.traceId, span_id: trace.spanId };
  logger.debug({ model, operation, status, durationMs, ...ids }, 'request');
}
