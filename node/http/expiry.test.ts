import assert from 'node:assert/strict';
import { after, before, mock, test } from 'node:test';
import { type Answer, type SendOptions, type ServedApi, serveApi } from './testing/served-api.ts';

const key = { name: 'id', type: 'string', primaryKey: true };
const user = (onDelete: string) => ({
  name: 'session',
  type: 'reference',
  to: 'Session',
  onDelete,
});
const MODELS = [
  {
    name: 'Session',
    fields: [
      key,
      { name: 'token', type: 'string', unique: true },
      { name: 'until', type: 'datetime' },
    ],
    lifecycle: { ttl: { field: 'until', after: '1h' }, audited: true },
  },
  { name: 'Cart', fields: [key, user('cascade')] },
  { name: 'Visit', fields: [key, user('setNull')] },
  {
    name: 'Note',
    fields: [key],
    lifecycle: { softDelete: true, purgeAfter: '1s' },
  },
];

let api: ServedApi;
before(async () => {
  mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 5, 1) });
  api = await serveApi(MODELS);
});
after(async () => {
  await api.close();
  mock.timers.reset();
});

const send = (method: string, path: string, options?: SendOptions): Promise<Answer> =>
  api.send(method, path, options);

async function expectStatus(answer: Promise<Answer>, status: number): Promise<Answer> {
  const got = await answer;
  assert.equal(got.status, status, got.text);
  return got;
}

const HOUR_MS = 3_600_000;
const at = (ms: number) => new Date(Date.now() + ms).toISOString();
const past = () => at(-HOUR_MS);
const later = () => at(60_000 - HOUR_MS);
/** The clock moves by a minute and a millisecond. */
const pass = () => mock.timers.tick(60_001);

async function session(id: string, until: string | null, more: object = {}): Promise<void> {
  await expectStatus(send('POST', '/api/sessions', { body: { id, until, ...more } }), 201);
}

async function ids(path: string): Promise<unknown[]> {
  const { json } = await expectStatus(send('GET', path), 200);
  assert.ok(Array.isArray(json['data']));
  return json['data'].map(({ id }) => id);
}

test('a row whose time has come is shown by no read, swept or not', async () => {
  await session('a1', past());
  await session('a2', later());
  await session('a3', null);
  await expectStatus(send('GET', '/api/sessions/a1'), 404);
  await expectStatus(send('HEAD', '/api/sessions/a1'), 404);
  assert.deepEqual(await ids('/api/sessions?sort=until'), ['a3', 'a2']);
  const { json } = await expectStatus(send('GET', '/api/sessions?count=true'), 200);
  assert.equal(Reflect.get(Object(json['page']), 'total'), 2);
});

test('reads do not wait for the deletion', async () => {
  await session('b1', later());
  await expectStatus(send('GET', '/api/sessions/b1'), 200);
  pass();
  assert.ok(api.engine.current.find('Session', 'b1'), 'no sweep has come yet');
  await expectStatus(send('GET', '/api/sessions/b1'), 404);
  await expectStatus(send('GET', '/api/sessions/b1/carts'), 404);
  assert.ok(!(await ids('/api/sessions')).includes('b1'));
});

test('writes meet no expired row: it is deleted in front of them', async () => {
  await session('c1', past(), { token: 'T' });
  const patched = send('PATCH', '/api/sessions/c1', { body: { until: later() } });
  await expectStatus(patched, 404);
  await session('c2', past(), { token: 'U' });
  await session('c2', later(), { token: 'U' });
  const { headers } = await expectStatus(send('GET', '/api/sessions/c2'), 200);
  assert.equal(headers.get('lithair-version'), '3', 'created, expired, created');
});

test('rows that refer go or are let go, and a new reference finds nothing', async () => {
  await session('d1', later());
  await expectStatus(send('POST', '/api/carts', { body: { id: 'd', session: 'd1' } }), 201);
  await expectStatus(send('POST', '/api/visits', { body: { id: 'd', session: 'd1' } }), 201);
  pass();
  assert.equal(api.engine.expire(), true);
  assert.equal(api.engine.expire(), false, 'nothing is left to do');
  await expectStatus(send('GET', '/api/carts/d'), 404);
  const visit = await expectStatus(send('GET', '/api/visits/d'), 200);
  assert.equal(visit.json['session'], null);
  const { json } = await expectStatus(
    send('POST', '/api/carts', { body: { id: 'd2', session: 'd1' } }),
    409,
  );
  assert.equal(json['code'], 'missing_reference');
});

test('the past of an expired row tells that it expired, and by whom', async () => {
  await session('e1', past());
  api.engine.expire();
  const { json } = await expectStatus(send('GET', '/api/sessions/e1/events'), 200);
  assert.ok(Array.isArray(json['data']));
  const told = json['data'].map(({ type, actor }) => [type, Reflect.get(Object(actor), 'subject')]);
  assert.deepEqual(told, [
    ['SessionExpired', 'lithair'],
    ['SessionCreated', 'anonymous'],
  ]);
});

test('a time that is put off keeps the row', async () => {
  await session('f1', later());
  const longer = { until: at(0) };
  await expectStatus(send('PATCH', '/api/sessions/f1', { body: longer }), 200);
  pass();
  api.engine.expire();
  await expectStatus(send('GET', '/api/sessions/f1'), 200);
});

test('deleted rows are removed for good when purgeAfter has passed', async () => {
  await expectStatus(send('POST', '/api/notes', { body: { id: 'n' } }), 201);
  await expectStatus(send('DELETE', '/api/notes/n'), 204);
  await expectStatus(send('GET', '/api/notes/_deleted/n'), 200);
  pass();
  await expectStatus(send('GET', '/api/notes/_deleted/n'), 404);
  await expectStatus(send('POST', '/api/notes/_deleted/n/restore'), 404);
  assert.equal(api.engine.current.find('NoteDeleted', 'n'), undefined);
});
