import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type Answer, type SendOptions, type ServedApi, serveApi } from './testing/served-api.ts';

const KEYS = {
  admin: apiKeyOf(new Uint8Array(32).fill(1)),
  clerk: apiKeyOf(new Uint8Array(32).fill(2)),
  nobody: apiKeyOf(new Uint8Array(32).fill(3)),
};
const ROLES: Record<keyof typeof KEYS, string[]> = {
  admin: ['Admin', 'Clerk'],
  clerk: ['Clerk'],
  nobody: [],
};
const AUTH = {
  mode: 'tokens',
  apiKeys: {
    keys: Object.entries(KEYS).map(([name, key]) => ({
      name,
      sha256: apiKeyHash(key),
      roles: Reflect.get(ROLES, name),
    })),
  },
};

const MODELS = [
  {
    name: 'Product',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'name', type: 'string', required: true },
      {
        name: 'price',
        type: 'decimal',
        default: '1',
        index: 'ordered',
        permissions: { write: ['Admin'] },
      },
      {
        name: 'margin',
        type: 'integer',
        index: 'ordered',
        permissions: { read: ['Admin'], write: ['Admin'] },
      },
      { name: 'pin', type: 'string', permissions: { read: [], write: ['Clerk'] } },
      { name: 'secret', type: 'string', default: 's3cr3t', hidden: true },
    ],
    permissions: {
      create: ['Clerk'],
      read: ['Public'],
      update: ['Clerk'],
      delete: ['Admin'],
    },
    lifecycle: { audited: true },
    events: [
      { type: 'MarginChanged', when: 'update', fields: ['margin'] },
      { type: 'Renamed', when: 'update', fields: ['name'] },
    ],
  },
  {
    name: 'Invoice',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'total', type: 'integer', required: true, permissions: { write: ['Admin'] } },
    ],
    permissions: { create: ['Clerk'], read: ['Authenticated'] },
  },
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS, {}, AUTH);
});
after(() => api.close());

type Who = keyof typeof KEYS | null;

function as(who: Who, method: string, path: string, options: SendOptions = {}): Promise<Answer> {
  const key = who === null ? {} : { authorization: `Bearer ${KEYS[who]}` };
  return api.send(method, path, { ...options, headers: { ...key, ...options.headers } });
}

async function made(id: string, more: object = {}): Promise<string> {
  const body = { id, name: id, price: '5.00', margin: 987654, pin: 'p-i-n', ...more };
  const { status } = await as('admin', 'POST', '/api/products', { body });
  assert.equal(status, 201);
  return `/api/products/${id}`;
}

function codesOf({ json }: Answer): unknown[] {
  const { errors } = json;
  assert.ok(Array.isArray(errors), JSON.stringify(json));
  return errors.map(({ pointer, code }) => `${pointer} ${code}`);
}

test('what no permission grants is denied: 401 to somebody unknown, 403 to somebody known', async () => {
  const path = await made('denied');
  const cases: [Who, string, string, number][] = [
    [null, 'GET', path, 200],
    [null, 'GET', '/api/products', 200],
    [null, 'DELETE', path, 401],
    [null, 'GET', '/api/invoices', 401],
    ['nobody', 'GET', '/api/invoices', 200],
    ['nobody', 'DELETE', path, 403],
    ['clerk', 'DELETE', path, 403],
    ['admin', 'DELETE', path, 204],
    ['admin', 'DELETE', '/api/invoices/x', 403],
  ];
  for (const [who, method, at, status] of cases) {
    const answer = await as(who, method, at);
    assert.equal(answer.status, status, `${who} ${method} ${at}`);
    if (status === 401) assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
  }
});

test('wrong credentials are refused even where none are needed', async () => {
  const headers = { authorization: `Bearer ${apiKeyOf(new Uint8Array(32))}` };
  const answer = await api.send('GET', '/api/products', { headers });
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
});

test('who may not write learns nothing from validation', async () => {
  for (const body of [{}, { id: 'x', name: 7 }, '{']) {
    assert.equal((await as('nobody', 'POST', '/api/products', { body })).status, 403);
  }
});

test('a field that the caller may not read is in no answer', async () => {
  const path = await made('unseen');
  const put = { body: { name: 'unseen', pin: 'p-i-n' } };
  const answers = [
    await as('clerk', 'GET', path),
    await as('clerk', 'GET', '/api/products?id=unseen'),
    await as('clerk', 'PUT', path, put),
    await as('clerk', 'PATCH', path, { body: { name: 'other' } }),
    await as('clerk', 'POST', '/api/products', { body: { id: 'unseen2', name: 'n', pin: '1' } }),
    await as('clerk', 'POST', '/api/products/_bulk', { body: [{ id: 'unseen3', name: 'n' }] }),
    await as('clerk', 'GET', `${path}/history`),
    await as('clerk', 'GET', `${path}/events`),
    await as('clerk', 'GET', `${path}?version=1`),
  ];
  for (const { status, text } of answers) {
    assert.ok(status < 300, text);
    assert.doesNotMatch(text, /margin|pin|secret|s3cr3t|987654|p-i-n/);
  }
  assert.match((await as('admin', 'GET', path)).text, /"margin":987654/);
  assert.doesNotMatch((await as('admin', 'GET', path)).text, /pin|secret/);
});

