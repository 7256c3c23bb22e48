import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGateway, type GatewayLimits } from '../../gateway/index.ts';
import type { Logger } from '../../ports/index.ts';
import {
  createMetrics,
  LogSink,
  silentLogger,
  Tracer,
  type TraceSink,
} from '../../telemetry/index.ts';
import { systemClock, systemRandom } from '../../world.ts';
import { type ApiLimits, createApi } from '../index.ts';
import { SingleNode, schemaOf } from './single-node.ts';

/** A whole front, from sockets to the state, on ephemeral ports. */
export interface ServedApi {
  readonly engine: SingleNode;
  readonly port: number;
  readonly opsPort: number;
  /** A request to the API port with the answer read to its end. */
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface SendOptions {
  /** Sent as it stands where it is a string or bytes, else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; an empty object where it is not JSON. */
  readonly json: Record<string, unknown>;
}

/** Where a test listens to what the API tells of itself. */
interface Heard {
  readonly logger?: Logger;
  readonly traces?: TraceSink;
}

export async function serveApi(
  models: readonly unknown[],
  limits: Partial<ApiLimits> = {},
  auth?: unknown,
  bounds: Partial<GatewayLimits> = {},
  heard: Heard = {},
): Promise<ServedApi> {
  const { logger = silentLogger, traces = new LogSink(logger) } = heard;
  const engine = new SingleNode(schemaOf(models, auth));
  const gateway = createGateway(bounds);
  const api = createApi({
    engine,
    limits,
    readSecret: (name) => Promise.resolve(Buffer.from(name)),
    logger,
    metrics: createMetrics({ processMetrics: false }),
    tracer: new Tracer(systemClock, systemRandom, traces),
    clock: systemClock,
    admit: gateway.admit,
    version: '0.0.0',
    fieldKeys: engine.fieldKeys,
  });
  const servers = [gateway.createServer(api.apiListener), gateway.createServer(api.opsListener)];
  const [port = 0, opsPort = 0] = await Promise.all(servers.map(listen));
  return {
    engine,
    port,
    opsPort,
    send: (method, path, options) => send(port, method, path, options ?? {}),
    close: async () => {
      await Promise.all(servers.map(close));
    },
  };
}

export async function send(
  port: number,
  method: string,
  path: string,
  { body, headers }: SendOptions,
): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: isRaw ? rawBody(body) : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

function rawBody(body: string | Uint8Array): string | Uint8Array<ArrayBuffer> {
  return typeof body === 'string' ? body : new Uint8Array(body);
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(portOf(server.address())));
  });
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
