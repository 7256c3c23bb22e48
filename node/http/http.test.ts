import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CommandEnvelope, JsonObject } from '../ports/index.ts';
import { type ServedApi, send, serveApi } from './testing/served-api.ts';
import { schemaOf } from './testing/single-node.ts';
import { indexOfToken } from './token.ts';

const MODELS = [
  {
    name: 'Brand',
    fields: [
      { name: 'id', type: 'string', primaryKey: true, maxLength: 60 },
      { name: 'name', type: 'string', required: true, unique: true },
    ],
  },
  {
    name: 'Product',
    fields: [
      { name: 'id', type: 'uuid', primaryKey: true },
      { name: 'name', type: 'string', required: true, minLength: 1, maxLength: 200 },
      { name: 'price', type: 'decimal', required: true, minimum: 0, index: 'ordered' },
      { name: 'stock', type: 'integer', default: 0 },
      { name: 'status', type: 'enum', values: ['draft', 'live'], default: 'draft' },
      { name: 'brand', type: 'reference', to: 'Brand' },
      { name: 'number', type: 'string', immutable: true },
      { name: 'createdAt', type: 'datetime', immutable: true, defaultFrom: 'now' },
    ],
  },
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS);
});
after(() => api.close());

const LAMP = { name: 'Lamp', price: '12.50' };
const MISSING = '018f2f2a-0000-7000-8000-0000000000ff';

async function createProduct(body: unknown = LAMP): Promise<{ path: string; etag: string }> {
  const created = await api.send('POST', '/api/products', { body });
  assert.equal(created.status, 201, created.text);
  return {
    path: created.headers.get('location') ?? '',
    etag: created.headers.get('etag') ?? '',
  };
}

test('a created aggregate is answered whole and can be read where Location points', async () => {
  const created = await api.send('POST', '/api/products', { body: LAMP });
  assert.equal(created.status, 201);
  const { id, createdAt, ...rest } = created.json;
  assert.ok(typeof id === 'string');
  assert.deepEqual(rest, {
    name: 'Lamp',
    price: '12.50',
    stock: 0,
    status: 'draft',
    brand: null,
    number: null,
  });
  assert.match(String(createdAt), /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.equal(created.headers.get('location'), `/api/products/${id}`);
  assert.equal(created.headers.get('lithair-version'), '1');
  assert.match(created.headers.get('etag') ?? '', /^"1\.[0-9a-z]+"$/);
  const read = await api.send('GET', `/api/products/${id}`);
  assert.equal(read.status, 200);
  assert.equal(read.text, created.text);
  assert.equal(read.headers.get('etag'), created.headers.get('etag'));
  assert.equal(read.headers.get('content-type'), 'application/json');
  assert.equal(
    read.headers.get('vary'),
    'Authorization, Accept, Accept-Encoding, Lithair-Consistency',
  );
});

test('decimals of any size come back exactly as they were sent', async () => {
  for (const price of ['0.1', '1.10', '12345678901234567890.12']) {
    const { path } = await createProduct(`{"name":"x","price":${price}}`);
    assert.match((await api.send('GET', path)).text, new RegExp(`"price":"${price}"`));
  }
});

test('an id is read in any case, and wrong ones are not found', async () => {
  const { path } = await createProduct();
  const upper = path.replace(/[^/]+$/, (id) => id.toUpperCase());
  assert.equal((await api.send('GET', upper)).status, 200);
  const encoded = path.replace(/.$/, (c) => `%${c.charCodeAt(0).toString(16)}`);
  assert.equal((await api.send('GET', encoded)).status, 200);
  assert.equal((await api.send('GET', '/api/products/nonsense')).status, 404);
  assert.equal((await api.send('DELETE', '/api/products/nonsense')).status, 404);
});

test('HEAD answers like GET without a body', async () => {
  const { path, etag } = await createProduct();
  for (const target of [path, '/api/products']) {
    const [head, get] = [await api.send('HEAD', target), await api.send('GET', target)];
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    assert.equal(head.headers.get('content-length'), String(Buffer.byteLength(get.text)));
  }
  assert.equal((await api.send('HEAD', path)).headers.get('etag'), etag);
});

test('If-None-Match answers 304 for every way of naming the present representation', async () => {
  const { path, etag } = await createProduct();
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const answer = await api.send('GET', path, { headers: { 'if-none-match': known } });
    assert.equal(answer.status, 304, known);
    assert.equal(answer.text, '');
    assert.equal(answer.headers.get('etag'), etag);
  }
  const stale = await api.send('GET', path, { headers: { 'if-none-match': '"0.x"' } });
  assert.equal(stale.status, 200);
  const part = await api.send('GET', `${path}?fields=name`, { headers: { 'if-none-match': etag } });
  assert.equal(part.status, 200, 'another representation has another tag');
  assert.deepEqual(part.json, { name: 'Lamp' });
});

