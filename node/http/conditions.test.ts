import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const MODELS = [
  {
    name: 'Note',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'text', type: 'string' },
    ],
    lifecycle: { softDelete: true },
  },
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS);
  await api.send('POST', '/api/notes/_bulk', { body: [{ id: 'a' }, { id: 'gone' }] });
  await api.send('DELETE', '/api/notes/gone');
});
after(() => api.close());

const NEW = { id: 'new' };
const REFUSED = [
  ['DELETE', '/api/notes/a', 'if-none-match', undefined],
  ['PATCH', '/api/notes/a', 'if-none-match', { text: 'x' }],
  ['POST', '/api/notes/_deleted/gone/restore', 'if-none-match', undefined],
  ['DELETE', '/api/notes/_deleted/gone', 'if-none-match', undefined],
  ['POST', '/api/notes', 'if-match', NEW],
  ['POST', '/api/notes', 'if-none-match', NEW],
  ['POST', '/api/notes/_bulk', 'if-match', [NEW]],
  ['POST', '/api/notes/_bulk', 'if-none-match', [NEW]],
  ['POST', '/api/notes/_bulk', 'if-match', '{"id":"new"}\n'],
] as const;

for (const [method, path, header, body] of REFUSED) {
  const what = typeof body === 'string' ? 'lines' : 'it';
  test(`${method} ${path} with ${header} is refused, and ${what} not done without it`, async () => {
    const types = typeof body === 'string' ? { 'content-type': 'application/x-ndjson' } : {};
    const headers = { ...types, [header]: '*' };
    const answer = await api.send(method, path, { headers, ...(body !== undefined && { body }) });
    assert.deepEqual([answer.status, answer.json['code']], [400, 'bad_header'], answer.text);
    const { json } = await api.send('GET', '/api/notes');
    assert.deepEqual(json['data'], [{ id: 'a', text: null }]);
    assert.equal((await api.send('GET', '/api/notes/_deleted/gone')).status, 200);
  });
}

test('tags that are not ours are those of no version', async () => {
  for (const tag of ['"1"', '"01.x"', '"0x1.x"', '"1e0.x"', '".x"', '"1.x y"', '" 1.x"']) {
    const { status } = await api.send('DELETE', '/api/notes/a', { headers: { 'if-match': tag } });
    assert.ok(status === 412 || status === 400, `${tag}: ${status}`);
  }
  const headers = { 'if-match': '"9.x", "1.x"' };
  const patched = await api.send('PATCH', '/api/notes/a', { headers, body: { text: 'now' } });
  assert.equal(patched.status, 200, patched.text);
});
