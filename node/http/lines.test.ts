import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Outcome } from '../ports/index.ts';
import { type Answer, type ServedApi, serveApi } from './testing/served-api.ts';

const MODELS = [
  {
    name: 'Brand',
    fields: [{ name: 'id', type: 'string', primaryKey: true }],
  },
  {
    name: 'Product',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'price', type: 'integer', minimum: 0, index: 'ordered' },
      { name: 'brand', type: 'reference', to: 'Brand' },
    ],
  },
];

const LINES = { 'content-type': 'application/x-ndjson' };
const PATH = '/api/products/_bulk';

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS, { bodyBytes: 4096, engineTimeoutMs: 2000 }, undefined, {
    headersTimeoutMs: 1000,
    requestTimeoutMs: 1000,
  });
});
after(() => api.close());
beforeEach(() => {
  api.engine.failure = null;
});

interface Result {
  readonly line: number;
  readonly status: number;
  readonly [name: string]: unknown;
}

function resultsOf({ status, text, headers }: Answer): Result[] {
  assert.equal(status, 200, text);
  assert.equal(headers.get('content-type'), 'application/x-ndjson');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

const post = (body: string, headers = {}) =>
  api.send('POST', PATH, { body, headers: { ...LINES, ...headers } });

describe('a body of lines', () => {
  it('has a result for each line, in order, whatever becomes of the others', async () => {
    const results = resultsOf(
      await post(
        [
          '{"id":"a","price":1}',
          '',
          '{"id":"a"}',
          '{"id":"b","price":-1}',
          '{"id":"c"',
          '{"id":"d","brand":"none"}\r',
          '{"id":"e"}',
        ].join('\n'),
      ),
    );
    assert.deepEqual(
      results.map(({ line, status, code, id }) => [line, status, code ?? id]),
      [
        [1, 201, 'a'],
        [3, 409, 'already_exists'],
        [4, 400, 'invalid'],
        [5, 400, 'malformed_json'],
        [6, 409, 'missing_reference'],
        [7, 201, 'e'],
      ],
    );
    assert.deepEqual(results[2]?.['errors'], [
      { pointer: '/price', code: 'too_small', message: 'must be at least 0' },
    ]);
    assert.equal((await api.send('GET', '/api/products/e')).status, 200);
  });

  it('is applied once, line by line, when it is sent again with its key', async () => {
    const key = { 'idempotency-key': 'import-1' };
    await post('{"id":"k1"}\n{"id":"k2"}\n', key);
    const again = resultsOf(await post('{"id":"k1"}\n{"id":"k2"}\n{"id":"k3"}\n', key));
    assert.deepEqual(
      again.map(({ status, id, replayed }) => [status, id, replayed]),
      [
        [201, 'k1', true],
        [201, 'k2', true],
        [201, 'k3', undefined],
      ],
    );
    const other = resultsOf(await post('{"id":"k9"}\n', key));
    assert.deepEqual([other[0]?.status, other[0]?.['code']], [422, 'idempotency_key_reuse']);
  });

  it('tells of a line that is too long, and goes on', async () => {
    const long = `{"id":"${'x'.repeat(5000)}"}`;
    const results = resultsOf(await post(`${long}\n{"id":"after"}\n`));
    assert.deepEqual(
      results.map(({ status }) => status),
      [413, 201],
    );
  });

  it('waits where the node has too much to do, and says so where that lasts', async () => {
    api.engine.failure = 'overloaded';
    const pending = post('{"id":"w1"}\n');
    setTimeout(() => {
      api.engine.failure = null;
    }, 300);
    assert.equal(resultsOf(await pending)[0]?.status, 201);
    api.engine.failure = 'unavailable';
    const [refused] = resultsOf(await post('{"id":"w2"}\n'));
    assert.deepEqual([refused?.status, refused?.['code']], [503, 'unavailable']);
  });

  it('is read no faster than its lines are done', async () => {
    const submit = api.engine.submit.bind(api.engine);
    let [present, most] = [0, 0];
    api.engine.submit = async (envelope): Promise<Outcome> => {
      present += 1;
      most = Math.max(most, present);
      await new Promise((resolve) => setTimeout(resolve, 5));
      present -= 1;
      return submit(envelope);
    };
    const lines = Array.from({ length: 500 }, (_, at) => `{"id":"p${at}"}`).join('\n');
    const results = resultsOf(await post(lines));
    api.engine.submit = submit;
    assert.ok(results.length === 500 && results.every(({ status }) => status === 201));
    assert.ok(most > 1 && most <= 64, `${most} at one time`);
  });

  it('may take longer than other requests, and is answered while it arrives', async () => {
    const call = request({ port: api.port, method: 'POST', path: PATH, headers: LINES });
    const answer = new Promise<string[]>((resolve, reject) => {
      call.on('error', reject);
      call.on('response', (response) => {
        const told: string[] = [];
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          told.push(text);
          if (told.length < 3) setTimeout(() => call.write(`{"id":"slow${told.length}"}\n`), 1100);
          else call.end();
        });
        response.on('end', () => resolve(told));
      });
    });
    call.write('{"id":"slow0"}\n');
    assert.deepEqual(
      (await answer).map((text) => JSON.parse(text).id),
      ['slow0', 'slow1', 'slow2'],
    );
  });

  it('is taken by _bulk alone, without parameters', async () => {
    const elsewhere = await api.send('POST', '/api/products', { body: '{}', headers: LINES });
    assert.equal(elsewhere.status, 415);
    assert.equal((await api.send('POST', `${PATH}?x=1`, { body: '', headers: LINES })).status, 400);
    assert.equal(resultsOf(await post('')).length, 0);
    const badKey = await post('{}', { 'idempotency-key': 'x'.repeat(300) });
    assert.equal(badKey.json['code'], 'bad_header');
  });
});

