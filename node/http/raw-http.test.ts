import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const MODELS = ['Brand', 'Product'].map((name) => ({
  name,
  fields: [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'name', type: 'string', required: true },
  ],
}));

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS);
});
after(() => api.close());

test('a body on a GET is ignored and the connection stays usable', async () => {
  const text = await raw(
    'GET /api/brands HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc' +
      'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
});

test('a body that is announced too large is refused before it is sent', async () => {
  const text = await raw(
    'POST /api/products HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
      'Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n',
  );
  assert.match(text, /^HTTP\/1\.1 413 /);
  assert.match(text, /Connection: close/);
  assert.doesNotMatch(text, /100 Continue/);
});

test('100 Continue is sent when the body is wanted', async () => {
  const text = await raw(
    'POST /api/products HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
      'Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n{}',
  );
  assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /);
});

test('a chunked body that outgrows the limit is refused, and the connection ends', async () => {
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  const text = await raw(
    'POST /api/products HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
      `Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`,
  );
  assert.match(text, /^HTTP\/1\.1 413 /);
  assert.match(text, /body_too_large/);
});

test('bytes that are not HTTP are told so', async () => {
  assert.match(await raw('NONSENSE\r\n\r\n'), /^HTTP\/1\.1 400 [^]*malformed_request/);
  const headers = `X: ${'y'.repeat(40_000)}`;
  assert.match(await raw(`GET / HTTP/1.1\r\n${headers}\r\n\r\n`), /^HTTP\/1\.1 431 /);
});

test('what HTTP itself refuses is a problem document, too', async () => {
  const refused = async (head: string, status: number, detail: RegExp) => {
    const text = await raw(`${head}\r\nConnection: close\r\n\r\n`);
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} [^]*application/problem\\+json`), head);
    assert.match(text, detail);
    assert.doesNotMatch(text, /100 Continue/);
    return text;
  };
  await refused('GET /api/brands HTTP/1.1', 400, /malformed_request[^]*names its Host/);
  await refused('MAKE /api/brands HTTP/1.1\r\nHost: x', 400, /not begin with a method of HTTP/);
  await refused('GET /api/brands HTTP/1.1\r\nHost: x\r\nExpect: more', 400, /bad_header[^]*Expect/);
  assert.match(
    await refused('CONNECT x:80 HTTP/1.1\r\nHost: x', 405, /proxies/),
    /\r\nAllow: \r\n/,
  );
  assert.match(await raw('GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
});

test('OPTIONS of the server as a whole tells what methods there are', async () => {
  const text = await raw('OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(
    text,
    /^HTTP\/1\.1 204 [^]*\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n/,
  );
});

function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(api.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('close', () => resolve(text));
    socket.on('error', (error) => (text === '' ? reject(error) : resolve(text)));
    socket.write(request);
  });
}
