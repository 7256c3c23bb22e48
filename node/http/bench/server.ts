/**
 * One server to measure, on an ephemeral port that it prints: `koa` is Koa with a map and nothing
 * else, `lithair` the whole front with the real state and command rooms and no log behind;
 * `unsampled` and `traced` are the same with a model whose requests are traced, none and all of them.
 */
import { createServer, type IncomingMessage } from 'node:http';
import Koa from 'koa';
import { createGateway } from '../../gateway/index.ts';
import { createMetrics, LogSink, silentLogger, Tracer } from '../../telemetry/index.ts';
import { uuidV7 } from '../../values/index.ts';
import { systemClock, systemRandom } from '../../world.ts';
import { createApi } from '../index.ts';
import { SingleNode, schemaOf } from '../testing/single-node.ts';

const ID = '018f2f2a-0000-7000-8000-000000000001';
const ROW = {
  name: 'A product with a name of some length',
  price: '12.50',
  stock: 3,
  status: 'live',
};
const MODEL = {
  name: 'Product',
  fields: [
    { name: 'id', type: 'uuid', primaryKey: true },
    { name: 'name', type: 'string', required: true, maxLength: 200, index: 'hash' },
    { name: 'price', type: 'decimal', required: true, minimum: 0, index: 'ordered' },
    { name: 'stock', type: 'integer', default: 0 },
    { name: 'status', type: 'enum', values: ['draft', 'live'], default: 'draft' },
    { name: 'createdAt', type: 'datetime', defaultFrom: 'now' },
  ],
};

const TRACING: Readonly<Record<string, object>> = {
  unsampled: { tracing: { enabled: true, sampleRate: 0 } },
  traced: { tracing: { enabled: true, sampleRate: 1 } },
};

const kind = process.argv[2] ?? '';
const server = kind === 'koa' ? koaServer() : await lithairServer();
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(address.port);
});

function koaServer() {
  const rows = new Map([
    [ID, JSON.stringify({ id: ID, ...ROW, createdAt: new Date().toISOString() })],
  ]);
  const app = new Koa();
  app.use(async (ctx) => {
    ctx.type = 'json';
    if (ctx.method === 'POST') {
      const id = uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
      const json = JSON.stringify({ id, ...JSON.parse(await bodyOf(ctx.req)) });
      rows.set(id, json);
      ctx.status = 201;
      ctx.body = json;
      return;
    }
    ctx.body = rows.get(ctx.path.slice('/api/products/'.length));
  });
  const listener = app.callback();
  return createServer((req, res) => void listener(req, res));
}

function bodyOf(req: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => resolve(Buffer.concat(chunks).toString()));
  });
}

async function lithairServer() {
  const engine = new SingleNode(schemaOf([{ ...MODEL, ...TRACING[kind] }]));
  const command = { kind: 'create', model: 'Product', body: { id: ID, ...ROW } } as const;
  const actor = { subject: 'bench', method: 'none', roles: [] } as const;
  await engine.submit({ command, actor, schemaVersion: 1, idempotency: null, timeoutMs: 1000 });
  const gateway = createGateway();
  const api = createApi({
    engine,
    readSecret: () => Promise.reject(new Error('there are no secrets')),
    logger: silentLogger,
    metrics: createMetrics({ processMetrics: false }),
    tracer: new Tracer(systemClock, systemRandom, new LogSink(silentLogger)),
    clock: systemClock,
    admit: gateway.admit,
    version: '0.0.0',
  });
  return gateway.createServer(api.apiListener);
}