describe('a list as lines', () => {
  const wanted = { headers: { accept: 'application/x-ndjson' } };
  const rowsOf = async (query: string) => {
    const { status, text } = await api.send('GET', `/api/products${query}`, wanted);
    assert.equal(status, 200, text);
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  };

  before(async () => {
    await api.send('POST', '/api/brands', { body: { id: 'acme' } });
    const rows = Array.from({ length: 650 }, (_, at) =>
      JSON.stringify({ id: `list${at}`, price: 1000 + at, brand: 'acme' }),
    );
    resultsOf(await post(rows.join('\n')));
  });

  it('has all rows that match, in order, without pages', async () => {
    const rows = await rowsOf('?price[gte]=1000&sort=-price&fields=price');
    assert.equal(rows.length, 650);
    assert.deepEqual([rows[0], rows.at(-1)], [{ price: 1649 }, { price: 1000 }]);
  });

  it('has as many rows as limit says, and what expand shows', async () => {
    const rows = await rowsOf('?price[gte]=1000&sort=price&limit=450&expand=brand');
    assert.equal(rows.length, 450);
    assert.deepEqual(rows.at(-1).expand, { brand: { id: 'acme' } });
    assert.equal((await rowsOf('?price[gt]=9999')).length, 0);
  });

  it('is refused before it begins where something is wrong with it', async () => {
    for (const query of ['?count=true', '?limit=0', '?nope=1', '?cursor=x']) {
      const { status, headers } = await api.send('GET', `/api/products${query}`, wanted);
      assert.equal(status, 400, query);
      assert.equal(headers.get('content-type'), 'application/problem+json');
    }
  });

  it('is what the client asked for by name', async () => {
    for (const [accept, type] of [
      ['application/json, application/x-ndjson;q=0.5', 'application/json'],
      ['application/x-ndjson, application/json;q=0.5', 'application/x-ndjson'],
      ['*/*', 'application/json'],
    ] as const) {
      const { headers } = await api.send('GET', '/api/products', { headers: { accept } });
      assert.equal(headers.get('content-type'), type, accept);
    }
    const head = await api.send('HEAD', '/api/products', wanted);
    assert.deepEqual([head.status, head.text], [200, '']);
  });
});