test('PUT replaces: what is absent goes back to its default, immutable values are kept', async () => {
  const { path } = await createProduct({ ...LAMP, stock: 5, number: 'A1' });
  const replaced = await api.send('PUT', path, { body: { name: 'Desk', price: 3.1 } });
  assert.equal(replaced.status, 200, replaced.text);
  assert.equal(replaced.json['stock'], 0);
  assert.equal(replaced.json['number'], 'A1');
  assert.equal(replaced.headers.get('lithair-version'), '2');
  const other = await api.send('PUT', path, { body: { ...LAMP, number: 'A2' } });
  assert.equal(other.status, 422);
  assert.equal(other.json['code'], 'immutable_field');
});

test('PUT of what is there already changes nothing', async () => {
  const { path, etag } = await createProduct();
  const again = await api.send('PUT', path, { body: LAMP });
  assert.equal(again.status, 200);
  assert.equal(again.headers.get('etag'), etag);
});

test('PUT creates only where If-None-Match says so', async () => {
  const path = '/api/brands/acme';
  assert.equal((await api.send('PUT', path, { body: { name: 'Acme' } })).status, 404);
  const headers = { 'if-none-match': '*' };
  const created = await api.send('PUT', path, { body: { name: 'Acme' }, headers });
  assert.equal(created.status, 201, created.text);
  assert.equal(created.headers.get('location'), path);
  const again = await api.send('PUT', path, { body: { name: 'Acme' }, headers });
  assert.equal(again.status, 412);
});

test('an id with other than ASCII characters goes round through Location', async () => {
  const created = await api.send('POST', '/api/brands', { body: { id: 'Café 1', name: 'Café' } });
  assert.equal(created.headers.get('location'), '/api/brands/Caf%C3%A9%201');
  const read = await api.send('GET', created.headers.get('location') ?? '');
  assert.deepEqual(read.json, { id: 'Café 1', name: 'Café' });
});

test('If-Match lets a write through only on a version that it names', async () => {
  const { path, etag } = await createProduct();
  const put = (tag: string) =>
    api.send('PUT', path, { body: { ...LAMP, stock: 1 }, headers: { 'if-match': tag } });
  assert.equal((await put('"7.x"')).status, 412);
  assert.equal((await put(`W/${etag}`)).status, 412, 'weak tags never match');
  assert.equal((await put('"foreign"')).status, 412);
  assert.equal((await put(`"9.x", ${etag}`)).status, 200);
  assert.equal((await put(etag)).status, 412, 'the version has moved on');
  assert.equal((await put('*')).status, 200);
  const gone = await api.send('DELETE', path, { headers: { 'if-match': etag } });
  assert.equal(gone.status, 412);
  const read = await api.send('GET', path, { headers: { 'if-match': etag } });
  assert.equal(read.status, 412);
});

test('DELETE answers 204, then 404; versions go on when the id is created again', async () => {
  const body = { id: 'gone', name: 'Gone' };
  await api.send('POST', '/api/brands', { body });
  const deleted = await api.send('DELETE', '/api/brands/gone');
  assert.equal(deleted.status, 204);
  assert.equal(deleted.text, '');
  assert.equal((await api.send('DELETE', '/api/brands/gone')).status, 404);
  assert.equal((await api.send('GET', '/api/brands/gone')).status, 404);
  const again = await api.send('POST', '/api/brands', { body });
  assert.ok(Number(again.headers.get('lithair-version')) > 1);
});

