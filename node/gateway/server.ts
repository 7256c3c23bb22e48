import { createServer, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type Listener,
  PROBLEM_CONTENT_TYPE,
  PROBLEMS,
  type ProblemCode,
  problemJson,
  takesItsTime,
} from '../http/index.ts';
import type { GatewayLimits } from './limits.ts';

/**
 * A server with every bound set; the caller listens and closes. A body that waits for
 * `100 Continue` is asked for by the pipeline when it wants the body, never before.
 */
export function createBoundedServer(listener: Listener, limits: GatewayLimits): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: 1000,
      noDelay: true,
      // The pipeline refuses what has none, as a problem document.
      requireHostHeader: false,
    },
    listener,
  );
  server.maxConnections = limits.connections;
  server.maxHeadersCount = limits.headerCount;
  server.on('checkContinue', listener);
  server.on('checkExpectation', listener);
  server.on('connect', (_, socket) =>
    refuse(socket, 'method_not_allowed', NO_PROXY, 'Allow: \r\n'),
  );
  server.on('clientError', answerClientError);
  return server;
}

/** What arrived is not a request: say why, where somebody still listens, and hang up. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket | NodeJS.WritableStream) {
  if (!('destroySoon' in socket)) return;
  if (isInNoHurry(error, socket)) return;
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const code = clientErrorCode(error.code);
  const isMethod = error.code === 'HPE_INVALID_METHOD';
  refuse(socket, code, isMethod ? NO_METHOD : CLIENT_ERROR_DETAILS[code]);
  socket.destroySoon();
}

/** @param header a line of its own, with its end */
function refuse(socket: Duplex, code: ProblemCode, detail: string, header = ''): void {
  const body = problemJson(code, detail);
  const { status } = PROBLEMS[code];
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `${header}Cache-Control: no-store\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}

const NO_PROXY = 'CONNECT is for proxies.';
const NO_METHOD = 'The request does not begin with a method of HTTP.';

/** A body without an end that is known is bounded by whoever receives it. */
function isInNoHurry(error: NodeJS.ErrnoException, socket: Socket): boolean {
  return clientErrorCode(error.code) === 'request_timeout' && takesItsTime(socket);
}

type ClientErrorCode = 'headers_too_large' | 'request_timeout' | 'malformed_request';

const CLIENT_ERROR_DETAILS: Readonly<Record<ClientErrorCode, string>> = {
  headers_too_large: 'Shorten the URL and the headers.',
  request_timeout: 'The request was not complete in time.',
  malformed_request: 'The bytes that arrived are not an HTTP/1.1 request.',
};

function clientErrorCode(code: string | undefined): ClientErrorCode & ProblemCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'malformed_request';
}
