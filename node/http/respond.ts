import type { ServerResponse } from 'node:http';
import type { Clock } from '../ports/index.ts';
import type { Exchange, Reply } from './exchange.ts';
import { PROBLEM_CONTENT_TYPE, type Problem, problemJson } from './problems.ts';
import { traceHeader } from './tracing.ts';

/** How long, and how much of it, the rest of a refused body is listened to. */
const LINGER_MS = 1000;
const LINGER_BYTES = 4 * 1024 * 1024;
/** A body that nobody reads is thrown away by the server up to this size. */
const IGNORED_BODY_BYTES = 64 * 1024;

/** Writes an answer, mostly in one piece. A client that has gone is no error. */
export function send(exchange: Exchange, reply: Reply): Promise<void> | void {
  const { req, res } = exchange;
  if (res.headersSent || res.destroyed) return;
  const { headers, status, body } = reply;
  if (exchange.trace !== null) headers.push(...traceHeader(exchange.trace));
  if (reply.pieces !== undefined) return sendPieces(exchange, reply, reply.pieces);
  if (body === '') {
    if (status !== 204 && status !== 304) headers.push('Content-Length', '0');
    if (hasUnreadBody(exchange)) headers.push('Connection', 'close');
    res.writeHead(status, headers);
    res.end();
    return;
  }
  const length = bytesOf(reply);
  headers.push('Content-Length', String(length));
  if (hasUnreadBody(exchange)) headers.push('Connection', 'close');
  res.writeHead(status, headers);
  if (req.method === 'HEAD') res.end();
  // As many bytes as code units: all of it is ASCII, which latin1 writes without transcoding.
  else res.end(body, length === body.length ? 'latin1' : 'utf8');
}

function bytesOf({ body, isAscii }: Reply): number {
  return isAscii === true ? body.length : Buffer.byteLength(body);
}

/** Goes at the pace of the client. Where it fails, the client sees that the answer has no end. */
async function sendPieces(
  { req, res }: Exchange,
  { status, headers }: Reply,
  pieces: AsyncIterable<string>,
): Promise<void> {
  res.writeHead(status, headers);
  if (req.method === 'HEAD') {
    res.end();
    return;
  }
  try {
    for await (const piece of pieces) {
      if (res.destroyed) return;
      if (!res.write(piece)) await drained(res);
    }
    res.end();
  } catch (error) {
    res.destroy();
    throw error;
  }
}

/** Resolves when the client has read what was written, or has gone. */
export function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done);
      res.off('close', done);
      resolve();
    };
    res.on('drain', done);
    res.on('close', done);
    if (res.destroyed) done();
  });
}

/** A large body that came with a request that takes none: answer, then hang up. */
function hasUnreadBody({ req }: Exchange): boolean {
  if (req.complete) return false;
  const { headers } = req;
  if (headers['transfer-encoding'] !== undefined) return true;
  return Number(headers['content-length'] ?? 0) > IGNORED_BODY_BYTES;
}

export function sendProblem(exchange: Exchange, problem: Problem, clock: Clock): void {
  const { status, code, message, errors } = problem;
  const headers = [...problem.headers, 'Content-Type', PROBLEM_CONTENT_TYPE];
  headers.push('Cache-Control', 'no-store');
  if (status === 503) headers.push('Retry-After', '1');
  const body = problemJson(code, message, errors, exchange.ids?.traceId);
  if (problem.closes || hasUnreadBody(exchange))
    sendAndLinger(exchange, status, headers, body, clock);
  else void send(exchange, { status, headers, body });
}

/**
 * Answers while the body still arrives. Closing at once would reset the connection, and the
 * client might never see the answer; so the rest is read for a moment, and thrown away.
 */
function sendAndLinger(
  { req, res, trace }: Exchange,
  status: number,
  headers: string[],
  body: string,
  clock: Clock,
): void {
  if (res.headersSent || res.destroyed) return;
  if (trace !== null) headers.push(...traceHeader(trace));
  headers.push('Content-Length', String(Buffer.byteLength(body)), 'Connection', 'close');
  res.writeHead(status, headers);
  if (req.method !== 'HEAD') res.write(body);
  // A client that waits for 100 Continue has sent nothing, and now never will.
  if (req.headers.expect !== undefined) {
    res.end();
    return;
  }
  let seen = 0;
  const timer = clock.after(LINGER_MS, hangUp);
  req.on('data', (chunk: Buffer) => {
    seen += chunk.length;
    if (seen > LINGER_BYTES) hangUp();
  });
  req.on('end', hangUp);
  req.on('error', hangUp);
  function hangUp(): void {
    timer.cancel();
    req.removeAllListeners('data');
    res.end();
  }
}
