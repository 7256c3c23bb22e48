import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type Answer, type SendOptions, type ServedApi, serveApi } from './testing/served-api.ts';

const ROLES = {
  ann: [],
  bob: [],
  clerk: ['Clerk', 'North'],
  giver: ['Giver'],
  writer: ['Writer'],
  admin: ['Admin'],
} as const;
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

const MODELS = [
  {
    name: 'Note',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'ownerId', type: 'string', index: 'hash', defaultFrom: 'actor' },
      { name: 'title', type: 'string', index: 'ordered', required: true },
      { name: 'status', type: 'enum', values: ['draft', 'live'], default: 'draft', index: 'hash' },
      { name: 'team', type: 'string', index: 'hash' },
    ],
    permissions: {
      create: ['Owner', 'Admin'],
      read: ['Owner', 'Admin'],
      update: ['Owner', 'Admin', 'Writer'],
      delete: ['Owner', 'Admin'],
      owner: 'ownerId',
      publicIf: 'self.status == "live"',
      rows: [
        {
          roles: ['Clerk'],
          operations: ['read', 'update'],
          using: 'self.team in actor.roles',
          check: 'self.team == old.team',
        },
        {
          roles: ['Giver'],
          operations: ['update'],
          using: 'self.ownerId == actor.id',
          check: 'true',
        },
      ],
    },
    lifecycle: { versioned: 10, audited: true },
  },
  {
    name: 'Comment',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'note', type: 'reference', to: 'Note' },
    ],
    permissions: { create: ['Authenticated'], read: ['Public'] },
  },
  {
    name: 'Letter',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'text', type: 'string', required: true },
    ],
    permissions: { create: ['Public'], read: ['Admin'], update: ['Public'] },
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

async function note(id: string, body: object): Promise<string> {
  const { status, text } = await as('admin', 'POST', '/api/notes', {
    body: { id, title: id, ...body },
  });
  assert.equal(status, 201, text);
  return `/api/notes/${id}`;
}

async function ids(who: Who, query: string): Promise<string[]> {
  const { status, json, text } = await as(who, 'GET', `/api/notes?${query}`);
  assert.equal(status, 200, text);
  const { data } = json;
  assert.ok(Array.isArray(data));
  return data.map(({ id }) => id);
}

test('a caller reads the rows that they own, those that a rule opens, and public ones', async () => {
  await note('r-ann', { ownerId: 'ann', title: 'r' });
  await note('r-bob', { ownerId: 'bob', title: 'r', team: 'North' });
  await note('r-live', { ownerId: 'bob', title: 'r', status: 'live' });
  assert.deepEqual(await ids('admin', 'title=r'), ['r-ann', 'r-bob', 'r-live']);
  assert.deepEqual(await ids('ann', 'title=r'), ['r-ann', 'r-live']);
  assert.deepEqual(await ids('bob', 'title=r'), ['r-bob', 'r-live']);
  assert.deepEqual(await ids('clerk', 'title=r'), ['r-bob', 'r-live']);
  assert.deepEqual(await ids(null, 'title=r'), ['r-live']);
});

test('counts, sorted pages and cursors know only the rows that the caller may read', async () => {
  for (let at = 0; at < 9; at++) {
    const ownerId = ['ann', 'bob', 'clerk'][at % 3];
    await note(`p${at}`, { ownerId, title: `p${at}`, status: at === 4 ? 'live' : 'draft' });
  }
  for (const sort of ['title', '-title', 'id', '-id', 'status,title']) {
    const pages: string[] = [];
    let cursor = '';
    for (let page = 0; page < 10; page++) {
      const query = `title[startsWith]=p&sort=${sort}&limit=1&count=true${cursor}`;
      const { json } = await as('ann', 'GET', `/api/notes?${query}`);
      const { data, page: info } = json;
      assert.ok(Array.isArray(data) && typeof info === 'object' && info !== null);
      assert.equal(Reflect.get(info, 'total'), 4);
      pages.push(...data.map(({ id }) => id));
      const next: unknown = Reflect.get(info, 'next');
      if (typeof next !== 'string') break;
      cursor = `&cursor=${next}`;
    }
    assert.deepEqual(pages.toSorted(), ['p0', 'p3', 'p4', 'p6'], sort);
    if (sort === '-title') assert.deepEqual(pages, ['p6', 'p4', 'p3', 'p0']);
  }
  const own = await as('ann', 'GET', '/api/notes?count=true&limit=1000');
  const { data, page } = own.json;
  assert.ok(Array.isArray(data));
  assert.equal(Reflect.get(Object(page), 'total'), data.length);
});

