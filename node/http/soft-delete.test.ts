import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type Answer, type SendOptions, type ServedApi, serveApi } from './testing/served-api.ts';

const ROLES = { ann: [], bob: [], reader: ['Reader'], sweeper: ['Sweeper'], admin: ['Admin'] };
type Who = keyof typeof ROLES | null;

const keyOf = (who: string) => apiKeyOf(Buffer.alloc(32, who));
const AUTH = {
  mode: 'tokens',
  apiKeys: {
    keys: Object.entries(ROLES).map(([name, roles]) => ({
      name,
      sha256: apiKeyHash(keyOf(name)),
      roles,
    })),
  },
};

const ALL = { create: ['Admin'], read: ['Admin'], update: ['Admin'], delete: ['Admin'] };
const softDelete = true;
const MODELS = [
  {
    name: 'Product',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'sku', type: 'string', unique: true },
      { name: 'brand', type: 'reference', to: 'Brand', onDelete: 'restrict' },
      { name: 'price', type: 'integer', index: 'ordered' },
      { name: 'cost', type: 'integer', permissions: { read: ['Admin'] } },
      { name: 'ownerId', type: 'string', defaultFrom: 'actor', index: 'hash' },
    ],
    permissions: {
      create: ['Owner', 'Admin'],
      read: ['Owner', 'Reader', 'Admin'],
      update: ['Owner', 'Admin'],
      delete: ['Owner', 'Sweeper', 'Admin'],
      owner: 'ownerId',
      publicIf: 'self.price == 0',
    },
    lifecycle: { softDelete, audited: true, versioned: 10 },
  },
  {
    name: 'Brand',
    fields: [{ name: 'id', type: 'string', primaryKey: true }],
    permissions: ALL,
    lifecycle: { softDelete },
  },
  {
    name: 'Part',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'product', type: 'reference', to: 'Product', onDelete: 'cascade' },
    ],
    permissions: ALL,
    lifecycle: { softDelete },
  },
  {
    name: 'Review',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'product', type: 'reference', to: 'Product', onDelete: 'cascade' },
    ],
    permissions: ALL,
  },
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS, {}, AUTH);
});
after(() => api.close());

function as(who: Who, method: string, path: string, options: SendOptions = {}): Promise<Answer> {
  const key = who === null ? {} : { authorization: `Bearer ${keyOf(who)}` };
  return api.send(method, path, { ...options, headers: { ...key, ...options.headers } });
}

async function expectStatus(answer: Promise<Answer>, status: number): Promise<Answer> {
  const got = await answer;
  assert.equal(got.status, status, got.text);
  return got;
}

async function created(path: string, body: object, who: Who = 'admin'): Promise<void> {
  await expectStatus(as(who, 'POST', path, { body }), 201);
}

async function deleted(path: string, who: Who = 'admin'): Promise<void> {
  await expectStatus(as(who, 'DELETE', path), 204);
}

async function ids(who: Who, path: string): Promise<unknown[]> {
  const { json } = await expectStatus(as(who, 'GET', path), 200);
  assert.ok(Array.isArray(json['data']));
  return json['data'].map(({ id }) => id);
}

test('a deleted row is gone, is among the deleted ones as it was, and comes back as it was', async () => {
  const body = { id: 'p1', sku: 'A-1', price: 5, cost: 2, ownerId: 'ann' };
  await created('/api/products', body);
  await deleted('/api/products/p1');
  await expectStatus(as('admin', 'GET', '/api/products/p1'), 404);
  assert.deepEqual(await ids('admin', '/api/products?sku=A-1'), []);
  const { json } = await expectStatus(as('admin', 'GET', '/api/products/_deleted/p1'), 200);
  const { deletedAt, deletedBy, ...row } = json;
  assert.deepEqual(row, { ...body, brand: null });
  assert.equal(deletedBy, 'admin');
  assert.match(String(deletedAt), /^\d{4}-\d\d-\d\dT/);
  const back = await expectStatus(as('admin', 'POST', '/api/products/_deleted/p1/restore'), 200);
  assert.deepEqual(back.json, { ...body, brand: null });
  assert.equal(back.headers.get('lithair-version'), '3');
  assert.equal(back.headers.get('location'), '/api/products/p1');
  const read = await expectStatus(as('admin', 'GET', '/api/products/p1'), 200);
  assert.equal(read.headers.get('etag'), back.headers.get('etag'));
  await expectStatus(as('admin', 'GET', '/api/products/_deleted/p1'), 404);
  await expectStatus(as('admin', 'POST', '/api/products/_deleted/p1/restore'), 404);
});

