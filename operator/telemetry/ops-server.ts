import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

interface OpsOptions {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  /** Whether this process can do its work, as leader or as stand-by. */
  readonly ready: () => boolean;
}

/** Serves `/healthz`, `/readyz` and `/metrics`; resolves when it listens. */
export async function serveOps(options: OpsOptions): Promise<Server> {
  const server = createServer((request, response) => {
    answer(options, request.url ?? '/', response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return server;
}

async function answer(options: OpsOptions, url: string, response: ServerResponse): Promise<void> {
  const { registry, ready } = options;
  switch (url) {
    case '/healthz':
      return end(response, 200, 'ok\n');
    case '/readyz':
      return ready() ? end(response, 200, 'ok\n') : end(response, 503, 'starting\n');
    case '/metrics':
      response.setHeader('content-type', registry.contentType);
      return end(response, 200, await registry.metrics());
    default:
      return end(response, 404, 'not found\n');
  }
}

function end(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.end(text);
}
