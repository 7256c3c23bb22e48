import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const MODELS = [
  {
    name: 'Word',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'plain', type: 'string' },
      { name: 'folded', type: 'text', collation: 'ci' },
    ],
  },
];
const ROWS = [
  { id: 'a', plain: 'lamp', folded: 'Λόγος' },
  { id: 'b', plain: '', folded: 'λόγοσαν' },
  { id: 'c' },
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS);
  await api.send('POST', '/api/words/_bulk', { body: ROWS });
});
after(() => api.close());

async function found(query: string): Promise<string[]> {
  const { json, text } = await api.send('GET', `/api/words?fields=id&${encodeURI(query)}`);
  const { data } = json;
  assert.ok(Array.isArray(data), text);
  return data.map((row: { readonly id: string }) => row.id);
}

test('the empty text is a part of every text, and of no row without one', async () => {
  for (const field of ['plain', 'folded']) {
    for (const operator of ['contains', 'startsWith']) {
      const query = `${field}[${operator}]=`;
      assert.deepEqual(await found(query), ['a', 'b'], query);
      assert.deepEqual(await found(`or=${query},id=x`), ['a', 'b'], query);
    }
  }
});

test('a part of a text may end within a word', async () => {
  assert.deepEqual(await found('folded[startsWith]=ΛΌΓΟΣ'), ['a', 'b']);
  assert.deepEqual(await found('folded[contains]=οσ'), ['a', 'b']);
  assert.deepEqual(await found('folded[contains]=ΟΣΑ'), ['b']);
  assert.deepEqual(await found('folded=ΛΌΓΟΣ'), ['a']);
});
