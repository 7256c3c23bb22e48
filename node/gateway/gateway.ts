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

/** Node drops headers beyond its count silently; a request that may have lost some is refused. */
function admit(req: IncomingMessage, limits: GatewayLimits): void {
  if ((req.url ?? '').length > limits.urlBytes) {
    throw new Problem('uri_too_long', `A URL has at most ${limits.urlBytes} bytes.`);
  }
  if (req.rawHeaders.length >= 2 * limits.headerCount) {
    const detail = `A request has fewer than ${limits.headerCount} headers.`;
    throw new Problem('headers_too_large', detail, { closes: true });
  }
}
