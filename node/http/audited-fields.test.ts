import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type Answer, type ServedApi, serveApi } from './testing/served-api.ts';
import { schemaOf } from './testing/single-node.ts';

const KEYS = {
  admin: apiKeyOf(new Uint8Array(32).fill(1)),
  clerk: apiKeyOf(new Uint8Array(32).fill(2)),
};
const AUTH = {
  mode: 'tokens',
  apiKeys: {
    keys: [
      { name: 'admin', sha256: apiKeyHash(KEYS.admin), roles: ['Admin'] },
      { name: 'clerk', sha256: apiKeyHash(KEYS.clerk), roles: ['Clerk'] },
    ],
  },
};

const PLAIN = [
  { name: 'id', type: 'string', primaryKey: true },
  { name: 'price', type: 'decimal' },
  { name: 'pin', type: 'string', historize: { mode: 'never' } },
  { name: 'cost', type: 'decimal', permissions: { read: ['Admin'] } },
  { name: 'name', type: 'string', versioned: 2 },
  { name: 'stock', type: 'integer' },
];
/** The fields, of which these are audited. */
function auditedAt(...names: readonly string[]): object[] {
  return PLAIN.map((field) => ({ ...field, ...(names.includes(field.name) && { audited: true }) }));
}

const FIELDS = auditedAt('price', 'pin', 'cost');

const PERMISSIONS = {
  create: ['Admin', 'Clerk'],
  read: ['Admin', 'Clerk'],
  update: ['Admin', 'Clerk'],
  delete: ['Admin'],
};
const product = (lifecycle?: unknown, fields: readonly unknown[] = FIELDS) => ({
  name: 'Product',
  fields,
  permissions: PERMISSIONS,
  ...(lifecycle !== undefined && { lifecycle }),
});

let api: ServedApi;
before(async () => {
  api = await serveApi([product()], {}, AUTH);
});
after(() => api.close());

const as = (who: keyof typeof KEYS) => ({ 'x-api-key': KEYS[who] });

interface Told {
  readonly version: number;
  readonly actor?: { readonly subject: string };
  readonly changes?: object;
  readonly data: object | null;
}

async function told(path: string, who: keyof typeof KEYS = 'admin', from = api): Promise<Told[]> {
  const answer = await from.send('GET', path, { headers: as(who) });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text).data;
}

async function write(
  method: string,
  path: string,
  body: object | null,
  who: keyof typeof KEYS = 'clerk',
  to = api,
): Promise<Answer> {
  const answer = await to.send(method, path, { headers: as(who), ...(body && { body }) });
  assert.ok(answer.status < 300, answer.text);
  return answer;
}

/** Created, restocked, repriced, another pin and stock, another cost, gone. */
async function lived(id: string, to = api): Promise<string> {
  const path = `/api/products/${id}`;
  const row = { id, price: '10', pin: 'p1', cost: '5', name: 'Lamp', stock: 1 };
  await write('POST', '/api/products', row, 'admin', to);
  await write('PATCH', path, { stock: 2 }, 'clerk', to);
  await write('PATCH', path, { price: '12', name: 'Desk lamp' }, 'clerk', to);
  await write('PATCH', path, { pin: 'p2', stock: 3 }, 'clerk', to);
  await write('PATCH', path, { cost: '6' }, 'admin', to);
  await write('DELETE', path, null, 'admin', to);
  return path;
}

const actorsOf = (items: readonly Told[]) => items.map(({ actor }) => actor?.subject ?? null);

test('events of a change of an audited field tell who, and the old and new values of such fields', async () => {
  const path = await lived('told');
  const events = await told(`${path}/events`);
  assert.deepEqual(actorsOf(events), ['admin', 'admin', 'clerk', 'clerk', null, 'admin']);
  assert.deepEqual(
    events.map(({ changes }) => changes ?? null),
    [
      { price: { old: '12' }, pin: {}, cost: { old: '6' } },
      { cost: { old: '5', new: '6' } },
      { pin: {} },
      { price: { old: '10', new: '12' } },
      null,
      { price: { new: '10' }, pin: {}, cost: { new: '5' } },
    ],
  );
});

test('versions tell who made them where an audited field changed, and keep its values', async () => {
  const versions = await told(`${await lived('versions')}/history`);
  assert.deepEqual(actorsOf(versions), ['admin', 'admin', 'clerk', 'clerk', null, 'admin']);
  const data = versions.map((version) => version.data);
  assert.deepEqual(data.slice(1), [
    { id: 'versions', price: '12', cost: '6', name: 'Desk lamp' },
    { id: 'versions', price: '12', cost: '5' },
    { id: 'versions', price: '12', cost: '5' },
    { id: 'versions', price: '10', cost: '5' },
    { id: 'versions', price: '10', cost: '5' },
  ]);
});

test('who may not read an audited field is not told of its changes, nor who made them', async () => {
  const path = await lived('closed');
  const events = await told(`${path}/events`, 'clerk');
  assert.deepEqual(actorsOf(events), ['admin', null, 'clerk', 'clerk', null, 'admin']);
  assert.doesNotMatch(JSON.stringify(events), /cost/);
  assert.deepEqual(actorsOf(await told(`${path}/history`, 'clerk')), actorsOf(events));
});

test('OpenAPI has actor and changes for who may read an audited field, and for nobody else', async (t) => {
  const closed = auditedAt('cost');
  const one = await serveApi([product(undefined, closed)], {}, AUTH);
  t.after(() => one.close());
  const eventOf = async (who: keyof typeof KEYS) => {
    const answer = await one.send('GET', '/openapi.json', { headers: as(who) });
    return Object.keys(JSON.parse(answer.text).components.schemas.ProductEvent.properties);
  };
  assert.ok((await eventOf('admin')).includes('changes'));
  const clerks = await eventOf('clerk');
  assert.deepEqual(
    clerks.filter((name) => ['changes', 'actor'].includes(name)),
    [],
  );
});

test('a field that becomes audited tells of no change before', async (t) => {
  const plain = auditedAt('price');
  const one = await serveApi([product({ versioned: 50 }, plain)], {}, AUTH);
  t.after(() => one.close());
  const path = '/api/products/later';
  await write('POST', '/api/products', { id: 'later', price: '1', stock: 1 }, 'admin', one);
  await write('PATCH', path, { stock: 2, price: '2' }, 'clerk', one);
  await write('PATCH', path, { stock: 3 }, 'clerk', one);
  one.engine.changeSchema(
    schemaOf([product({ versioned: 50 }, auditedAt('price', 'stock'))], AUTH),
  );
  await write('PATCH', path, { stock: 4 }, 'clerk', one);
  const events = await told(`${path}/events`, 'admin', one);
  assert.deepEqual(actorsOf(events), ['clerk', null, 'clerk', 'admin']);
  assert.deepEqual(
    events.map(({ changes }) => changes ?? null),
    [
      { stock: { old: 3, new: 4 } },
      null,
      { price: { old: '1', new: '2' } },
      { price: { new: '1' } },
    ],
  );
  one.engine.changeSchema(schemaOf([product({ versioned: 50, audited: true }, plain)], AUTH));
  const whole = await told(`${path}/events`, 'admin', one);
  assert.deepEqual(actorsOf(whole), actorsOf(events));
  assert.deepEqual(whole[2]?.changes, events[2]?.changes);
});