test('a field that the caller may not read is unknown to filters, sorts and field lists', async () => {
  for (const query of ['margin=1', 'margin[gt]=1', 'sort=margin', 'fields=margin', 'secret=x']) {
    const answer = await as('clerk', 'GET', `/api/products?${query}`);
    const unknown = await as(
      'clerk',
      'GET',
      `/api/products?${query.replace(/margin|secret/, 'nope')}`,
    );
    assert.equal(answer.status, 400, query);
    assert.equal(answer.text.replaceAll(/margin|secret/g, 'nope'), unknown.text);
  }
  assert.equal((await as('admin', 'GET', '/api/products?margin=987654&sort=-margin')).status, 200);
});

test('a field that the caller may not write cannot be set, and is kept when it is left out', async () => {
  const path = await made('kept');
  const refused = await as('clerk', 'POST', '/api/products', {
    body: { id: 'dear', name: 'n', price: '9' },
  });
  assert.equal(refused.status, 403);
  assert.deepEqual(codesOf(refused), ['/price forbidden_field']);
  const seen = await as('clerk', 'GET', path);
  const back = await as('clerk', 'PUT', path, { body: { ...seen.json, name: 'new' } });
  assert.equal(back.status, 200, back.text);
  const cheaper = await as('clerk', 'PUT', path, { body: { name: 'new', price: '4' } });
  assert.equal(cheaper.status, 403);
  assert.deepEqual(codesOf(cheaper), ['/price forbidden_field']);
  const patched = await as('clerk', 'PATCH', path, { body: { price: '4' } });
  assert.equal(patched.status, 403);
  const { json } = await as('admin', 'GET', path);
  assert.deepEqual(json, { id: 'kept', name: 'new', price: '5.00', margin: 987654 });
});

test('a field that can be written and not read is set as a whole, and kept when left out', async () => {
  const path = await made('blind');
  assert.equal((await as('clerk', 'PATCH', path, { body: { pin: '99' } })).status, 200);
  const headers = { 'content-type': 'application/json-patch+json' };
  const patch = (...body: object[]) => as('clerk', 'PATCH', path, { headers, body });
  assert.equal((await patch({ op: 'replace', path: '/pin', value: '77' })).status, 200);
  for (const step of [
    { op: 'test', path: '/pin', value: '77' },
    { op: 'copy', from: '/pin', path: '/name' },
    { op: 'move', from: '/margin', path: '/name' },
    { op: 'test', path: '/margin', value: 987654 },
    { op: 'remove', path: '/pin' },
    { op: 'test', path: '', value: {} },
    { op: 'copy', from: '', path: '/name' },
  ]) {
    assert.equal((await patch(step)).status, 400, JSON.stringify(step));
  }
  const unknown = await patch({ op: 'test', path: '/nope', value: 987654 });
  const unread = await patch({ op: 'test', path: '/margin', value: 987654 });
  assert.equal(unknown.text, unread.text);
});

test('a value that the caller may write and not read is taken away by null, and by nothing else', async (t) => {
  const fields = [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'name', type: 'string' },
    { name: 'note', type: 'string', permissions: { read: ['Admin'], write: ['Clerk'] } },
    { name: 'level', type: 'integer', default: 1, permissions: { read: ['Admin'] } },
    { name: 'seal', type: 'string', permissions: { read: ['Admin'], write: ['Admin'] } },
  ];
  const permissions = { create: ['Clerk'], read: ['Clerk'], update: ['Clerk'] };
  const one = await serveApi([{ name: 'Memo', fields, permissions }], {}, AUTH);
  t.after(() => one.close());
  const send = (who: keyof typeof KEYS, method: string, body?: unknown, type?: string) =>
    one.send(method, '/api/memos/m', {
      headers: { 'x-api-key': KEYS[who], ...(type !== undefined && { 'content-type': type }) },
      ...(body !== undefined && { body }),
    });
  const rest = async () => {
    const { note, level, seal } = (await send('admin', 'GET')).json;
    return [note, level, seal];
  };
  const row = { id: 'm', note: 'n', level: 5, seal: 's' };
  const admin = { 'x-api-key': KEYS.admin };
  const created = await one.send('POST', '/api/memos', { headers: admin, body: row });
  assert.equal(created.status, 201, created.text);
  assert.equal((await send('clerk', 'PUT', { name: 'other' })).status, 200);
  assert.deepEqual(await rest(), ['n', 5, 's'], 'left out');
  assert.equal((await send('clerk', 'PATCH', { note: null })).status, 200);
  assert.deepEqual(await rest(), [null, 5, 's']);
  assert.equal((await send('clerk', 'PUT', { level: null })).status, 200);
  assert.deepEqual(await rest(), [null, 1, 's'], 'the default');
  assert.equal((await send('clerk', 'PATCH', { note: 'again' })).status, 200);
  const step = [{ op: 'replace', path: '/note', value: null }];
  const patched = await send('clerk', 'PATCH', step, 'application/json-patch+json');
  assert.equal(patched.status, 200);
  assert.deepEqual(await rest(), [null, 1, 's']);
  const unknown = await send('clerk', 'PATCH', { seal: null });
  assert.equal(unknown.status, 400);
  assert.deepEqual(codesOf(unknown), ['/seal unknown_field']);
  const several = await send('clerk', 'PATCH', { 'a/b': 1, note: 'x', seal: null });
  assert.deepEqual(codesOf(several), ['/a~1b unknown_field', '/seal unknown_field']);
});

