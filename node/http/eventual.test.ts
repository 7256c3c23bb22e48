import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const ID = '018f0000-0000-7000-8000-000000000001';
const FIELDS = [
  { name: 'id', type: 'uuid', primaryKey: true },
  { name: 'text', type: 'string', required: true },
];
const MODELS = [
  { name: 'Memo', fields: FIELDS, persistence: { consistency: 'eventual' } },
  { name: 'Note', fields: FIELDS },
];

let api: ServedApi;

before(async () => {
  api = await serveApi(MODELS);
});

after(() => api.close());

for (const [what, method, path, headers] of [
  ['If-Match of a PUT', 'PUT', `/api/memos/${ID}`, { 'if-match': '"1.x"' }],
  ['If-Match of a PATCH', 'PATCH', `/api/memos/${ID}`, { 'if-match': '*' }],
  ['If-Match of a DELETE', 'DELETE', `/api/memos/${ID}`, { 'if-match': '"1.x"' }],
  ['If-Match of a GET', 'GET', `/api/memos/${ID}`, { 'if-match': '"1.x"' }],
  ['If-None-Match of a PUT', 'PUT', `/api/memos/${ID}`, { 'if-none-match': '*' }],
  ['a strong read', 'GET', '/api/memos', { 'lithair-consistency': 'strong' }],
  ['a strong read by parameter', 'GET', `/api/memos/${ID}?consistency=strong`, {}],
] as const) {
  test(`${what} is refused for a model that every node writes`, async () => {
    const body = method === 'PUT' || method === 'PATCH' ? { body: { text: 'x' } } : {};
    const answer = await api.send(method, path, { headers, ...body });
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json['code'], 'not_kept');
    assert.match(String(answer.json['detail']), /Memo has consistency eventual/);
  });
}

test('its reads take what the node has, and wait for a token where one is given', async () => {
  const plain = await api.send('GET', '/api/memos');
  assert.equal(plain.status, 200);
  assert.equal(plain.headers.get('lithair-consistency'), 'eventual');
  assert.equal(api.engine.demands.at(-1)?.consistency, 'eventual');
  const token = plain.headers.get('lithair-index') ?? '';
  await api.send('GET', '/api/memos', { headers: { 'lithair-min-index': token } });
  assert.equal(api.engine.demands.at(-1)?.consistency, 'sequential');
  await api.send('GET', '/api/notes');
  assert.equal(api.engine.demands.at(-1)?.consistency, 'strong');
});

test('If-None-Match of a GET tells whether something changed, as ever', async () => {
  const created = await api.send('POST', '/api/memos', { body: { text: 'x' } });
  const path = created.headers.get('location') ?? '';
  const etag = (await api.send('GET', path)).headers.get('etag') ?? '';
  const again = await api.send('GET', path, { headers: { 'if-none-match': etag } });
  assert.equal(again.status, 304);
});

test('OpenAPI says what differs', async () => {
  const { json } = await api.send('GET', '/openapi.json');
  const described = (path: string, method: string) =>
    JSON.stringify(Reflect.get(Reflect.get(Object(json['paths']), path), method));
  const put = described('/api/memos/{id}', 'put');
  assert.doesNotMatch(put, /IfMatch|IfNoneMatch|Problem412|Problem504|"201"/);
  assert.match(put, /IdempotencyKey/);
  assert.match(put, /Lithair-Durability/);
  assert.match(described('/api/memos', 'get'), /LocalConsistency/);
  assert.match(described('/api/notes/{id}', 'put'), /IfMatch/);
});
