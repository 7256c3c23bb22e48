import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { readModelFile } from '@lithair/crds';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type Answer, type SendOptions, type ServedApi, serveApi } from './testing/served-api.ts';

const ROLES = { shop: ['Shop'], clerk: ['Clerk'], blind: ['Blind'] } as const;
type Who = keyof typeof ROLES;

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

const EVERYBODY = ['Shop', 'Clerk', 'Blind'];
const MODELS = [
  {
    name: 'Order',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'total', type: 'integer' },
      { name: 'ownerId', type: 'string', defaultFrom: 'actor' },
      {
        name: 'status',
        type: 'enum',
        values: ['draft', 'placed', 'shipped', 'cancelled', 'returned'],
        permissions: { read: ['Shop', 'Clerk'] },
        states: {
          initial: 'draft',
          transitions: [
            { from: ['draft'], to: 'placed', when: 'has(self.total)', event: 'OrderPlaced' },
            { from: ['placed'], to: 'shipped', roles: ['Clerk'], event: 'OrderShipped' },
            { from: ['placed'], to: 'returned', roles: ['Owner'] },
            { from: ['draft', 'placed'], to: 'cancelled', when: 'old.ownerId == actor.id' },
          ],
        },
      },
    ],
    events: [{ type: 'Repriced', when: 'update', fields: ['total'] }],
    permissions: {
      create: EVERYBODY,
      read: EVERYBODY,
      update: EVERYBODY,
      delete: ['Clerk'],
      owner: 'ownerId',
    },
    lifecycle: { versioned: 20, softDelete: true },
  },
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS, {}, AUTH);
});
after(() => api.close());

function as(who: Who, method: string, path: string, options: SendOptions = {}): Promise<Answer> {
  const key = { authorization: `Bearer ${keyOf(who)}` };
  return api.send(method, path, { ...options, headers: { ...key, ...options.headers } });
}

async function expectStatus(answer: Promise<Answer>, status: number): Promise<Answer> {
  const got = await answer;
  assert.equal(got.status, status, got.text);
  return got;
}

async function order(id: string, body: object = { total: 5 }, who: Who = 'shop'): Promise<string> {
  await expectStatus(as(who, 'POST', '/api/orders', { body: { id, ...body } }), 201);
  return `/api/orders/${id}`;
}

const move = (who: Who, path: string, status: string, more: object = {}) =>
  as(who, 'PATCH', path, { body: { status, ...more } });

function told({ json }: Answer) {
  const [error] = Array.isArray(json['errors']) ? json['errors'] : [];
  return { code: json['code'], pointer: error?.pointer, message: error?.message };
}

test('a row begins in the initial state, said or not, and in no other', async () => {
  const path = await order('b1', {});
  const { json } = await expectStatus(as('shop', 'GET', path), 200);
  assert.equal(json['status'], 'draft');
  await order('b2', { status: 'draft' });
  const body = { id: 'b3', status: 'placed' };
  const refused = await expectStatus(as('shop', 'POST', '/api/orders', { body }), 409);
  assert.deepEqual(told(refused), {
    code: 'transition_refused',
    pointer: '/status',
    message: 'status begins as draft',
  });
  const bulk = { body: [{ id: 'b4' }, { id: 'b5', status: 'shipped' }] };
  const many = await expectStatus(as('shop', 'POST', '/api/orders/_bulk', bulk), 409);
  assert.equal(told(many).pointer, '/1/status');
  await expectStatus(as('shop', 'GET', '/api/orders/b4'), 404);
});

test('only declared transitions are taken, whatever writes them', async () => {
  const path = await order('d1');
  const refused = await expectStatus(move('clerk', path, 'shipped'), 409);
  assert.deepEqual(told(refused), {
    code: 'transition_refused',
    pointer: '/status',
    message: 'status becomes shipped only from placed',
  });
  const put = { body: { total: 5, status: 'shipped' } };
  await expectStatus(as('clerk', 'PUT', path, put), 409);
  const patch = {
    body: [{ op: 'replace', path: '/status', value: 'shipped' }],
    headers: { 'content-type': 'application/json-patch+json' },
  };
  await expectStatus(as('clerk', 'PATCH', path, patch), 409);
  await expectStatus(move('shop', path, 'placed'), 200);
  await expectStatus(as('clerk', 'PUT', path, put), 200);
  const back = await expectStatus(move('shop', path, 'draft'), 409);
  assert.equal(told(back).message, 'status never becomes draft again');
});

test('a transition with roles is for them, and 403 for others', async () => {
  const path = await order('r1');
  await expectStatus(move('shop', path, 'placed'), 200);
  const refused = await expectStatus(move('shop', path, 'shipped'), 403);
  assert.deepEqual(told(refused), {
    code: 'forbidden_field',
    pointer: '/status',
    message: 'status is made shipped by others than the caller',
  });
  await expectStatus(move('clerk', path, 'shipped'), 200);
});

test('a condition is asked of the row as it would be, the row before, and the caller', async () => {
  const path = await order('w1', {});
  const refused = await expectStatus(move('shop', path, 'placed'), 409);
  assert.equal(
    told(refused).message,
    'status cannot become placed yet: its condition does not hold',
  );
  await expectStatus(move('shop', path, 'placed', { total: 3 }), 200);
  await expectStatus(move('clerk', path, 'cancelled'), 409);
  await expectStatus(move('clerk', path, 'cancelled', { ownerId: 'clerk' }), 409);
  await expectStatus(move('shop', path, 'cancelled'), 200);
});