test('events that tell of a field that the caller may not read are not told', async () => {
  const path = await made('told');
  await as('admin', 'PATCH', path, { body: { margin: 43 } });
  await as('admin', 'PATCH', path, { body: { margin: 44, name: 'renamed' } });
  const typesFor = async (who: Who): Promise<unknown> => {
    const { json } = await as(who, 'GET', `${path}/events`);
    const { data } = json;
    assert.ok(Array.isArray(data));
    return data.map(({ type, changes }) => [type, ...Object.keys(changes)]);
  };
  // A change that has a name for such a field alone is called as one without a name.
  assert.deepEqual(await typesFor('clerk'), [
    ['Renamed', 'name'],
    ['ProductUpdated'],
    ['ProductCreated', 'name', 'price'],
  ]);
  assert.deepEqual(await typesFor('admin'), [
    ['Renamed', 'name', 'margin'],
    ['MarginChanged', 'name', 'margin'],
    ['MarginChanged', 'margin'],
    ['ProductCreated', 'name', 'price', 'margin'],
  ]);
});

test('a PUT that creates needs the right to create, and a new row every value it requires', async () => {
  const headers = { 'if-none-match': '*' };
  const body = { total: 3 };
  assert.equal(
    (await as('clerk', 'PUT', '/api/products/p1', { headers, body: { name: 'n' } })).status,
    201,
  );
  assert.equal(
    (await as('nobody', 'PUT', '/api/products/p2', { headers, body: { name: 'n' } })).status,
    403,
  );
  assert.equal((await as('clerk', 'PUT', '/api/invoices/i1', { headers, body })).status, 403);
  const priced = { headers, body: { name: 'n', price: '3' } };
  assert.equal((await as('clerk', 'PUT', '/api/products/p3', priced)).status, 403);
});

test('a replayed answer is rendered for whoever asks again', async () => {
  const headers = { 'idempotency-key': 'k1' };
  const body = { id: 'again', name: 'n' };
  const first = await as('clerk', 'POST', '/api/products', { headers, body });
  const second = await as('clerk', 'POST', '/api/products', { headers, body });
  assert.equal(second.headers.get('idempotency-replayed'), 'true');
  assert.equal(second.text, first.text);
  const other = await as('admin', 'POST', '/api/products', { headers, body });
  assert.equal(other.status, 409, 'keys belong to a subject');
});

async function documentFor(who: Who): Promise<string> {
  return (await as(who, 'GET', '/openapi.json')).text;
}

test('the OpenAPI document has what the caller may use, and nothing else', async () => {
  const [everybody, clerk, admin] = [
    await documentFor(null),
    await documentFor('clerk'),
    await documentFor('admin'),
  ];
  assert.doesNotMatch(everybody, /Invoice|ProductCreate|margin|"pin"|secret/);
  assert.match(clerk, /ProductCreate/);
  assert.doesNotMatch(clerk, /margin|deleteProduct|secret/);
  assert.match(admin, /deleteProduct/);
  assert.match(admin, /margin/);
  assert.match(everybody, /securitySchemes/);
});

test('a hidden field is absent where everybody may everything, too', async () => {
  const open = await serveApi([
    {
      name: 'Note',
      fields: [
        { name: 'id', type: 'string', primaryKey: true },
        { name: 'inner', type: 'string', default: 'x', hidden: true },
      ],
    },
  ]);
  const created = await open.send('POST', '/api/notes', { body: { id: 'a' } });
  assert.deepEqual(created.json, { id: 'a' });
  assert.equal((await open.send('GET', '/api/notes?inner=x')).status, 400);
  const set = await open.send('PATCH', '/api/notes/a', { body: { inner: 'y' } });
  assert.equal(set.status, 400);
  assert.doesNotMatch((await open.send('GET', '/openapi.json')).text, /inner/);
  await open.close();
});