test('an export of lines holds the rows that the caller may read', async () => {
  for (let at = 0; at < 450; at++) {
    await note(`e${at}`, { ownerId: at % 2 === 0 ? 'ann' : 'bob', title: 'export' });
  }
  const { text } = await as('ann', 'GET', '/api/notes?title=export', {
    headers: { accept: 'application/x-ndjson' },
  });
  const owners = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).ownerId);
  assert.equal(owners.length, 225);
  assert.ok(owners.every((owner) => owner === 'ann'));
});

test('a row that the caller may not read cannot be told from one that is not there', async () => {
  const hidden = await note('hid', { ownerId: 'bob' });
  const missing = '/api/notes/nix';
  const version = { 'if-match': '"1.x"' };
  const requests: [string, string, SendOptions][] = [
    ['GET', '', {}],
    ['GET', '', { headers: { 'if-none-match': '*' } }],
    ['GET', '?fields=title', {}],
    ['GET', '?version=1', {}],
    ['GET', '?version=7', {}],
    ['GET', '?at=2020-01-01T00:00:00Z', {}],
    ['GET', '/history', {}],
    ['GET', '/history?cursor=x', {}],
    ['GET', '/events', {}],
    ['GET', '/comments', {}],
    ['PATCH', '', { body: { title: 'x' } }],
    ['PATCH', '', { body: { title: null } }],
    ['PATCH', '', { body: { title: 'x' }, headers: version }],
    ['PUT', '', { body: { title: 'x' } }],
    ['DELETE', '', {}],
    ['DELETE', '', { headers: { 'if-match': '"9.x"' } }],
  ];
  for (const [method, below, options] of requests) {
    const [one, other] = [
      await as('ann', method, `${hidden}${below}`, options),
      await as('ann', method, `${missing}${below}`, options),
    ];
    assert.equal(one.status, other.status, `${method} ${below}`);
    assert.equal(one.text, other.text, `${method} ${below}`);
    assert.equal(one.headers.get('etag'), null);
    assert.notEqual(one.status, 200, `${method} ${below}`);
  }
  assert.equal((await as('bob', 'GET', hidden)).status, 200);
});

test('who may read a row and not change it is forbidden to', async () => {
  const live = await note('live', { ownerId: 'bob', status: 'live' });
  for (const [method, options] of [
    ['PATCH', { body: { title: 'x' } }],
    ['PUT', { body: { title: 'x' } }],
    ['DELETE', {}],
  ] as const) {
    const { status, json } = await as('ann', method, live, options);
    assert.equal(status, 403, method);
    assert.equal(json['code'], 'forbidden');
  }
  assert.equal((await as('bob', 'PATCH', live, { body: { title: 'y' } })).status, 200);
  assert.equal((await as('bob', 'DELETE', live)).status, 204);
});

test('a new row must be one that the caller may create', async () => {
  const create = (body: object) => as('ann', 'POST', '/api/notes', { body });
  assert.equal((await create({ id: 'c1', title: 'x', ownerId: 'bob' })).status, 403);
  const own = await create({ id: 'c1', title: 'x' });
  assert.equal(own.status, 201);
  assert.equal(own.json['ownerId'], 'ann');
  const put = await as('ann', 'PUT', '/api/notes/c2', {
    body: { title: 'x', ownerId: 'bob' },
    headers: { 'if-none-match': '*' },
  });
  assert.equal(put.status, 403);
  const batch = [
    { id: 'c3', title: 'x' },
    { id: 'c4', title: 'x', ownerId: 'bob' },
  ];
  const bulk = await as('ann', 'POST', '/api/notes/_bulk', { body: batch });
  assert.equal(bulk.status, 403);
  assert.match(bulk.text, /"pointer":"\/1"/);
  assert.equal((await as('admin', 'GET', '/api/notes/c3')).status, 404);
  assert.equal((await as(null, 'POST', '/api/notes', { body: { title: 'x' } })).status, 401);
});

test('a changed row must be one that the same rule lets the caller leave', async () => {
  const path = await note('move', { ownerId: 'ann', team: 'North' });
  const patch = (who: Who, body: object) => as(who, 'PATCH', path, { body });
  assert.equal((await patch('ann', { ownerId: 'bob' })).status, 403);
  assert.equal((await patch('clerk', { team: 'south' })).status, 403);
  assert.equal((await patch('clerk', { title: 'by clerk' })).status, 200);
  assert.equal((await patch('admin', { ownerId: 'bob' })).status, 200);
  assert.equal((await patch('ann', { title: 'x' })).status, 404);
});