test('deleted rows are a list like others: filters, sorts, pages and counts', async () => {
  for (let at = 1; at <= 5; at++) {
    await created('/api/products', { id: `l${at}`, price: 100 + at });
    await deleted(`/api/products/l${at}`);
  }
  const path = '/api/products/_deleted?price[gt]=101&sort=-price&limit=2&count=true';
  const { json } = await expectStatus(as('admin', 'GET', path), 200);
  assert.deepEqual(await ids('admin', path), ['l5', 'l4']);
  assert.equal(Reflect.get(Object(json['page']), 'total'), 4);
  const next = String(Reflect.get(Object(json['page']), 'next'));
  assert.deepEqual(await ids('admin', `${path}&cursor=${next}`), ['l3', 'l2']);
  assert.deepEqual(
    await ids('admin', '/api/products/_deleted?price[gt]=100&sort=deletedAt,id&fields=id'),
    ['l1', 'l2', 'l3', 'l4', 'l5'],
  );
});

test('a unique value is free while its row is deleted, and restoring asks for it again', async () => {
  await created('/api/products', { id: 'u1', sku: 'U' });
  await deleted('/api/products/u1');
  await created('/api/products', { id: 'u2', sku: 'U' });
  const restore = () => as('admin', 'POST', '/api/products/_deleted/u1/restore');
  const { json } = await expectStatus(restore(), 409);
  assert.equal(json['code'], 'unique_conflict');
  await expectStatus(as('admin', 'GET', '/api/products/_deleted/u1'), 200);
  await deleted('/api/products/u2');
  await expectStatus(restore(), 200);
});

test('an id that was given anew keeps the deleted row from coming back', async () => {
  await created('/api/products', { id: 'i1', price: 1 });
  await deleted('/api/products/i1');
  await created('/api/products', { id: 'i1', price: 2 });
  const { json } = await expectStatus(
    as('admin', 'POST', '/api/products/_deleted/i1/restore'),
    409,
  );
  assert.equal(json['code'], 'already_exists');
  await deleted('/api/products/i1');
  const left = await expectStatus(as('admin', 'GET', '/api/products/_deleted/i1'), 200);
  assert.equal(left.json['price'], 2, 'the later one takes its place');
});

test('references act as on any deletion: restrict stops it, cascades keep rows of their own', async () => {
  await created('/api/brands', { id: 'b1' });
  await created('/api/products', { id: 'c1', brand: 'b1' });
  await created('/api/parts', { id: 'part', product: 'c1' });
  await created('/api/reviews', { id: 'review', product: 'c1' });
  const { json } = await expectStatus(as('admin', 'DELETE', '/api/brands/b1'), 409);
  assert.equal(json['code'], 'still_referenced');
  await deleted('/api/products/c1');
  await deleted('/api/brands/b1');
  assert.deepEqual(await ids('admin', '/api/parts/_deleted'), ['part']);
  await expectStatus(as('admin', 'GET', '/api/reviews/review'), 404);
  const missing = await expectStatus(as('admin', 'POST', '/api/products/_deleted/c1/restore'), 409);
  assert.equal(missing.json['code'], 'missing_reference');
  await expectStatus(as('admin', 'POST', '/api/brands/_deleted/b1/restore'), 200);
  await expectStatus(as('admin', 'POST', '/api/products/_deleted/c1/restore'), 200);
  await expectStatus(as('admin', 'POST', '/api/parts/_deleted/part/restore'), 200);
  assert.deepEqual(await ids('admin', '/api/products/c1/parts'), ['part']);
});

test('deleting a deleted row removes it for good', async () => {
  await created('/api/products', { id: 'g1' });
  await deleted('/api/products/g1');
  await deleted('/api/products/_deleted/g1');
  await expectStatus(as('admin', 'GET', '/api/products/_deleted/g1'), 404);
  await expectStatus(as('admin', 'POST', '/api/products/_deleted/g1/restore'), 404);
  await expectStatus(as('admin', 'DELETE', '/api/products/_deleted/g1'), 404);
});

test('If-Match and Idempotency-Key hold of restoring and of removing', async () => {
  await created('/api/products', { id: 'm1' });
  await deleted('/api/products/m1');
  const path = '/api/products/_deleted/m1';
  const read = await expectStatus(as('admin', 'GET', path), 200);
  const stale = { 'if-match': '"77.x"' };
  await expectStatus(as('admin', 'POST', `${path}/restore`, { headers: stale }), 412);
  await expectStatus(as('admin', 'DELETE', path, { headers: stale }), 412);
  const headers = { 'if-match': read.headers.get('etag') ?? '', 'idempotency-key': '"once"' };
  const first = await expectStatus(as('admin', 'POST', `${path}/restore`, { headers }), 200);
  const again = await expectStatus(as('admin', 'POST', `${path}/restore`, { headers }), 200);
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
  assert.equal(again.text, first.text);
});

