import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const MODELS = [
  {
    name: 'Product',
    fields: [
      { name: 'id', type: 'uuid', primaryKey: true },
      { name: 'name', type: 'string', required: true, minLength: 1, maxLength: 200 },
      { name: 'price', type: 'decimal', required: true, minimum: 0 },
      { name: 'stock', type: 'integer', default: 0 },
      { name: 'number', type: 'string', immutable: true },
      { name: 'createdAt', type: 'datetime', immutable: true, defaultFrom: 'now' },
    ],
  },
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS);
});
after(() => api.close());

const LAMP = { name: 'Lamp', price: '12.50' };
const MISSING = '018f2f2a-0000-7000-8000-0000000000ff';

async function createProduct(body: unknown = LAMP): Promise<{ path: string; etag: string }> {
  const created = await api.send('POST', '/api/products', { body });
  assert.equal(created.status, 201, created.text);
  return {
    path: created.headers.get('location') ?? '',
    etag: created.headers.get('etag') ?? '',
  };
}

const JSON_PATCH = { 'content-type': 'application/json-patch+json' };

test('a merge patch changes what it names, keeps the rest, and takes away with null', async () => {
  const { path } = await createProduct({ ...LAMP, number: 'N1', stock: 3 });
  for (const type of ['application/merge-patch+json', 'application/json']) {
    const headers = { 'content-type': type };
    const patched = await api.send('PATCH', path, {
      body: '{"price":10.10,"stock":null}',
      headers,
    });
    assert.equal(patched.status, 200, patched.text);
    assert.equal(patched.json['price'], '10.10', 'digits stay as they were written');
    assert.equal(patched.json['stock'], 0, 'absent is the default');
    assert.equal(patched.json['number'], 'N1');
    assert.equal(patched.json['name'], 'Lamp');
    assert.equal(patched.headers.get('lithair-version'), '2', 'the second time nothing changes');
    assert.equal((await api.send('GET', path)).text, patched.text);
  }
});

test('a JSON Patch is applied as a whole, in order, or not at all', async () => {
  const { path } = await createProduct({ ...LAMP, stock: 3 });
  const headers = JSON_PATCH;
  const body = [
    { op: 'test', path: '/stock', value: 3 },
    { op: 'replace', path: '/stock', value: 4 },
    { op: 'copy', from: '/name', path: '/number' },
  ];
  const immutable = await api.send('PATCH', path, { body, headers });
  assert.equal(immutable.status, 422, immutable.text);
  const patched = await api.send('PATCH', path, { body: body.slice(0, 2), headers });
  assert.equal(patched.json['stock'], 4);
  const again = await api.send('PATCH', path, { body: body.slice(0, 2), headers });
  assert.equal(again.status, 409);
  assert.equal(again.json['code'], 'patch_conflict');
  assert.match(again.text, /"pointer":"\/0"/);
  assert.equal((await api.send('GET', path)).text, patched.text);
});

test('a patched aggregate must fit the model as a whole', async () => {
  const { path } = await createProduct();
  for (const [body, status, pointer] of [
    ['{"price":-1}', 400, '/price'],
    ['{"name":null}', 400, '/name'],
    ['{"colour":"red"}', 400, '/colour'],
    ['{"__proto__":{"a":1}}', 400, '/__proto__'],
    ['{"id":"018f2f2a-0000-7000-8000-0000000000ff"}', 422, '/id'],
    ['{"createdAt":"2020-01-01T00:00:00Z"}', 422, '/createdAt'],
    ['{"price":1,"price":2}', 400, '/price'],
  ] as const) {
    const refused = await api.send('PATCH', path, { body });
    assert.equal(refused.status, status, `${body}: ${refused.text}`);
    assert.match(refused.text, new RegExp(`"pointer":"${pointer}"`), body);
  }
});

test('a patch heeds If-Match, misses what is not there, and names the types that it takes', async () => {
  const { path, etag } = await createProduct();
  const headers = { 'if-match': etag };
  const body = { stock: 1 };
  assert.equal((await api.send('PATCH', path, { body, headers })).status, 200);
  assert.equal((await api.send('PATCH', path, { body, headers })).status, 412);
  assert.equal((await api.send('PATCH', `/api/products/${MISSING}`, { body })).status, 404);
  const types = 'application/merge-patch+json, application/json-patch+json, application/json';
  const options = await api.send('OPTIONS', path);
  assert.equal(options.headers.get('accept-patch'), types);
  const text = await api.send('PATCH', path, { body, headers: { 'content-type': 'text/plain' } });
  assert.equal(text.status, 415);
  assert.equal(text.headers.get('accept-patch'), types);
});

test('a repeated patch with its Idempotency-Key is applied once', async () => {
  const { path } = await createProduct({ ...LAMP, stock: 3 });
  const headers = { ...JSON_PATCH, 'idempotency-key': 'patch-1' };
  const body = [
    { op: 'test', path: '/stock', value: 3 },
    { op: 'replace', path: '/stock', value: 4 },
  ];
  const first = await api.send('PATCH', path, { body, headers });
  const second = await api.send('PATCH', path, { body, headers });
  assert.equal(second.text, first.text);
  assert.equal(second.headers.get('idempotency-replayed'), 'true');
});