test('a row that is given away is answered with its key alone', async () => {
  const path = await note('gift', { ownerId: 'giver' });
  const given = await as('giver', 'PATCH', path, { body: { ownerId: 'bob' } });
  assert.equal(given.status, 200);
  assert.deepEqual(given.json, { id: 'gift' });
  assert.equal((await as('giver', 'GET', path)).status, 404);
});

test('who may read no row sees of what they write the key alone', async () => {
  const body = { id: 'l', text: 'hello' };
  const sent = await as(null, 'POST', '/api/letters', { body });
  assert.deepEqual([sent.status, sent.json], [201, { id: 'l' }]);
  const patched = await as(null, 'PATCH', '/api/letters/l', { body: {} });
  assert.deepEqual([patched.status, patched.json], [200, { id: 'l' }]);
  assert.equal((await as('admin', 'GET', '/api/letters/l')).json['text'], 'hello');
});

test('of the past a caller reads the versions that the rules open, and changes between those', async () => {
  const path = await note('past', { ownerId: 'bob', title: 'one' });
  const patch = (body: object) => as('bob', 'PATCH', path, { body });
  await patch({ title: 'two' });
  await patch({ status: 'live' });
  await patch({ title: 'four' });
  const versions = async (who: Who, below: string) => {
    const { json } = await as(who, 'GET', `${path}/${below}`);
    const { data } = json;
    assert.ok(Array.isArray(data));
    return data;
  };
  assert.deepEqual(
    (await versions('bob', 'history')).map(({ version }) => version),
    [4, 3, 2, 1],
  );
  const told = await versions(null, 'history');
  assert.deepEqual(
    told.map(({ version, events }) => [version, events]),
    [
      [4, ['NoteUpdated']],
      [3, []],
    ],
  );
  const events = await versions(null, 'events');
  assert.deepEqual(
    events.map(({ version, changes }) => [version, Object.keys(changes)]),
    [[4, ['title']]],
  );
  assert.equal((await as(null, 'GET', `${path}?version=3`)).status, 200);
  assert.equal((await as(null, 'GET', `${path}?version=2`)).status, 410);
  assert.deepEqual(
    (await versions(null, 'history?limit=1')).map(({ version }) => version),
    [4],
  );
  await patch({ status: 'draft' });
  assert.equal((await as(null, 'GET', `${path}?version=3`)).status, 404);
  assert.equal((await as(null, 'GET', `${path}/history`)).status, 404);
});

test('a row beside another, and rows below one, are shown to those who may read them', async () => {
  await note('x-hid', { ownerId: 'bob' });
  const body = { id: 'x', note: 'x-hid' };
  assert.equal((await as('bob', 'POST', '/api/comments', { body })).status, 201);
  const seen = async (who: Who) =>
    (await as(who, 'GET', '/api/comments/x?expand=note')).json['expand'];
  assert.equal(Reflect.get(Object(await seen('bob')), 'note').id, 'x-hid');
  assert.deepEqual(await seen('ann'), { note: null });
  const list = await as('ann', 'GET', '/api/comments?expand=note&id=x');
  assert.match(list.text, /"expand":\{"note":null\}/);
  assert.equal((await as('bob', 'GET', '/api/notes/x-hid/comments')).status, 200);
  assert.equal((await as('ann', 'GET', '/api/notes/x-hid/comments')).status, 404);
});

test('a repeated request is answered by what the caller may read now', async () => {
  const headers = { 'idempotency-key': 'k1' };
  const create = () =>
    as('ann', 'POST', '/api/notes', { body: { id: 'idem', title: 'x' }, headers });
  assert.equal((await create()).json['title'], 'x');
  const again = await create();
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
  assert.equal(again.json['title'], 'x');
});

async function openapi(who: Who) {
  return JSON.parse((await as(who, 'GET', '/openapi.json')).text);
}

test('OpenAPI tells a caller with rights on some rows that they may see the key alone', async () => {
  const { components } = await openapi('ann');
  assert.equal(components.schemas.NoteWritten.anyOf.length, 2);
  assert.equal((await openapi('admin')).components.schemas.NoteWritten, undefined);
});
