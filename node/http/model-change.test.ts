import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ServedApi, serveApi } from './testing/served-api.ts';
import { schemaOf } from './testing/single-node.ts';

const FIELDS = [
  { name: 'id', type: 'string', primaryKey: true },
  { name: 'state', type: 'string' },
  { name: 'price', type: 'integer' },
  { name: 'note', type: 'string' },
];
const INDEXED = {
  name: 'Parcel',
  fields: FIELDS,
  indexes: [{ fields: ['state', 'price'] }],
};
const PLAIN = { name: 'Parcel', fields: FIELDS };
const LIST = '/api/parcels?state=open&sort=price&limit=1000';

const rowOf = (at: number) => ({
  id: `p${at}`,
  state: at < 3 ? 'open' : 'sent',
  price: 10 - at,
  note: at % 2000 === 100 ? 'late' : 'none',
});

async function served(models: readonly object[], rows: number): Promise<ServedApi> {
  const api = await serveApi(models);
  for (let from = 0; from < rows; from += 1000) {
    const body = Array.from({ length: Math.min(1000, rows - from) }, (_, at) => rowOf(from + at));
    const made = await api.send('POST', '/api/parcels/_bulk', { body });
    assert.equal(made.status, 201);
  }
  return api;
}

/** Changes the model behind the first so many reads that pass the barrier. */
function changeBehind(api: ServedApi, times: number, models: (at: number) => readonly object[]) {
  let at = 0;
  api.engine.barrier = async () => {
    if (at < times) api.engine.changeSchema(schemaOf(models(at)));
    at += 1;
    await Promise.resolve();
  };
  return () => at;
}

test('a list is planned anew where its index went while it waited', async () => {
  const api = await served([INDEXED], 5);
  try {
    const passed = changeBehind(api, 1, () => [PLAIN]);
    const answer = await api.send('GET', LIST);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(idsOf(answer.json), ['p2', 'p1', 'p0']);
    assert.equal(passed(), 2);
  } finally {
    await api.close();
  }
});

test('a list is planned anew where its index went between two slices', async () => {
  const api = await served([INDEXED], 5000);
  try {
    let isChanged = false;
    api.engine.barrier = () => {
      if (!isChanged) setImmediate(() => api.engine.changeSchema(schemaOf([PLAIN])));
      isChanged = true;
      return null;
    };
    const answer = await api.send('GET', '/api/parcels?state=sent&sort=price&note=late');
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(idsOf(answer.json), ['p4100', 'p2100', 'p100']);
  } finally {
    await api.close();
  }
});

test('who may read no longer does not, though the read began before', async () => {
  const api = await served([PLAIN], 3);
  try {
    changeBehind(api, 1, () => [{ ...PLAIN, http: { methods: ['POST'] } }]);
    assert.equal((await api.send('GET', '/api/parcels/p1')).status, 405);
  } finally {
    await api.close();
  }
});

test('a value that is hidden by then is not shown', async () => {
  const api = await served([PLAIN], 3);
  const hidden = FIELDS.map((one) => (one.name === 'price' ? { ...one, hidden: true } : one));
  try {
    changeBehind(api, 1, () => [{ ...PLAIN, fields: hidden }]);
    const answer = await api.send('GET', '/api/parcels/p1');
    assert.deepEqual(answer.json, { id: 'p1', state: 'open', note: 'none' });
  } finally {
    await api.close();
  }
});

test('a model that changes over and over is said to change', async () => {
  const api = await served([PLAIN], 3);
  try {
    const methods = ['GET', 'POST', 'PUT'];
    const passed = changeBehind(api, 100, (at) => [
      { ...PLAIN, http: { methods: methods.slice(0, 1 + (at % 3)) } },
    ]);
    const answer = await api.send('GET', LIST);
    assert.deepEqual([answer.status, answer.json['code']], [503, 'schema_changed']);
    assert.ok(passed() < 10, 'it is tried without end');
  } finally {
    await api.close();
  }
});

function idsOf({ data }: Record<string, unknown>): unknown[] {
  assert.ok(Array.isArray(data));
  return data.map((row: { readonly id: unknown }) => row.id);
}
