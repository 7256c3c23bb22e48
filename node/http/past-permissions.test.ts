import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const ROLES = { ann: [], bob: [], auditor: ['Auditor'], boss: ['Boss'] } as const;
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

const model = (name: string, history: readonly string[] | null) => ({
  name,
  fields: [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'by', type: 'string' },
    { name: 'text', type: 'string' },
  ],
  permissions: {
    create: ['Boss'],
    read: ['Public'],
    update: ['Boss', 'Owner'],
    owner: 'by',
    ...(history !== null && { history }),
  },
  lifecycle: { versioned: 5 },
});

let api: ServedApi;
before(async () => {
  const models = [
    model('Open', null),
    model('Closed', ['Auditor']),
    model('Own', ['Owner', 'Auditor']),
  ];
  api = await serveApi(models, {}, AUTH);
  for (const path of ['opens', 'closeds', 'owns']) {
    const body = { id: 'x', by: 'bob', text: 'one' };
    assert.equal((await ask('boss', 'POST', `/api/${path}`, body)).status, 201);
    assert.equal((await ask('boss', 'PATCH', `/api/${path}/x`, { by: 'ann' })).status, 200);
    assert.equal((await ask('boss', 'PATCH', `/api/${path}/x`, { text: 'two' })).status, 200);
  }
});
after(() => api.close());

function ask(who: Who, method: string, path: string, body?: object) {
  const headers = who === null ? {} : { authorization: `Bearer ${keyOf(who)}` };
  return api.send(method, path, { headers, ...(body && { body }) });
}

const PAST = ['/history', '/events', '?version=1', '?version=3', '?at=2999-01-01T00:00:00Z'];

test('without a right of its own, who may read a row reads its past', async () => {
  for (const path of PAST) {
    const { status, text } = await ask(null, 'GET', `/api/opens/x${path}`);
    assert.equal(status, 200, `${path}: ${text}`);
  }
});

test('the past is for the roles that are named, whoever reads the present', async () => {
  for (const path of PAST) {
    assert.equal((await ask('auditor', 'GET', `/api/closeds/x${path}`)).status, 200, path);
    assert.equal((await ask('boss', 'GET', `/api/closeds/x${path}`)).status, 403, path);
    assert.equal((await ask(null, 'GET', `/api/closeds/x${path}`)).status, 401, path);
    const missing = await ask('boss', 'GET', `/api/closeds/nobody${path}`);
    assert.equal(missing.status, 403, 'whether there is a row is not told either');
  }
  assert.equal((await ask('boss', 'GET', '/api/closeds/x')).json['text'], 'two');
});

test('an owner reads the past of a row as far back as it was theirs', async () => {
  const versions = async (who: Who) => {
    const { json, status } = await ask(who, 'GET', '/api/owns/x/history');
    if (status !== 200) return status;
    return (Reflect.get(json, 'data') as { version: number }[]).map(({ version }) => version);
  };
  assert.deepEqual(await versions('auditor'), [3, 2, 1]);
  assert.deepEqual(await versions('ann'), [3, 2]);
  assert.equal(await versions('bob'), 404, 'it is not theirs any more');
  assert.equal(await versions(null), 401);
  assert.equal((await ask('ann', 'GET', '/api/owns/x?version=1')).status, 410);
  assert.equal((await ask('ann', 'GET', '/api/owns/x?version=2')).status, 200);
  assert.equal((await ask('bob', 'GET', '/api/owns/x?version=2')).status, 404);
  assert.equal((await ask('bob', 'GET', '/api/owns/x')).status, 200);
});

async function documentOf(who: Who) {
  return (await ask(who, 'GET', '/openapi.json')).json;
}

test('OpenAPI has the past for those who may read it', async () => {
  const pathsOf = async (who: Who) => Object.keys((await documentOf(who))['paths'] as object);
  const ofBoss = await pathsOf('boss');
  assert.ok(ofBoss.includes('/api/opens/{id}/history'));
  assert.ok(ofBoss.includes('/api/owns/{id}/history'), 'they may own some');
  assert.ok(!ofBoss.includes('/api/closeds/{id}/history'));
  assert.ok((await pathsOf('auditor')).includes('/api/closeds/{id}/events'));
  const text = JSON.stringify(await documentOf('boss'));
  assert.doesNotMatch(text, /ClosedKept|ClosedVersion|ClosedEvent/);
});
