import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type Answer, type ServedApi, serveApi } from './testing/served-api.ts';

const CLERK = apiKeyOf(new Uint8Array(32).fill(7));
const AUTH = {
  mode: 'tokens',
  apiKeys: { keys: [{ name: 'clerk', sha256: apiKeyHash(CLERK), roles: ['Clerk'] }] },
};
const id = { name: 'id', type: 'string', primaryKey: true };
const open = { create: ['Clerk'], read: ['Public'], update: ['Clerk'], delete: ['Clerk'] };

const MODELS = [
  { name: 'Region', fields: [id, { name: 'title', type: 'string' }], permissions: open },
  {
    name: 'Customer',
    fields: [
      id,
      { name: 'region', type: 'reference', to: 'Region' },
      { name: 'pin', type: 'string', permissions: { read: ['Clerk'] } },
    ],
    permissions: open,
  },
  {
    name: 'Order',
    fields: [
      id,
      { name: 'customer', type: 'reference', to: 'Customer' },
      {
        name: 'agent',
        type: 'reference',
        to: 'Customer',
        inverse: 'deals',
        permissions: { read: ['Clerk'] },
      },
      { name: 'total', type: 'integer', index: 'ordered' },
    ],
    permissions: open,
  },
  {
    name: 'Note',
    fields: [id, { name: 'order', type: 'reference', to: 'Order' }],
    permissions: { ...open, read: ['Clerk'] },
  },
  {
    name: 'Remark',
    fields: [id, { name: 'note', type: 'reference', to: 'Note' }],
    permissions: open,
  },
];

const asClerk = { headers: { 'x-api-key': CLERK } };
let api: ServedApi;

before(async () => {
  api = await serveApi(MODELS, {}, AUTH);
  const rows: [string, object][] = [
    ['regions', { id: 'north', title: 'North' }],
    ['customers', { id: 'ann', region: 'north', pin: '1234' }],
    ['customers', { id: 'bob' }],
    ['orders', { id: 'o1', customer: 'ann', agent: 'bob', total: 5 }],
    ['orders', { id: 'o2', customer: 'ann', total: 9 }],
    ['orders', { id: 'o3', customer: 'bob', total: 7 }],
    ['notes', { id: 'n1', order: 'o1' }],
    ['remarks', { id: 'r1', note: 'n1' }],
  ];
  for (const [path, body] of rows) {
    const { status, text } = await api.send('POST', `/api/${path}`, { body, ...asClerk });
    assert.equal(status, 201, text);
  }
});
after(() => api.close());

async function pathsOf(options: object): Promise<string[]> {
  const { text } = await api.send('GET', '/openapi.json', options);
  return Object.keys(JSON.parse(text).paths);
}

const get = (path: string) => api.send('GET', `/api/${path}`);

function idsOf({ text }: Answer): string[] {
  return JSON.parse(text).data.map((row: { id: string }) => row.id);
}

describe('the rows that refer to a row', () => {
  it('are listed below it, with filters, order, pages and counts', async () => {
    assert.deepEqual(idsOf(await get('customers/ann/orders')), ['o1', 'o2']);
    assert.deepEqual(idsOf(await get('customers/ann/orders?total[gt]=5')), ['o2']);
    const first = await get('customers/ann/orders?sort=-total&limit=1&count=true');
    assert.deepEqual(idsOf(first), ['o2']);
    const { next, total } = JSON.parse(first.text).page;
    assert.equal(total, 2);
    const second = await get(`customers/ann/orders?sort=-total&limit=1&cursor=${next}`);
    assert.deepEqual(idsOf(second), ['o1']);
    const elsewhere = await get(`customers/bob/orders?sort=-total&limit=1&cursor=${next}`);
    assert.equal(elsewhere.json['code'], 'bad_cursor');
  });

  it('are 404 where that row is not there, and where there is no such route', async () => {
    const gone = await get('customers/eve/orders');
    assert.deepEqual([gone.status, gone.json['code']], [404, 'not_found']);
    const unknown = await get('customers/ann/parcels');
    assert.deepEqual([unknown.status, unknown.json['code']], [404, 'unknown_route']);
    const posted = await api.send('POST', '/api/customers/ann/orders', { body: {} });
    assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD, OPTIONS']);
  });

  it('are shown to those who may read both models and the field that refers', async () => {
    assert.equal((await get('orders/o1/notes')).status, 401);
    assert.deepEqual(idsOf(await api.send('GET', '/api/orders/o1/notes', asClerk)), ['n1']);
    assert.equal((await get('notes/n1/remarks')).status, 401);
    const deals = await get('customers/bob/deals');
    assert.deepEqual([deals.status, deals.json['code']], [404, 'unknown_route']);
    assert.deepEqual(idsOf(await api.send('GET', '/api/customers/bob/deals', asClerk)), ['o1']);
  });

  it('have a path in the OpenAPI document of those who may use it', async () => {
    const [everybody, clerk] = [await pathsOf({}), await pathsOf(asClerk)];
    assert.ok(everybody.includes('/api/customers/{id}/orders'));
    for (const path of ['/api/customers/{id}/deals', '/api/orders/{id}/notes']) {
      assert.ok(clerk.includes(path) && !everybody.includes(path), path);
    }
  });
});

describe('expand', () => {
  it('shows the rows that a row refers to beside it, also those behind them', async () => {
    const { json, headers } = await get('orders/o1?expand=customer.region&fields=id,customer');
    assert.deepEqual(json, {
      id: 'o1',
      customer: 'ann',
      expand: {
        customer: {
          id: 'ann',
          region: 'north',
          expand: { region: { id: 'north', title: 'North' } },
        },
      },
    });
    const plain = await get('orders/o1');
    assert.notEqual(headers.get('etag'), plain.headers.get('etag'));
  });

  it('shows null where a reference is null, and goes with lists', async () => {
    const { text } = await get('customers?expand=region&sort=id');
    const shown = JSON.parse(text).data.map((row: { expand: unknown }) => row.expand);
    assert.deepEqual(shown, [{ region: { id: 'north', title: 'North' } }, { region: null }]);
    const below = await get('customers/ann/orders?expand=customer&limit=1');
    assert.equal(JSON.parse(below.text).data[0].expand.customer.id, 'ann');
  });

  it('shows no field and no row that the caller may not read', async () => {
    const all = await api.send('GET', '/api/orders/o1?expand=customer,agent', asClerk);
    assert.match(all.text, /"pin":"1234"/);
    assert.doesNotMatch((await get('orders/o1?expand=customer')).text, /pin/);
    const hidden = await get('orders/o1?expand=agent');
    const unknown = await get('orders/o1?expand=nobody');
    assert.equal(hidden.status, 400);
    assert.equal(hidden.text.replaceAll('agent', 'nobody'), unknown.text);
    assert.deepEqual((await get('remarks/r1?expand=note')).json, { id: 'r1', note: 'n1' });
    assert.deepEqual((await get('remarks/r1?expand=note.order')).json, { id: 'r1', note: 'n1' });
  });

  it('is bounded in depth and number, and says what is wrong', async () => {
    const names = Array.from({ length: 11 }, () => 'customer').join();
    for (const [query, code] of [
      ['expand=total', 'unknown_filter'],
      ['expand=customer.region.title.x', 'too_deep'],
      [`expand=${names}`, 'too_many_items'],
      ['expand=customer&expand=agent', 'repeated'],
      ['expand=', 'unknown_filter'],
    ] as const) {
      const { status, text } = await get(`orders/o1?${query}`);
      assert.equal(status, 400, query);
      assert.equal(JSON.parse(text).errors[0].code, code, query);
    }
  });
});
