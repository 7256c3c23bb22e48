import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import type { PeerIdentity } from '@lithair/crds/identity';
import type { PeerListener } from '../consensus/index.ts';
import type { Logger } from '../ports/index.ts';
import { type AdminHandler, type AdminResponse, problemResponse } from './admin-api.ts';
import { AdminError, asAdminError } from './errors.ts';

/** Longest body: a compiled model with room to spare. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const SOCKET_TIMEOUT_MS = 30_000;

/** Answers administrative requests on the peer port from now on. */
export function serveAdmin(listener: PeerListener, handler: AdminHandler, logger: Logger): void {
  const server = new AdminServer(handler, logger);
  listener.onAdmin((socket, identity) => server.take(socket, identity));
}

/**
 * The admin API over HTTP on the peer port. Whoever gets here has shown a certificate of this
 * cluster; members and administrators may do everything that the API offers.
 */
class AdminServer {
  readonly #http: Server;
  readonly #logger: Logger;
  readonly #handler: AdminHandler;
  readonly #identities = new WeakMap<object, PeerIdentity>();

  constructor(handler: AdminHandler, logger: Logger) {
    this.#logger = logger;
    this.#handler = handler;
    this.#http = createServer({ maxHeaderSize: 8192, keepAliveTimeout: SOCKET_TIMEOUT_MS });
    this.#http.on('request', (request, response) => {
      void this.#answer(request, response, this.#identities.get(request.socket));
    });
  }

  take(socket: TLSSocket, identity: PeerIdentity): void {
    this.#identities.set(socket, identity);
    socket.on('error', () => socket.destroy());
    socket.setTimeout(SOCKET_TIMEOUT_MS, () => socket.destroy());
    this.#http.emit('connection', socket);
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    identity: PeerIdentity | undefined,
  ): Promise<void> {
    const { method = '', url = '' } = request;
    const answer = await this.#execute(request, identity).catch((error: unknown) =>
      problemResponse(asAdminError(error)),
    );
    if (method !== 'GET') {
      const by = identity === undefined ? 'nobody' : `${identity.kind}:${identity.name}`;
      this.#logger.info(
        { method, url: url.slice(0, 200), status: answer.status, by },
        'admin request',
      );
    }
    if (answer.stream === undefined) return send(response, answer);
    await this.#sendStream(response, answer.stream);
  }

  /** What breaks off in the middle breaks the connection: the caller must not take it for whole. */
  async #sendStream(response: ServerResponse, stream: AsyncIterable<Uint8Array>): Promise<void> {
    response.setHeader('content-type', 'application/octet-stream');
    try {
      await pipeline(Readable.from(stream, { objectMode: false }), response);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#logger.warn({ reason }, 'a stream of the admin API broke off');
    }
  }

  async #execute(
    request: IncomingMessage,
    identity: PeerIdentity | undefined,
  ): Promise<AdminResponse> {
    if (identity === undefined) throw new AdminError('forbidden', 'no identity');
    const { method = '', url = '' } = request;
    const [path = '', query = ''] = url.split('?', 2);
    const body = await readBody(request);
    return await this.#handler.handle({ method, path, query, body });
  }
}

/** @throws AdminError where the body is too long, of another type, or not JSON */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('a body is read as bytes');
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      throw new AdminError('body_too_large', `the body is longer than ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new AdminError('unsupported_media_type', 'the body must be application/json');
  }
  return parseJson(Buffer.concat(chunks).toString('utf8'));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AdminError('invalid_request', 'the body is not JSON');
  }
}

function send(response: ServerResponse, answer: AdminResponse): void {
  response.statusCode = answer.status;
  if (answer.allow !== undefined) response.setHeader('allow', answer.allow);
  if (answer.status === 503) response.setHeader('retry-after', '1');
  if (answer.status === 413) response.setHeader('connection', 'close');
  if (answer.body === undefined) {
    response.end();
    return;
  }
  const isProblem = answer.status >= 400;
  response.setHeader('content-type', isProblem ? 'application/problem+json' : 'application/json');
  response.end(JSON.stringify(answer.body));
}
