import type { ServerResponse } from 'node:http';
import { type Actor, type CommandEnvelope, EngineError, type Outcome } from '../../ports/index.ts';
import { auditBegun, mustAudit } from '../auditing.ts';
import type { Exchange } from '../exchange.ts';
import { idempotencyOf } from '../idempotency.ts';
import { LineReader } from '../lines.ts';
import { BULK_TYPES, NDJSON_TYPE, requireAcceptable, requireBodyType } from '../media-type.ts';
import { problemOf } from '../problem-of.ts';
import { Problem } from '../problems.ts';
import { VARY } from '../reply.ts';
import { drained } from '../respond.ts';
import type { ModelRoute, RouteTable } from '../route-table.ts';
import { identifier, traceHeader } from '../tracing.ts';
import { letTakeItsTime } from '../unhurried.ts';
import type { StreamOperation, StreamParts } from './operation.ts';
import { requireNoParameters } from './parameters.ts';
import { refuseConditionsOfNew, rightsOfNew } from './write.ts';

/** Lines that are under way at one time, and bytes of them: behind these, reading stops. */
const MAX_LINES = 64;
const MAX_LINE_BYTES = 4 * 1024 * 1024;
/** Results that a client has not read; behind these, reading stops, too. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** Bodies of lines that are received at one time. */
const MAX_STREAMS = 64;
/** A client that sends nothing for so long has gone. */
const IDLE_MS = 60_000;
const RETRY_MS = 100;

let streams = 0;

/**
 * POST of lines to `_bulk`: each is a create of its own, and has one line of the answer, in order.
 * As many are under way as the node can take; reading stops where they are not done, or the client
 * does not read what became of them.
 */
export const bulkLines: StreamOperation = {
  kind: 'stream',
  name: 'bulkLines',
  access: 'create',
  async run(exchange, parts) {
    const { headers } = exchange.req;
    requireNoParameters(exchange);
    refuseConditionsOfNew(exchange);
    requireAcceptable(headers.accept, NDJSON_TYPE);
    requireBodyType(BULK_TYPES, headers['content-type'], headers['content-encoding']);
    keyOf(exchange, 0, () => '', exchange.actor);
    if (streams >= MAX_STREAMS) {
      throw new Problem('overloaded', 'Too many bodies of lines arrive at the same time.', {
        closes: true,
      });
    }
    streams += 1;
    const hurry = letTakeItsTime(exchange.req.socket);
    try {
      await new LineBulk(exchange, parts).run();
    } finally {
      streams -= 1;
      hurry();
    }
  },
};

interface UnderWay {
  readonly done: Promise<void>;
  readonly bytes: number;
}

class LineBulk {
  readonly #exchange: Exchange;
  readonly #parts: StreamParts;
  readonly #reader: LineReader;
  readonly #underWay: UnderWay[] = [];
  #bytes = 0;
  #line = 0;
  #table: RouteTable | null;
  /** Of what lines behind a change of the model begin. */
  #audited: Promise<void> = Promise.resolve();
  #written: Promise<void> = Promise.resolve();

  constructor(exchange: Exchange, parts: StreamParts) {
    this.#exchange = exchange;
    this.#parts = parts;
    this.#reader = new LineReader(parts.limits.bodyBytes);
    this.#table = exchange.table;
  }

