import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type SendOptions, type ServedApi, serveApi } from './testing/served-api.ts';

const KEY = apiKeyOf(new Uint8Array(32).fill(1));
const STRANGER = apiKeyOf(new Uint8Array(32).fill(2));
const AUTH = {
  mode: 'tokens',
  apiKeys: {
    keys: [
      { name: 'doctor', sha256: apiKeyHash(KEY), roles: ['Doctor'] },
      { name: 'stranger', sha256: apiKeyHash(STRANGER), roles: [] },
    ],
  },
};
const ALL = { create: ['Doctor'], read: ['Doctor'], update: ['Doctor'], delete: ['Doctor'] };
const MODELS = [
  {
    name: 'Patient',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'name', type: 'string', index: 'ordered' },
    ],
    permissions: ALL,
    security: { auditAllOperations: true },
    lifecycle: { audited: true },
  },
  {
    name: 'Visit',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'patient', type: 'reference', to: 'Patient' },
    ],
    permissions: ALL,
  },
];

async function served(t: TestContext): Promise<ServedApi> {
  const api = await serveApi(MODELS, {}, AUTH);
  t.after(() => api.close());
  await send(api, 'POST', '/api/patients', { body: { id: 'p1', name: 'Ada' } });
  await send(api, 'POST', '/api/visits', { body: { id: 'v1', patient: 'p1' } });
  api.engine.audited.length = 0;
  return api;
}

function send(api: ServedApi, method: string, path: string, options: SendOptions = {}, key = KEY) {
  const headers = { authorization: `Bearer ${key}`, ...options.headers };
  return api.send(method, path, { ...options, headers });
}

/** Entries since the last call. */
function told(api: ServedApi): string[] {
  return api.engine.audited.splice(0).map(({ subject, model, operation, id, outcome, status }) => {
    return `${subject} ${operation} ${model}/${id} ${outcome} ${status}`;
  });
}

test('each read of an audited model leaves an entry: who, what, and what came of it', async (t) => {
  const api = await served(t);
  for (const [method, path, expected] of [
    ['GET', '/api/patients/p1', 'doctor read Patient/p1 allowed 200'],
    ['HEAD', '/api/patients/p1', 'doctor read Patient/p1 allowed 200'],
    ['GET', '/api/patients/none', 'doctor read Patient/none refused 404'],
    ['GET', '/api/patients/p1?version=1', 'doctor read Patient/p1 allowed 200'],
    ['GET', '/api/patients', 'doctor list Patient/ allowed 200'],
    ['GET', '/api/patients/p1/history', 'doctor history Patient/p1 allowed 200'],
    ['GET', '/api/patients/p1/events', 'doctor events Patient/p1 allowed 200'],
    ['GET', '/api/patients?nonsense=1', 'doctor list Patient/ refused 400'],
  ] as const) {
    await send(api, method, path);
    assert.deepEqual(told(api), [expected], `${method} ${path}`);
  }
  const lines = { headers: { accept: 'application/x-ndjson' } };
  await send(api, 'GET', '/api/patients', lines);
  assert.deepEqual(told(api), ['doctor list Patient/ allowed 200']);
});

test('an entry has the names of parameters, and never what they compare with', async (t) => {
  const api = await served(t);
  await send(api, 'GET', '/api/patients?name[startsWith]=Ad&sort=-name&name[startsWith]=Ad');
  const [entry] = api.engine.audited;
  assert.deepEqual(entry?.parameters, ['name[startsWith]', 'sort']);
  assert.doesNotMatch(JSON.stringify(api.engine.audited), /"Ad|Ada/);
});

test('rows that are shown beside others, and those whose relatives are listed, count', async (t) => {
  const api = await served(t);
  await send(api, 'GET', '/api/visits/v1');
  assert.deepEqual(told(api), []);
  await send(api, 'GET', '/api/visits/v1?expand=patient');
  assert.deepEqual(told(api), ['doctor read Patient/ allowed 200']);
  await send(api, 'GET', '/api/visits?expand=patient');
  assert.deepEqual(told(api), ['doctor list Patient/ allowed 200']);
  await send(api, 'GET', '/api/patients/p1/visits');
  assert.match(told(api).join(), /^doctor \w+ Patient\/p1 allowed 200$/);
});

test('a write is there before it takes effect, and once more where it is refused', async (t) => {
  const api = await served(t);
  const body = { name: 'Ada' };
  // Changes nothing, and so has no event; but its answer shows the row.
  await send(api, 'PATCH', '/api/patients/p1', { body });
  assert.deepEqual(told(api), ['doctor patch Patient/p1 begun 0']);
  await send(api, 'DELETE', '/api/patients/none');
  assert.deepEqual(told(api), [
    'doctor delete Patient/none begun 0',
    'doctor delete Patient/none refused 404',
  ]);
  await send(api, 'POST', '/api/patients', { body: { id: 7 } });
  assert.deepEqual(told(api), ['doctor create Patient/ refused 400']);
  const lines = { body: '{"id":"p2"}\n', headers: { 'content-type': 'application/x-ndjson' } };
  await send(api, 'POST', '/api/patients/_bulk', lines);
  assert.deepEqual(told(api), ['doctor bulkLines Patient/ begun 0']);
});

test('who may not, and who is not known, is in the log, too', async (t) => {
  const api = await served(t);
  await send(api, 'GET', '/api/patients/p1', {}, STRANGER);
  await send(api, 'DELETE', '/api/patients/p1', {}, STRANGER);
  await send(api, 'GET', '/api/patients/p1', {}, 'wrong');
  assert.deepEqual(told(api), [
    'stranger read Patient/p1 denied 403',
    'stranger delete Patient/p1 denied 403',
    'anonymous read Patient/p1 denied 401',
  ]);
});

test('what cannot be audited is not done, and nothing is shown', async (t) => {
  const api = await served(t);
  api.engine.auditFails = true;
  for (const [method, path, options] of [
    ['GET', '/api/patients/p1', {}],
    ['GET', '/api/patients', {}],
    ['GET', '/api/visits/v1?expand=patient', {}],
    ['GET', '/api/patients/p1', { headers: { authorization: 'Bearer wrong' } }],
    ['POST', '/api/patients', { body: { id: 'p9' } }],
    ['DELETE', '/api/patients/p1', {}],
    [
      'POST',
      '/api/patients/_bulk',
      { body: '{"id":"p8"}\n', headers: { 'content-type': 'application/x-ndjson' } },
    ],
  ] as [string, string, SendOptions][]) {
    const answer = await send(api, method, path, options);
    assert.equal(answer.status, 503, `${method} ${path}`);
    assert.doesNotMatch(answer.text, /Ada/);
  }
  assert.equal((await send(api, 'GET', '/api/visits/v1')).status, 200);
  api.engine.auditFails = false;
  const left = await send(api, 'GET', '/api/patients?fields=id');
  assert.deepEqual(left.json['data'], [{ id: 'p1' }]);
});
