import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type SendOptions, type ServedApi, serveApi } from './testing/served-api.ts';

const keyOf = (who: string) => apiKeyOf(Buffer.alloc(32, who));

const as = (role: string) => ({ headers: { authorization: `Bearer ${keyOf(role)}` } });

const MODELS = [
  {
    name: 'Line',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'product', type: 'reference', to: 'Product', onDelete: 'setNull' },
      { name: 'price', type: 'decimal', required: true },
      { name: 'units', type: 'integer', required: true },
      { name: 'total', type: 'decimal', index: 'ordered', computed: 'self.price * self.units' },
      { name: 'isLoose', type: 'boolean', index: 'hash', computed: '!has(self.product)' },
      { name: 'code', type: 'string', unique: true, computed: 'self.id + string(self.units)' },
    ],
    rules: [{ expr: 'self.total <= decimal("1000")', message: 'a line is worth at most 1000' }],
    lifecycle: { versioned: 5 },
  },
  { name: 'Product', fields: [{ name: 'id', type: 'string', primaryKey: true }] },
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS);
  await api.send('POST', '/api/products', { body: { id: 'p' } });
});
after(() => api.close());

const make = (body: unknown) => api.send('POST', '/api/lines', { body });

test('a computed field is made of what a row says, stored, filtered and sorted by', async () => {
  const made = await make({ id: 'a', price: '2.50', units: 3, product: 'p' });
  assert.equal(made.status, 201);
  assert.deepEqual(
    { total: made.json['total'], isLoose: made.json['isLoose'], code: made.json['code'] },
    { total: '7.50', isLoose: false, code: 'a3' },
  );
  await make({ id: 'b', price: '100', units: 1 });
  const listed = await api.send('GET', '/api/lines?total[gte]=7&sort=-total&fields=id,total');
  assert.deepEqual(listed.json['data'], [
    { id: 'b', total: '100' },
    { id: 'a', total: '7.50' },
  ]);
  const loose = await api.send('GET', '/api/lines?isLoose=true&fields=id');
  assert.deepEqual(loose.json['data'], [{ id: 'b' }]);
});

test('it follows every change of its inputs, and its past is kept', async () => {
  await make({ id: 'c', price: '1', units: 1, product: 'p' });
  const patched = await api.send('PATCH', '/api/lines/c', { body: { units: 4 } });
  assert.equal(patched.json['total'], '4');
  const put = await api.send('PUT', '/api/lines/c', { body: { price: '3', units: 2 } });
  assert.deepEqual([put.json['total'], put.json['isLoose']], ['6', true]);
  const first = await api.send('GET', '/api/lines/c?version=1');
  assert.equal(first.json['total'], '1');
});

test('a reference that is set to null counts as a change', async () => {
  await api.send('POST', '/api/products', { body: { id: 'q' } });
  await make({ id: 'd', price: '1', units: 1, product: 'q' });
  await api.send('DELETE', '/api/products/q');
  const row = await api.send('GET', '/api/lines/d');
  assert.deepEqual([row.json['product'], row.json['isLoose']], [null, true]);
});

test('rules and unique values take it as any other', async () => {
  const broken = await make({ id: 'e', price: '500', units: 3 });
  assert.deepEqual([broken.status, broken.json['code']], [422, 'rule_broken']);
  await make({ id: 'f', price: '1', units: 11 });
  const taken = await make({ id: 'f1', price: '1', units: 1 });
  assert.deepEqual([taken.status, taken.json['code']], [409, 'unique_conflict']);
});

test('who sends another value is told, by every kind of write', async () => {
  const row = { price: '2', units: 2 };
  await make({ id: 'g', ...row });
  const wrong = { ...row, total: '5' };
  const batch = [
    { id: 'h', ...row },
    { id: 'i', ...wrong },
  ];
  const put: SendOptions = { body: wrong, headers: { 'if-none-match': '*' } };
  const answers = [
    [await make({ id: 'j', ...wrong }), '/total'],
    [await api.send('POST', '/api/lines/_bulk', { body: batch }), '/1/total'],
    [await api.send('PUT', '/api/lines/g', { body: wrong }), '/total'],
    [await api.send('PUT', '/api/lines/k', put), '/total'],
    [await api.send('PATCH', '/api/lines/g', { body: { total: '5' } }), '/total'],
  ] as const;
  for (const [{ status, json }, pointer] of answers) {
    assert.equal(status, 422);
    assert.deepEqual(json['errors'], [
      { pointer, code: 'computed_field', message: 'is computed: leave it out' },
    ]);
  }
  assert.equal((await api.send('GET', '/api/lines/h')).status, 404);
});