  async run(): Promise<void> {
    const { req, res } = this.#exchange;
    if (req.headers.expect !== undefined) res.writeContinue();
    const head = ['Vary', VARY, 'Cache-Control', 'no-store', 'Content-Type', NDJSON_TYPE];
    if (this.#exchange.trace !== null) head.push(...traceHeader(this.#exchange.trace));
    res.writeHead(200, head);
    res.flushHeaders();
    try {
      await this.#receive();
      for (const line of this.#reader.end()) await this.#take(line);
      await this.#written;
      res.end();
    } catch {
      // The client has gone, or sends nothing any more: it sees that the answer has no end.
      res.destroy();
    }
  }

  async #receive(): Promise<void> {
    const { req } = this.#exchange;
    const hangUp = () => void req.destroy(new Error('nothing arrives any more'));
    let timer = this.#parts.clock.after(IDLE_MS, hangUp);
    try {
      for await (const piece of req) {
        timer.cancel();
        for (const line of this.#reader.add(piece)) await this.#take(line);
        timer = this.#parts.clock.after(IDLE_MS, hangUp);
      }
    } finally {
      timer.cancel();
    }
  }

  /** Begins with a line; waits until there is room for another. */
  async #take(bytes: Buffer | null): Promise<void> {
    this.#line += 1;
    if (bytes !== null && isBlank(bytes)) return;
    const result = this.#execute(this.#line, bytes);
    const done = this.#written.then(async () => this.#write(await result));
    this.#written = done;
    this.#underWay.push({ done, bytes: bytes?.length ?? 0 });
    this.#bytes += bytes?.length ?? 0;
    while (this.#underWay.length >= MAX_LINES || this.#bytes > MAX_LINE_BYTES) {
      const oldest = this.#underWay.shift();
      if (oldest === undefined) return;
      await oldest.done;
      this.#bytes -= oldest.bytes;
    }
    if (this.#exchange.res.destroyed) throw new Error('the client hung up');
  }

  /** Never fails: whether somebody still reads is asked for where lines are taken. */
  async #write(result: string): Promise<void> {
    const { res } = this.#exchange;
    if (res.destroyed) return;
    res.write(result);
    if (isUnread(res)) await drained(res);
  }

  /** The line of the answer. Never fails. */
  async #execute(line: number, bytes: Buffer | null): Promise<string> {
    try {
      if (bytes === null) throw tooLong(this.#parts.limits.bodyBytes);
      const outcome = await this.#submit(line, bytes);
      if (outcome.kind === 'applied') return resultLine({ line, status: 201, ...told(outcome) });
      const { code, message, errors } = outcome;
      throw new Problem(code, message, { errors });
    } catch (error) {
      const { status, code, message, errors } = problemOf(
        error,
        this.#parts.logger,
        identifier(this.#parts.tracer, this.#exchange),
      );
      const more = errors.length === 0 ? {} : { errors };
      return resultLine({ line, status, code, detail: message, ...more });
    }
  }

  /** Tries again where nothing was done, for as long as a write may take. */
  async #submit(line: number, bytes: Buffer): Promise<Outcome> {
    const { clock, limits } = this.#parts;
    const dueMs = clock.monotonicMs() + limits.engineTimeoutMs;
    for (;;) {
      const outcome = await this.#attempt(line, bytes).catch((error: unknown) => {
        if (isTemporary(error) && clock.monotonicMs() < dueMs) return null;
        throw error;
      });
      const isOver = clock.monotonicMs() >= dueMs;
      if (outcome !== null && (isOver || !isOutdated(outcome))) return outcome;
      await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
    }
  }

  async #attempt(line: number, bytes: Buffer): Promise<Outcome> {
    const table = this.#tableInForce();
    await this.#audited;
    const { actor, route } = await presentOf(this.#exchange, table);
    route.requireOpen();
    const reading = route.validator.create(bytes);
    if (!reading.ok) {
      const [first] = reading.errors;
      const detail = first === undefined ? '' : `${first.pointer || 'The line'} ${first.message}`;
      throw new Problem(reading.code, detail, { errors: reading.errors });
    }
    const envelope: CommandEnvelope = {
      command: {
        kind: 'create',
        model: route.model.name,
        body: reading.body,
        ...rightsOfNew(route),
      },
      actor,
      schemaVersion: table.schemaVersion,
      idempotency: keyOf(this.#exchange, line, () => route.digest(bytes), actor),
      timeoutMs: this.#parts.limits.engineTimeoutMs,
    };
    return this.#parts.engine.submit(envelope);
  }

  #tableInForce(): RouteTable {
    const { tables, context } = this.#parts;
    const table = tables.of(context.state());
    if (table !== this.#table) {
      this.#table = table;
      this.#audited = this.#audit(table);
      // Each line that waits for it is told; what could not be found out is asked for again.
      this.#audited.catch((error: unknown) => {
        if (!(error instanceof Problem)) this.#table = null;
      });
    }
    return table;
  }

  /** As of a request that comes now, which leaves an entry in the audit log where the model wants one. */
  async #audit(table: RouteTable): Promise<void> {
    const { actor, route } = await presentOf(this.#exchange, table);
    this.#exchange.actor = actor;
    this.#exchange.route = route;
    if (mustAudit(this.#exchange)) await auditBegun(this.#parts, this.#exchange);
  }
}

/** Who sends the lines, and the model as they know it. */
interface Present {
  readonly actor: Actor;
  readonly route: ModelRoute;
}

/**
 * Asked of each line: they may arrive for days, while the model changes and a token ends.
 *
 * @throws Problem where the request would be refused if it came now
 */
async function presentOf({ req, modelRoute }: Exchange, table: RouteTable): Promise<Present> {
  const actor = await table.authenticate(req.headers);
  if (actor === null) {
    throw new Problem('unauthorized', 'The credentials are not those of a known caller any more.');
  }
  const route = table.routeOf(modelRoute.model.name, actor);
  if (route?.rights.may('create') !== true) {
    throw new Problem('forbidden', 'The caller has no right to create any more.');
  }
  if (route.model.methods?.includes('POST') === false) {
    throw new Problem('method_not_allowed', 'The model does not take POST any more.');
  }
  return { actor, route };
}

/** Of a line: the key of the request, and its number. */
function keyOf({ req, rawPath }: Exchange, line: number, fingerprint: () => string, actor: Actor) {
  const key = req.headers['idempotency-key'];
  return idempotencyOf(key, actor, req.method ?? '', rawPath, fingerprint, line);
}

function told({ aggregates, replayed, durability }: Extract<Outcome, { kind: 'applied' }>) {
  const [aggregate] = aggregates;
  const { id = '', version = 0 } = aggregate ?? {};
  return {
    id,
    ...(version > 0 && { version }),
    ...(replayed && { replayed }),
    ...(durability !== undefined && { durability }),
  };
}

function resultLine(result: object): string {
  return `${JSON.stringify(result)}\n`;
}

function isTemporary(error: unknown): boolean {
  const isEngines = error instanceof EngineError;
  return isEngines && (error.code === 'overloaded' || error.code === 'unavailable');
}

function isOutdated(outcome: Outcome): boolean {
  return outcome.kind === 'rejected' && outcome.code === 'schema_changed';
}

function isUnread(res: ServerResponse): boolean {
  return res.writableLength > MAX_UNREAD_BYTES;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 32 || byte === 9 || byte === 13);
}

function tooLong(limit: number): Problem {
  return new Problem('body_too_large', `A line may have at most ${limit} bytes.`);
}
