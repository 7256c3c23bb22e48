import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Rows } from './collection.ts';
import { queryString, Sender, UnreachableError } from './runtime.ts';

const TIMEOUT_MS = 2000;
const ROWS = 6;

/** Sends a row, then the next after a quarter of what a try may take; `/silent` never answers. */
const server = createServer((request, response) => {
  if (request.url !== '/silent') void answer(request, response);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const url = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';
after(() => {
  server.close();
  server.closeAllConnections();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(request.url === '/refused' ? 403 : 200);
  for (let n = 0; n < ROWS; n++) {
    response.write(`{"n":${n}}\n`);
    await pause(TIMEOUT_MS / 4);
  }
  // The body of a refusal never ends.
  if (request.url !== '/refused') response.end();
}

function rowsAt(path: string): Rows<{ n: number }, Record<string, never>> {
  return new Rows(new Sender({ url, timeoutMs: TIMEOUT_MS, attempts: 1 }), path);
}

test('lines may come for longer than one try may take to be answered', async () => {
  const found: number[] = [];
  for await (const { n } of rowsAt('/rows').lines()) found.push(n);
  assert.deepEqual(found, [0, 1, 2, 3, 4, 5]);
});

test('lines of a node that does not answer, or does not end a refusal, are given up', async () => {
  await assert.rejects(rowsAt('/silent').lines().next(), UnreachableError);
  await assert.rejects(rowsAt('/refused').lines().next(), { status: 403 });
});

test('who takes lines may end it while they come', async () => {
  const stop = new AbortController();
  const lines = rowsAt('/rows').lines({}, { signal: stop.signal });
  assert.deepEqual((await lines.next()).value, { n: 0 });
  stop.abort();
  await assert.rejects(async () => {
    for await (const _ of lines);
  }, UnreachableError);
});

const written = (query: object) => decodeURIComponent(queryString(query));

test('conditions, of which all or one must hold, are written as the API reads them', () => {
  assert.equal(written({ where: { a: 1, b: { gte: 2, lt: 3 } } }), '?a[eq]=1&b[gte]=2&b[lt]=3');
  const or = { stock: 0, price: { lt: 10 }, name: { in: ['x', 'y'] } };
  assert.equal(
    written({ or, limit: 5 }),
    '?or=stock[eq]=0,price[lt]=10,name[eq]=x,name[eq]=y&limit=5',
  );
  assert.equal(queryString({ or: { a: 'b,c', d: 1 } }), '?or=a%5Beq%5D%3Db%2Cc,d%5Beq%5D%3D1');
  assert.equal(written({ or: { stock: 0, price: undefined } }), '?stock[eq]=0');
  assert.equal(written({ or: {} }), '');
});

test('who cannot be reached is told with the reason', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const place = closed.address();
  const port = typeof place === 'object' ? place?.port : 0;
  closed.close();
  await once(closed, 'close');
  const sender = new Sender({ url: `http://127.0.0.1:${port}`, attempts: 1 });
  await assert.rejects(
    sender.send({ method: 'GET', path: '/', headers: {} }),
    (error) => error instanceof UnreachableError && /ECONNREFUSED/.test(error.message),
  );
});