test('what leaves the state as it is, is no transition; PUT without it keeps it', async () => {
  const path = await order('k1');
  await expectStatus(move('shop', path, 'placed'), 200);
  await expectStatus(move('clerk', path, 'placed', { total: 6 }), 200);
  const { json } = await expectStatus(as('shop', 'PUT', path, { body: { total: 7 } }), 200);
  assert.equal(json['status'], 'placed');
  const { json: kept } = await expectStatus(
    as('shop', 'PATCH', path, { body: { status: null } }),
    200,
  );
  assert.equal(kept['status'], 'placed');
});

test('transitions give changes their names, beside those of declared events', async () => {
  const path = await order('e1', {});
  await expectStatus(move('shop', path, 'placed', { total: 9 }), 200);
  await expectStatus(move('clerk', path, 'shipped'), 200);
  const { json } = await expectStatus(as('shop', 'GET', `${path}/events`), 200);
  assert.ok(Array.isArray(json['data']));
  assert.deepEqual(
    json['data'].map(({ type, version }) => `${version} ${type}`),
    ['3 OrderShipped', '2 OrderPlaced', '2 Repriced', '1 OrderCreated'],
  );
});

test('who may not read the field sets none, and learns its state by no message and no event', async () => {
  await order('h0', { status: 'draft' }, 'blind');
  const path = await order('h1');
  await expectStatus(move('shop', path, 'placed'), 200);
  const refused = await expectStatus(move('blind', path, 'placed'), 403);
  for (const status of ['draft', 'shipped', 'cancelled']) {
    const same = await expectStatus(move('blind', path, status), 403);
    assert.deepEqual(told(same), told(refused));
  }
  await expectStatus(as('blind', 'PUT', path, { body: { total: 8 } }), 200);
  const { text } = await expectStatus(as('blind', 'GET', `${path}/events`), 200);
  assert.ok(!text.includes('OrderPlaced'));
  assert.ok(!text.includes('placed'));
});

test('the owner of a transition is who owned the row before it', async () => {
  const path = await order('o1');
  await expectStatus(move('shop', path, 'placed'), 200);
  const ofOther = await expectStatus(move('clerk', path, 'returned', { ownerId: 'clerk' }), 403);
  assert.deepEqual(told(ofOther), {
    code: 'forbidden_field',
    pointer: '/status',
    message: 'status is made returned by others than the caller',
  });
  await expectStatus(move('shop', path, 'returned', { ownerId: 'clerk' }), 200);
});

test('a deleted row comes back in the state that it had', async () => {
  const path = await order('s1');
  await expectStatus(move('shop', path, 'placed'), 200);
  await expectStatus(as('clerk', 'DELETE', path), 204);
  const restored = as('clerk', 'POST', '/api/orders/_deleted/s1/restore');
  assert.equal((await expectStatus(restored, 200)).json['status'], 'placed');
  await expectStatus(move('clerk', path, 'shipped'), 200);
});

test('the orders of the example go from draft to shipped, and expire nowhere on the way', async () => {
  const file = new URL('../../docs/examples/orders.yaml', import.meta.url);
  const read = readModelFile(readFileSync(file, 'utf8'), 'orders.yaml');
  assert.ok(read.ok);
  const shop = await serveApi(read.value.spec.models, {}, AUTH);
  try {
    const send = (who: Who, method: string, path: string, body?: object) =>
      shop.send(method, path, { body, headers: { authorization: `Bearer ${keyOf(who)}` } });
    const made = await expectStatus(send('shop', 'POST', '/api/orders', { number: 'A1' }), 201);
    const path = `/api/orders/${String(made.json['id'])}`;
    const cart = { order: made.json['id'], touchedAt: '2020-01-01T00:00:00Z' };
    const carts = await expectStatus(send('shop', 'POST', '/api/carts', cart), 201);
    await expectStatus(send('shop', 'GET', `/api/carts/${String(carts.json['id'])}`), 404);
    await expectStatus(send('shop', 'PATCH', path, { status: 'placed' }), 409);
    await expectStatus(send('shop', 'PATCH', path, { status: 'placed', total: '9.90' }), 200);
    await expectStatus(send('clerk', 'PATCH', path, { status: 'shipped' }), 409);
    await expectStatus(send('shop', 'PATCH', path, { status: 'shipped', tracking: 'T' }), 403);
    await expectStatus(send('clerk', 'PATCH', path, { status: 'shipped', tracking: 'T' }), 200);
    const { json } = await expectStatus(send('clerk', 'GET', `${path}/events`), 200);
    assert.ok(Array.isArray(json['data']));
    assert.deepEqual(
      json['data'].map(({ type }) => type),
      ['OrderShipped', 'OrderPlaced', 'OrderCreated'],
    );
  } finally {
    await shop.close();
  }
});

test('OpenAPI tells the states and the ways between them', async () => {
  const { json } = await expectStatus(as('shop', 'GET', '/openapi.json'), 200);
  const schemas = Object(Reflect.get(Object(json['components']), 'schemas'));
  const statusOf = (name: string) => JSON.stringify(schemas[name].properties.status);
  assert.match(statusOf('OrderPatch'), /"x-lithair-states":\{"initial":"draft"/);
  assert.match(statusOf('OrderPatch'), /"from":\["placed"\],"to":"shipped","roles":\["Clerk"\]/);
  assert.match(statusOf('OrderCreate'), /"enum":\["draft"\]/);
  assert.doesNotMatch(JSON.stringify(schemas), /old\.ownerId/);
});
