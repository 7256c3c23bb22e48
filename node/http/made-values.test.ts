import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type ServedApi, serveApi } from './testing/served-api.ts';

// What is made of who is calling meets what the model says of the field, as what is sent does.

const keyOf = (who: string) => apiKeyOf(Buffer.alloc(32, who));
const AUTH = {
  mode: 'tokens',
  apiKeys: {
    keys: ['ann', 'importer'].map((name) => ({ name, sha256: apiKeyHash(keyOf(name)), roles: [] })),
  },
};
const ALL = ['Authenticated'];
const PERMISSIONS = { create: ALL, read: ALL, update: ALL };
const ID = { name: 'id', type: 'string', primaryKey: true };
const NOTE = { name: 'note', type: 'string' };
const BY = { name: 'by', type: 'string', defaultFrom: 'actor' };
const MODELS = [
  { name: 'Short', fields: [ID, { ...BY, maxLength: 3 }, NOTE], permissions: PERMISSIONS },
  {
    name: 'Mailed',
    fields: [ID, { ...BY, format: 'email', hidden: true }, NOTE],
    permissions: PERMISSIONS,
  },
];

/** Where errors are: nothing names a field that nobody sees. */
const POINTERS = { '/api/shorts': '/by', '/api/maileds': '' } as const;

const isOf = (place: string) => ({ code: 'invalid', errors: [{ pointer: place }] });

describe('a value that is made of the caller', () => {
  let api: ServedApi;
  before(async () => {
    api = await serveApi(MODELS, {}, AUTH);
  });
  after(() => api.close());

  const send = (who: string, method: string, path: string, body: unknown, more: object = {}) =>
    api.send(method, path, {
      ...(body !== undefined && { body }),
      headers: { 'x-api-key': keyOf(who), 'content-type': 'application/json', ...more },
    });

  for (const [path, pointer] of Object.entries(POINTERS)) {
    test(`is refused where it does not fit, on each route that creates below ${path}`, async () => {
      const one = await send('importer', 'POST', path, { id: 'a' });
      assert.partialDeepStrictEqual(one.json, isOf(pointer));
      const put = await send('importer', 'PUT', `${path}/a`, {}, { 'if-none-match': '*' });
      assert.partialDeepStrictEqual(put.json, isOf(pointer));
      const all = await send('importer', 'POST', `${path}/_bulk`, [{ id: 'a' }]);
      assert.partialDeepStrictEqual(all.json, isOf(`/0${pointer}`));
      const lines = await send('importer', 'POST', `${path}/_bulk`, '{"id":"a"}\n', {
        'content-type': 'application/x-ndjson',
      });
      assert.partialDeepStrictEqual(JSON.parse(lines.text), { status: 400, ...isOf(pointer) });
      if (pointer === '') assert.doesNotMatch(one.text + all.text + lines.text, /by|mail/);
      assert.equal((await send('ann', 'GET', `${path}/a`, undefined)).status, 404);
    });
  }

  test('is taken where it fits, and so is one that is sent instead', async () => {
    const own = await send('ann', 'POST', '/api/shorts', { id: 'own' });
    assert.equal(own.json['by'], 'ann');
    const sent = await send('importer', 'POST', '/api/shorts', { id: 'sent', by: 'imp' });
    assert.equal(sent.status, 201, sent.text);
    const patched = await send('importer', 'PATCH', '/api/shorts/sent', { note: 'changed' });
    assert.equal(patched.status, 200, patched.text);
  });
});
