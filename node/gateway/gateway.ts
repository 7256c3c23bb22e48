import type { IncomingMessage, Server } from 'node:http';
import { type Admit, type Listener, Problem } from '../http/index.ts';
import { GATEWAY_LIMITS, type GatewayLimits } from './limits.ts';
import { createBoundedServer } from './server.ts';

/** What stands between the network and the pipeline. Firewall, CORS and rates will stand here. */
export interface Gateway {
  /** First step of the pipeline. */
  readonly admit: Admit;
  /** A server, not listening yet, that hands every request to the listener. */
  createServer(listener: Listener): Server;
}

export function createGateway(limits: Partial<GatewayLimits> = {}): Gateway {
  const bounds = { ...GATEWAY_LIMITS, ...limits };
  return {
    admit: (req) => admit(req, bounds),
    createServer: (listener) => createBoundedServer(listener, bounds),
  };
}

/**
 * What Node would answer by itself, without a word: a request of HTTP/1.1 without `Host` (RFC 9112,
 * section 3.2), and one that expects what nobody knows (RFC 9110, section 10.1.1).
 */
function requireHead({ headers, httpVersion }: IncomingMessage): void {
  if (headers.host === undefined && httpVersion === '1.1') {
    throw new Problem('malformed_request', 'A request of HTTP/1.1 names its Host.');
  }
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    throw new Problem('bad_header', 'Expect can only be 100-continue.', { closes: true });
  }
}

/** Node drops headers beyond its count silently; a request that may have lost some is refused. */
function admit(req: IncomingMessage, limits: GatewayLimits): void {
  requireHead(req);
  if ((req.url ?? '').length > limits.urlBytes) {
    throw new Problem('uri_too_long', `A URL has at most ${limits.urlBytes} bytes.`);
  }
  if (req.rawHeaders.length >= 2 * limits.headerCount) {
    const detail = `A request has fewer than ${limits.headerCount} headers.`;
    throw new Problem('headers_too_large', detail, { closes: true });
  }
}