test('_bulk creates all in order, or none', async () => {
  const before = api.engine.current.model('Product')?.size;
  const body = [LAMP, { name: 'Desk', price: 0.1 }];
  const made = await api.send('POST', '/api/products/_bulk', { body });
  assert.equal(made.status, 201, made.text);
  const { data } = made.json;
  assert.ok(Array.isArray(data));
  assert.deepEqual(
    data.map((row) => row.price),
    ['12.50', '0.1'],
  );
  const wrong = await api.send('POST', '/api/products/_bulk', { body: [LAMP, LAMP, {}] });
  assert.equal(wrong.status, 400);
  assert.deepEqual(pointersOf(wrong.json), ['/2/name', '/2/price']);
  const clash = await api.send('POST', '/api/brands/_bulk', {
    body: [
      { id: 'b1', name: 'Same' },
      { id: 'b2', name: 'Same' },
    ],
  });
  assert.equal(clash.status, 409, clash.text);
  assert.deepEqual(pointersOf(clash.json), ['/1/name']);
  assert.equal((await api.send('GET', '/api/brands/b1')).status, 404);
  assert.equal(api.engine.current.model('Product')?.size, (before ?? 0) + 2);
});

function write(key: string, body: unknown) {
  return api.send('POST', '/api/products', { body, headers: { 'idempotency-key': key } });
}

test('a retried write with the same Idempotency-Key replays its outcome', async () => {
  const first = await write('k1', LAMP);
  const second = await write('k1', LAMP);
  assert.equal(second.status, 201);
  assert.equal(second.text, first.text);
  assert.equal(first.headers.get('idempotency-replayed'), null);
  assert.equal(second.headers.get('idempotency-replayed'), 'true');
  assert.equal(second.headers.get('location'), first.headers.get('location'));
  assert.notEqual((await write('k2', LAMP)).text, first.text);
  const reused = await write('k1', { ...LAMP, stock: 9 });
  assert.equal(reused.status, 422);
  assert.equal(reused.json['code'], 'idempotency_key_reuse');
});

test('an Idempotency-Key belongs to a method and a path', async () => {
  const { path } = await createProduct();
  const headers = { 'idempotency-key': 'shared' };
  assert.equal((await api.send('PUT', path, { body: LAMP, headers })).status, 200);
  const deleted = await api.send('DELETE', path, { headers });
  assert.equal(deleted.status, 204);
  const again = await api.send('DELETE', path, { headers });
  assert.equal(again.status, 204);
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
});

test('Lithair-Index of a write is what a later read can ask for', async () => {
  const created = await api.send('POST', '/api/products', { body: LAMP });
  const token = created.headers.get('lithair-index') ?? '';
  const headers = { 'lithair-consistency': 'sequential', 'lithair-min-index': token };
  const read = await api.send('GET', created.headers.get('location') ?? '', { headers });
  assert.equal(read.status, 200);
  const demand = api.engine.demands.at(-1);
  assert.equal(demand?.consistency, 'sequential');
  assert.equal(demand?.minIndex, api.engine.current.appliedIndex);
  await api.send('GET', '/api/products?consistency=eventual');
  assert.equal(api.engine.demands.at(-1)?.consistency, 'eventual');
  await api.send('GET', '/api/products');
  assert.equal(api.engine.demands.at(-1)?.consistency, 'strong');
});

test('a model says what its reads promise where they say nothing themselves', async () => {
  const models = [
    {
      name: 'Tick',
      fields: [{ name: 'id', type: 'string', primaryKey: true }],
      persistence: { consistency: 'sequential' },
    },
  ];
  const served = await serveApi(models);
  const wanted = async (query: string, headers: Record<string, string> = {}) => {
    await served.send('GET', `/api/ticks${query}`, { headers });
    return served.engine.demands.at(-1)?.consistency;
  };
  assert.equal(await wanted(''), 'sequential');
  assert.equal(await wanted('?consistency=strong'), 'strong');
  assert.equal(await wanted('', { 'lithair-consistency': 'strong' }), 'strong');
  const created = await served.send('POST', '/api/ticks', { body: { id: 'a' } });
  const token = created.headers.get('lithair-index') ?? '';
  assert.equal(await wanted('', { 'lithair-min-index': token }), 'sequential');
  assert.equal(served.engine.demands.at(-1)?.minIndex, served.engine.current.appliedIndex);
  await served.close();
});