test('only who may read and delete a row sees it deleted, and gets it back', async () => {
  await created('/api/products', { id: 'r1', ownerId: 'ann', price: 0 });
  await created('/api/products', { id: 'r2', ownerId: 'bob', price: 0 });
  await deleted('/api/products/r1', 'ann');
  await deleted('/api/products/r2', 'bob');
  const list = '/api/products/_deleted?price=0';
  assert.deepEqual(await ids('ann', list), ['r1']);
  assert.deepEqual(await ids('bob', list), ['r2']);
  assert.deepEqual(await ids('admin', list), ['r1', 'r2']);
  // Reads all and deletes none; deletes all and reads what everybody reads.
  await expectStatus(as('reader', 'GET', list), 200);
  assert.deepEqual(await ids('reader', list), []);
  assert.deepEqual(await ids('sweeper', list), ['r1', 'r2']);
  await expectStatus(as(null, 'GET', list), 401);
  await expectStatus(as('bob', 'GET', '/api/products/_deleted/r1'), 404);
  await expectStatus(as('bob', 'POST', '/api/products/_deleted/r1/restore'), 404);
  await expectStatus(as('bob', 'DELETE', '/api/products/_deleted/r1'), 404);
  await expectStatus(as('ann', 'POST', '/api/products/_deleted/r1/restore'), 200);
});

test('fields that a caller may not read are not in deleted rows, nor in filters of them', async () => {
  await created('/api/products', { id: 'h1', ownerId: 'ann', cost: 7 });
  await deleted('/api/products/h1');
  const { json } = await expectStatus(as('ann', 'GET', '/api/products/_deleted/h1'), 200);
  assert.ok(!('cost' in json));
  await expectStatus(as('ann', 'GET', '/api/products/_deleted?cost=7'), 400);
  const back = await expectStatus(as('ann', 'POST', '/api/products/_deleted/h1/restore'), 200);
  assert.ok(!('cost' in back.json));
  const whole = await expectStatus(as('admin', 'GET', '/api/products/h1'), 200);
  assert.equal(whole.json['cost'], 7, 'it came back with what its restorer may not read');
});

test('history tells deletion and restoration by their names', async () => {
  await created('/api/products', { id: 'e1', price: 4 });
  await deleted('/api/products/e1');
  await expectStatus(as('admin', 'POST', '/api/products/_deleted/e1/restore'), 200);
  const { json } = await expectStatus(as('admin', 'GET', '/api/products/e1/events'), 200);
  assert.ok(Array.isArray(json['data']));
  const told = json['data'].map(({ type, version }) => [type, version]);
  assert.deepEqual(told, [
    ['ProductRestored', 3],
    ['ProductDeleted', 2],
    ['ProductCreated', 1],
  ]);
});

test('what deleted rows do not take is refused, and so is a model that keeps none', async () => {
  for (const [method, path] of [
    ['POST', '/api/products/_deleted'],
    ['PUT', '/api/products/_deleted/x'],
    ['PATCH', '/api/products/_deleted/x'],
    ['GET', '/api/products/_deleted/x/restore'],
  ] as const) {
    const { status, headers } = await as(
      'admin',
      method,
      path,
      method === 'GET' ? {} : { body: {} },
    );
    assert.equal(status, 405, `${method} ${path}`);
    assert.ok(headers.get('allow') !== null);
  }
  await expectStatus(as('admin', 'GET', '/api/reviews/_deleted'), 404);
  await expectStatus(as('admin', 'POST', '/api/reviews/x/restore'), 404);
});

async function deletedPaths(who: Who): Promise<string[]> {
  const { json } = await expectStatus(as(who, 'GET', '/openapi.json'), 200);
  return Object.keys(Object(json['paths'])).filter((path) => path.includes('_deleted'));
}

test('OpenAPI has the routes of deleted rows for who may use them, and for nobody else', async () => {
  const ofProducts = ['', '/{id}', '/{id}/restore'].map((end) => `/api/products/_deleted${end}`);
  assert.deepEqual((await deletedPaths('ann')).toSorted(), ofProducts);
  assert.equal((await deletedPaths('admin')).length, 9);
  assert.deepEqual(await deletedPaths(null), []);
});
