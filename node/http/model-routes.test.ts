import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const ID = { name: 'id', type: 'string', primaryKey: true };

let api: ServedApi;
before(async () => {
  api = await serveApi([
    {
      name: 'Reading',
      fields: [ID, { name: 'value', type: 'number' }],
      http: { methods: ['GET', 'POST'] },
      caching: { ttlSeconds: 60 },
    },
    { name: 'Person', path: '/api/staff/people', fields: [ID] },
    { name: 'Inbox', fields: [ID], http: { methods: ['POST'] } },
    {
      name: 'Contact',
      fields: [
        ID,
        { name: 'mail', type: 'string', format: 'email' },
        { name: 'token', type: 'uuid', defaultFrom: 'uuid', unique: true },
        { name: 'createdBy', type: 'string', defaultFrom: 'actor', immutable: true },
      ],
    },
  ]);
});
after(() => api.close());

test('a method that the model does not have is 405, with those that it has', async () => {
  await api.send('POST', '/api/readings', { body: { id: 'a', value: 1 } });
  for (const [method, path, allow] of [
    ['PUT', '/api/readings/a', 'GET, HEAD, OPTIONS'],
    ['PATCH', '/api/readings/a', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/api/readings/a', 'GET, HEAD, OPTIONS'],
    ['GET', '/api/inboxes', 'POST, OPTIONS'],
    ['HEAD', '/api/inboxes', 'POST, OPTIONS'],
    ['GET', '/api/inboxes/a', 'OPTIONS'],
  ] as const) {
    const answer = await api.send(method, path, /GET|HEAD/.test(method) ? {} : { body: {} });
    assert.equal(answer.status, 405, `${method} ${path}`);
    assert.equal(answer.headers.get('allow'), allow);
  }
  assert.equal((await api.send('GET', '/api/readings/a')).status, 200);
  assert.equal(
    (await api.send('POST', '/api/readings/_bulk', { body: [{ id: 'b' }] })).status,
    201,
  );
});

test('the OpenAPI document has the methods that the model has', async () => {
  const { paths } = (await api.send('GET', '/openapi.json')).json;
  assert.ok(typeof paths === 'object' && paths !== null);
  const methodsAt = (path: string) => Object.keys(Reflect.get(paths, path) ?? {}).sort();
  assert.deepEqual(methodsAt('/api/readings/{id}'), ['get', 'parameters']);
  assert.deepEqual(methodsAt('/api/inboxes/{id}'), []);
  assert.ok(methodsAt('/api/inboxes').includes('post'));
  assert.ok(!methodsAt('/api/inboxes').includes('get'));
});

async function cachingOf(method: string, path: string, body?: object): Promise<string | null> {
  const answer = await api.send(method, path, body === undefined ? {} : { body });
  return answer.headers.get('cache-control');
}

test('what clients may keep is said with what they read, and with nothing else', async () => {
  assert.equal(await cachingOf('POST', '/api/readings', { id: 'c' }), 'no-cache');
  assert.equal(await cachingOf('GET', '/api/readings/c'), 'public, max-age=60');
  assert.equal(await cachingOf('GET', '/api/readings'), 'public, max-age=60');
  assert.equal(await cachingOf('GET', '/api/readings/nope'), 'no-store');
  assert.equal(await cachingOf('GET', '/api/contacts'), 'no-cache');
});

test('what only some may read is for no shared cache', async () => {
  const key = apiKeyOf(new Uint8Array(32));
  const keys = [{ name: 'a', sha256: apiKeyHash(key), roles: [] }];
  const model = {
    name: 'Note',
    fields: [ID],
    permissions: { read: ['Public'] },
    caching: { ttlSeconds: 5 },
  };
  const closed = await serveApi([model], {}, { mode: 'tokens', apiKeys: { keys } });
  const { headers } = await closed.send('GET', '/api/notes');
  assert.equal(headers.get('cache-control'), 'private, max-age=5');
  assert.match(headers.get('vary') ?? '', /Authorization/);
  await closed.close();
});

test('a text must have the format that the model says', async () => {
  const bad = await api.send('POST', '/api/contacts', { body: { id: 'x', mail: 'nobody' } });
  assert.equal(bad.status, 400);
  assert.deepEqual(bad.json['errors'], [
    { pointer: '/mail', code: 'format_mismatch', message: 'must be an e-mail address' },
  ]);
  const good = await api.send('POST', '/api/contacts', { body: { id: 'x', mail: 'a@b.co' } });
  assert.equal(good.json['mail'], 'a@b.co');
});

test('defaults that are made for each row stay what they were', async () => {
  const made = await api.send('POST', '/api/contacts', { body: { id: 'y' } });
  const other = await api.send('POST', '/api/contacts', { body: { id: 'z' } });
  assert.match(String(made.json['token']), /^[0-9a-f-]{36}$/);
  assert.notEqual(made.json['token'], other.json['token']);
  assert.equal(made.json['createdBy'], 'anonymous');
  const put = await api.send('PUT', '/api/contacts/y', { body: { mail: 'a@b.co' } });
  assert.equal(put.json['token'], made.json['token']);
  const forged = await api.send('PUT', '/api/contacts/y', { body: { createdBy: 'somebody' } });
  assert.equal(forged.status, 422);
});

test('a collection is served on the path that the model says, and on no other', async () => {
  const made = await api.send('POST', '/api/staff/people', { body: { id: 'ann' } });
  assert.equal(made.status, 201);
  assert.equal(made.headers.get('location'), '/api/staff/people/ann');
  assert.equal((await api.send('GET', '/api/staff/people/ann')).status, 200);
  assert.equal((await api.send('GET', '/api/people')).json['code'], 'unknown_route');
});