test('a read of what is gone tells how far it looked, so that a session never sees it again', async () => {
  const created = await api.send('POST', '/api/products', { body: LAMP });
  const path = created.headers.get('location') ?? '';
  const deleted = await api.send('DELETE', path);
  const gone = await api.send('GET', path);
  assert.equal(gone.status, 404);
  assert.equal(gone.headers.get('lithair-index'), deleted.headers.get('lithair-index'));
});

test('Lithair-Index of a list covers the newest row in it, also where writes go on meanwhile', async () => {
  const { engine } = api;
  const rows = Array.from({ length: 3000 }, (_, i) => ({ id: rowId(i), name: 'Row', price: '1' }));
  for (let at = 0; at < rows.length; at += 1000) {
    const body = rows.slice(at, at + 1000);
    assert.equal((await api.send('POST', '/api/products/_bulk', { body })).status, 201);
  }
  const listing = api.send('GET', '/api/products?name=Last');
  const writtenAt: number[] = [];
  const progress = { answered: false };
  void listing.then(() => (progress.answered = true));
  while (!progress.answered) {
    const body = { name: 'Last', price: '1', stock: writtenAt.length };
    engine.execute(replaceLast(body, engine.current.schemaVersion));
    writtenAt.push(engine.current.appliedIndex);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const done = await listing;
  const seen = /"stock":(\d+)/.exec(done.text)?.[1];
  assert.ok(seen !== undefined, done.text);
  const index = indexOfToken(done.headers.get('lithair-index') ?? '', 1);
  assert.ok(index >= (writtenAt[Number(seen)] ?? 0), `${index}, ${writtenAt[Number(seen)]}`);
});

function rowId(number: number): string {
  return `ffffffff-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

function replaceLast(body: JsonObject, schemaVersion: number): CommandEnvelope {
  return {
    command: {
      kind: 'replace',
      model: 'Product',
      id: rowId(2999),
      body,
      onlyIfAbsent: false,
      ifMatch: null,
    },
    actor: { subject: 'anonymous', method: 'none', roles: [] },
    schemaVersion,
    idempotency: null,
    timeoutMs: 1000,
  };
}

test('OPTIONS names the methods of every kind of route', async () => {
  for (const [path, allow] of [
    ['/api/products', 'GET, HEAD, POST, OPTIONS'],
    [`/api/products/${MISSING}`, 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'],
    ['/api/products/_bulk', 'POST, OPTIONS'],
    ['/openapi.json', 'GET, HEAD, OPTIONS'],
  ] as const) {
    const answer = await api.send('OPTIONS', path);
    assert.equal(answer.status, 204);
    assert.equal(answer.headers.get('allow'), allow);
  }
});

test('a changed model is served at once, with its fields and its document', async () => {
  const changing = await serveApi([MODELS[0]]);
  try {
    const send = (path: string, body: unknown) => changing.send('POST', path, { body });
    assert.equal((await send('/api/brands', { id: 'a', name: 'A', site: 's' })).status, 400);
    changing.engine.changeSchema(
      schemaOf([
        { ...MODELS[0], fields: [...(MODELS[0]?.fields ?? []), { name: 'site', type: 'string' }] },
      ]),
    );
    const made = await send('/api/brands', { id: 'a', name: 'A', site: 's' });
    assert.equal(made.status, 201, made.text);
    const document = await changing.send('GET', '/openapi.json');
    assert.match(document.text, /"site"/);
  } finally {
    await changing.close();
  }
});

test('an engine that cannot answer is 503 with Retry-After, an unknown outcome is 504', async () => {
  try {
    for (const [failure, status, retryAfter] of [
      ['unavailable', 503, '1'],
      ['overloaded', 503, '1'],
      ['outcome_unknown', 504, null],
    ] as const) {
      api.engine.failure = failure;
      const answer = await api.send('POST', '/api/products', { body: LAMP });
      assert.equal(answer.status, status);
      assert.equal(answer.json['code'], failure);
      assert.equal(answer.headers.get('retry-after'), retryAfter);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    }
  } finally {
    api.engine.failure = null;
  }
});

test('bodies count until their writes are answered, and above the bound of all writes are 503 with Retry-After', async () => {
  const body = { name: 'x'.repeat(60), price: '1' };
  const full = await serveApi(MODELS, { bufferedBytes: JSON.stringify(body).length + 20 });
  const [leader, arrival] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const submit = full.engine.submit.bind(full.engine);
  full.engine.submit = async (envelope) => {
    arrival.resolve();
    await leader.promise;
    return submit(envelope);
  };
  const post = (sent: unknown) => full.send('POST', '/api/products', { body: sent });
  try {
    const waiting = post(body);
    await arrival.promise;
    const refused = await post(body);
    assert.deepEqual([refused.status, refused.json['code']], [503, 'overloaded']);
    assert.equal(refused.headers.get('retry-after'), '1');
    leader.resolve();
    assert.equal((await waiting).status, 201);
    for (const [sent, status] of [
      [{ ...body, price: -1 }, 400],
      [body, 201],
      [body, 201],
    ] as const) {
      assert.equal((await post(sent)).status, status, 'an answer gives the room back');
    }
  } finally {
    await full.close();
  }
});

test('readiness follows the phase of the node, and health does not', async () => {
  const starting = await serveApi(MODELS);
  try {
    assert.equal((await starting.send('GET', '/readyz')).status, 200);
    starting.engine.phase = 'replay';
    const answer = await starting.send('GET', '/readyz');
    assert.equal(answer.status, 503);
    assert.deepEqual(answer.json, {
      status: 'unavailable',
      phase: 'replay',
      detail: 'as the test wants',
    });
    assert.equal((await starting.send('GET', '/healthz')).status, 200);
    const api = await starting.send('GET', '/api/products');
    assert.equal(api.status, 503);
    assert.equal(api.headers.get('retry-after'), '1');
    starting.engine.phase = 'failed';
    assert.equal((await starting.send('GET', '/healthz')).status, 503);
  } finally {
    await starting.close();
  }
});

test('the ops port has the metrics of requests and serves no model', async () => {
  const { path } = await createProduct();
  await api.send('GET', path);
  const metrics = await send(api.opsPort, 'GET', '/metrics', {});
  assert.match(
    metrics.text,
    /lithair_http_request_duration_seconds_count\{model="Product",operation="read",status="200"\} \d+/,
  );
  assert.equal((await send(api.opsPort, 'GET', '/api/products', {})).status, 404);
  assert.equal((await send(api.opsPort, 'GET', '/_cluster/status', {})).status, 503);
  assert.equal((await api.send('GET', '/metrics')).status, 404);
});

test('the documentation page asks nothing of any other origin', async () => {
  const page = await api.send('GET', '/docs');
  assert.equal(page.status, 200);
  assert.doesNotMatch(page.text, /https?:\/\//);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
});

test('each 400 and 422 has errors, also where no place of the body is at fault', async () => {
  const headers = { 'if-match': 'nonsense' };
  const wrongHeader = await api.send('DELETE', '/api/brands/x', { headers });
  const [first] = Array.isArray(wrongHeader.json['errors']) ? wrongHeader.json['errors'] : [];
  const { detail } = wrongHeader.json;
  assert.deepEqual(first, { pointer: '', code: 'bad_header', message: detail });
  const key = { 'idempotency-key': 'once-and-again' };
  await api.send('POST', '/api/brands', { body: { id: 'one', name: 'One' }, headers: key });
  const reused = await api.send('POST', '/api/brands', {
    body: { id: 'two', name: 'Two' },
    headers: key,
  });
  assert.equal(reused.status, 422);
  assert.deepEqual(pointersOf(reused.json), ['']);
  assert.deepEqual((await api.send('GET', '/api/brands/none')).json['errors'], undefined);
});

function pointersOf(problem: Record<string, unknown>): unknown[] {
  const { errors } = problem;
  return Array.isArray(errors) ? errors.map((error) => error.pointer) : [];
}