test('a row may be sent back as it was read, and made elsewhere as it is here', async () => {
  await make({ id: 'l', price: '2', units: 2 });
  const read = await api.send('GET', '/api/lines/l');
  const changed = await api.send('PUT', '/api/lines/l', { body: { ...read.json, units: 3 } });
  assert.deepEqual([changed.status, changed.json['total']], [200, '6']);
  const same = await api.send('PUT', '/api/lines/l', { body: changed.json });
  assert.deepEqual([same.status, same.headers.get('lithair-version')], [200, '2']);
  await api.send('DELETE', '/api/lines/l');
  assert.equal((await make(changed.json)).status, 201);
});

test('OpenAPI shows it in what is read, and takes it in no body', async () => {
  const document: unknown = JSON.parse((await api.send('GET', '/openapi.json')).text);
  const schemas = Reflect.get(Object(Reflect.get(Object(document), 'components')), 'schemas');
  const property = (schema: string, name: string): unknown =>
    Reflect.get(Object(Reflect.get(Object(Reflect.get(schemas, schema)), 'properties')), name);
  assert.equal(Reflect.get(Object(property('LineRead', 'total')), 'readOnly'), true);
  for (const body of ['LineCreate', 'LineReplace', 'LinePatch']) {
    assert.equal(property(body, 'total'), undefined, body);
    assert.notEqual(property(body, 'price'), undefined, body);
  }
});

test('what is computed of a field is read by those who read the field, or who is named', async () => {
  const keys = ['Clerk', 'Boss'].map((role) => ({
    name: role.toLowerCase(),
    sha256: apiKeyHash(keyOf(role)),
    roles: [role],
  }));
  const fields = [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'cost', type: 'integer', permissions: { read: ['Boss'] } },
    { name: 'twice', type: 'integer', computed: 'self.cost * 2', index: 'ordered' },
    { name: 'more', type: 'integer', computed: 'self.twice * 2' },
    {
      name: 'isDear',
      type: 'boolean',
      computed: 'self.cost > 10',
      permissions: { read: ['Clerk', 'Boss'] },
    },
  ];
  const right = ['Clerk', 'Boss'];
  const permissions = { create: ['Boss'], read: right, update: ['Clerk'], delete: ['Clerk'] };
  const guarded = await serveApi(
    [{ name: 'Thing', fields, permissions, lifecycle: { softDelete: true } }],
    {},
    {
      mode: 'tokens',
      apiKeys: { keys },
    },
  );
  try {
    await guarded.send('POST', '/api/things', { body: { id: 'x', cost: 20 }, ...as('Boss') });
    const boss = await guarded.send('GET', '/api/things/x', as('Boss'));
    assert.deepEqual(boss.json, { id: 'x', cost: 20, twice: 40, more: 80, isDear: true });
    const clerk = await guarded.send('GET', '/api/things/x', as('Clerk'));
    assert.deepEqual(clerk.json, { id: 'x', isDear: true });
    for (const query of ['twice=40', 'sort=more', 'fields=twice']) {
      const { status } = await guarded.send('GET', `/api/things?${query}`, as('Clerk'));
      assert.equal(status, 400, query);
    }
    const sent = { body: { twice: 40 }, ...as('Clerk') };
    const patched = await guarded.send('PATCH', '/api/things/x', sent);
    assert.equal(patched.status, 400);
    const document = await guarded.send('GET', '/openapi.json', as('Clerk'));
    assert.doesNotMatch(document.text, /"twice"|"more"/);
    await guarded.send('DELETE', '/api/things/x', as('Clerk'));
    const deleted = await guarded.send('GET', '/api/things/_deleted/x', as('Clerk'));
    const told = [deleted.json['id'], deleted.json['twice'], deleted.json['isDear']];
    assert.deepEqual(told, ['x', undefined, true]);
  } finally {
    await guarded.close();
  }
});
