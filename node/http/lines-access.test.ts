import assert from 'node:assert/strict';
import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { SignJWT } from 'jose';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type ServedApi, serveApi } from './testing/served-api.ts';
import { schemaOf } from './testing/single-node.ts';

// A body of lines may take days, and what its sender may do is what the model in force says.

const KEY = apiKeyOf(Buffer.alloc(32, 'importer'));
const FIELDS = [
  { name: 'id', type: 'string', primaryKey: true },
  { name: 'grade', type: 'integer', permissions: { write: ['Chief'] } },
  { name: 'by', type: 'string', defaultFrom: 'actor' },
];
const PERMISSIONS = { create: ['Clerk', 'Chief'], read: ['Public'] };
const NOTE = { name: 'Note', fields: FIELDS, permissions: PERMISSIONS };

function authFor(key: string, name: string, ...roles: string[]) {
  return { mode: 'tokens', apiKeys: { keys: [{ name, sha256: apiKeyHash(key), roles }] } };
}

/** Sends one line after the other, each when the one before it has its result. */
async function lines(
  api: ServedApi,
  steps: readonly (string | (() => void | Promise<void>))[],
  credential: object = { 'x-api-key': KEY },
) {
  const sending = request({
    port: api.port,
    method: 'POST',
    path: '/api/notes/_bulk',
    headers: { 'content-type': 'application/x-ndjson', ...credential },
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    sending.on('response', resolve).on('error', reject);
  });
  sending.flushHeaders();
  const results = createInterface(await answer)[Symbol.asyncIterator]();
  const told: unknown[] = [];
  for (const step of steps) {
    if (typeof step !== 'string') await step();
    else {
      sending.write(`${step}\n`);
      const { value } = await results.next();
      const { status } = JSON.parse(String(value));
      told.push(status);
    }
  }
  sending.end();
  return told;
}

async function served(
  use: (api: ServedApi, become: (auth: object, model?: object) => () => void) => Promise<void>,
) {
  const api = await serveApi([NOTE], { engineTimeoutMs: 300 }, authFor(KEY, 'importer', 'Clerk'));
  try {
    await use(
      api,
      (auth, model = NOTE) =>
        () =>
          api.engine.changeSchema(schemaOf([model], auth)),
    );
  } finally {
    await api.close();
  }
}

test('lines of a key that is taken away are refused from then on', () =>
  served(async (api, become) => {
    const other = apiKeyOf(Buffer.alloc(32, 'other'));
    const gone = become(authFor(other, 'importer', 'Clerk'));
    const back = become(authFor(KEY, 'importer', 'Clerk'));
    const told = await lines(api, ['{"id":"a"}', gone, '{"id":"b"}', back, '{"id":"c"}']);
    assert.deepEqual(told, [201, 401, 201]);
  }));

test('lines are written with the roles and the name that the key has by then', () =>
  served(async (api, become) => {
    const sent = [
      '{"id":"a","grade":1}',
      become(authFor(KEY, 'renamed', 'Chief')),
      '{"id":"b","grade":1}',
      become(authFor(KEY, 'importer')),
      '{"id":"c"}',
    ];
    assert.deepEqual(await lines(api, sent), [403, 201, 403]);
    const { json } = await api.send('GET', '/api/notes/b');
    assert.equal(json['by'], 'renamed');
  }));

test('lines are refused once the model does not take POST any more', () =>
  served(async (api, become) => {
    const closed = become(authFor(KEY, 'importer', 'Clerk'), {
      ...NOTE,
      http: { methods: ['GET'] },
    });
    assert.deepEqual(await lines(api, ['{"id":"a"}', closed, '{"id":"b"}']), [201, 405]);
  }));

test('lines behind a change of the model leave an entry where it asks for one by then', () =>
  served(async (api, become) => {
    const audited = {
      ...NOTE,
      lifecycle: { audited: true },
      security: { auditAllOperations: true },
    };
    const turned = become(authFor(KEY, 'importer', 'Clerk'), audited);
    const begun = () => api.engine.audited.map(({ outcome, subject }) => `${subject} ${outcome}`);
    assert.deepEqual(await lines(api, ['{"id":"a"}', turned, '{"id":"b"}']), [201, 201]);
    assert.deepEqual(begun(), ['importer begun']);
    const again = become(authFor(KEY, 'renamed', 'Clerk'), audited);
    const stop = () => {
      again();
      api.engine.auditFails = true;
    };
    assert.deepEqual(await lines(api, ['{"id":"d"}', stop, '{"id":"e"}']), [201, 503]);
  }));

const SECRET = 'a-secret-of-more-than-thirty-two-bytes';
const JWT = { issuer: 'https://id.example.com', audience: 'notes', algorithms: ['HS256'] };
const TOKENS = { mode: 'tokens', jwt: { ...JWT, secretName: SECRET, leewaySeconds: 0 } };
const untilItEnds = () => setTimeout(2100);

/** A token that lasts for so many seconds at most. */
async function lasting(seconds: number): Promise<{ authorization: string }> {
  const token = await new SignJWT({ roles: ['Clerk'] })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(JWT.issuer)
    .setAudience(JWT.audience)
    .setSubject('importer')
    .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
    .sign(Buffer.from(SECRET));
  return { authorization: `Bearer ${token}` };
}

test('lines of a token that has ended are refused from then on', async () => {
  const api = await serveApi([NOTE], {}, TOKENS);
  try {
    const credential = await lasting(2);
    const told = await lines(api, ['{"id":"a"}', untilItEnds, '{"id":"b"}'], credential);
    assert.deepEqual(told, [201, 401]);
  } finally {
    await api.close();
  }
});

test('an export that is read slowly ends early where its token has ended', async () => {
  const text = { name: 'text', type: 'string' };
  const api = await serveApi([{ ...NOTE, fields: [...FIELDS, text] }], {}, TOKENS);
  try {
    const credential = await lasting(600);
    const long = 'x'.repeat(30_000);
    for (const at of [0, 1, 2]) {
      const body = Array.from({ length: 400 }, (_, row) => ({ id: `${at}-${row}`, text: long }));
      const made = await api.send('POST', '/api/notes/_bulk', { body, headers: credential });
      assert.equal(made.status, 201, made.text);
    }
    const headers = { ...(await lasting(2)), accept: 'application/x-ndjson' };
    const asked = request({ port: api.port, path: '/api/notes', headers });
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      asked.on('response', resolve).on('error', reject).end();
    });
    assert.equal(answer.statusCode, 200);
    await untilItEnds();
    await assert.rejects(async () => {
      for await (const piece of answer) assert.ok(piece);
    }, /aborted/);
  } finally {
    await api.close();
  }
});
