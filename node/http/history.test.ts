import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type ServedApi, serveApi } from './testing/served-api.ts';
import { schemaOf } from './testing/single-node.ts';

const ID = { name: 'id', type: 'string', primaryKey: true };

function models(lifecycle: unknown): unknown[] {
  return [
    {
      name: 'Product',
      fields: [
        ID,
        { name: 'name', type: 'string', historize: { mode: 'versions', versions: 3 } },
        { name: 'price', type: 'decimal', historize: { mode: 'full' } },
        { name: 'notes', type: 'text', historize: { mode: 'never' } },
        { name: 'stock', type: 'integer' },
      ],
      lifecycle,
      events: [
        { type: 'PriceUpdated', when: 'update', fields: ['price'] },
        { type: 'StockUpdated', when: 'update', fields: ['stock'] },
        { type: 'Delisted', when: 'delete' },
      ],
    },
    { name: 'Tag', fields: [ID, { name: 'word', type: 'string' }], lifecycle: { versioned: 2 } },
  ];
}

let api: ServedApi;
before(async () => {
  api = await serveApi(models({ audited: true, versioned: 2 }));
});
after(() => api.close());

async function put(path: string, body: unknown, isNew = false): Promise<Answer> {
  const headers: Record<string, string> = isNew ? { 'if-none-match': '*' } : {};
  const answer = await api.send('PUT', path, { body, headers });
  assert.ok(answer.status < 300, answer.text);
  return answer;
}

/** A product with four versions: 1 created, 2 renamed, 3 repriced and restocked, 4 annotated. */
async function product(id: string): Promise<string> {
  const path = `/api/products/${id}`;
  await put(path, { name: 'Lamp', price: '10', notes: 'n1', stock: 1 }, true);
  await put(path, { name: 'Desk lamp', price: '10', notes: 'n1', stock: 1 });
  await put(path, { name: 'Desk lamp', price: '12', notes: 'n1', stock: 2 });
  await put(path, { name: 'Desk lamp', price: '12', notes: 'n2', stock: 2 });
  return path;
}

const get = (path: string, headers?: Record<string, string>) =>
  api.send('GET', path, headers ? { headers } : {});

interface Item {
  readonly version: number;
  readonly at: string;
  readonly data: Record<string, unknown> | null;
  readonly events?: readonly string[];
  readonly type?: string;
  readonly eventId?: string;
  readonly sequence?: number;
  readonly changes?: unknown;
  readonly actor?: unknown;
}

function dataOf(answer: Answer): readonly Item[] {
  assert.equal(answer.status, 200, answer.text);
  const { data } = JSON.parse(answer.text);
  return data;
}

describe('history', () => {
  test('shows each version with the values that the field rules keep, newest first', async () => {
    const path = await product('kept');
    const versions = dataOf(await get(`${path}/history`));
    assert.deepEqual(
      versions.map(({ version, events, data }) => ({ version, events, data })),
      [
        {
          version: 4,
          events: ['ProductUpdated'],
          data: { id: 'kept', name: 'Desk lamp', price: '12', notes: 'n2', stock: 2 },
        },
        {
          version: 3,
          events: ['PriceUpdated', 'StockUpdated'],
          data: { id: 'kept', name: 'Desk lamp', price: '12', stock: 2 },
        },
        {
          version: 2,
          events: ['ProductUpdated'],
          data: { id: 'kept', name: 'Desk lamp', price: '10' },
        },
        { version: 1, events: ['ProductCreated'], data: { id: 'kept', price: '10' } },
      ],
    );
    for (const { at } of versions) assert.match(at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  test('goes on behind a deletion, and shows it', async () => {
    const path = await product('gone');
    await api.send('DELETE', path);
    const [deletion] = dataOf(await get(`${path}/history`));
    assert.deepEqual([deletion?.version, deletion?.data], [5, null]);
    await put(path, { name: 'Lamp', price: '9' }, true);
    const versions = dataOf(await get(`${path}/history`)).map(({ version }) => version);
    assert.deepEqual(versions, [6, 5, 4, 3, 2, 1]);
  });

  test('a change that changes nothing is no version', async () => {
    const path = await product('same');
    await put(path, { name: 'Desk lamp', price: '12', notes: 'n2', stock: 2 });
    assert.equal(dataOf(await get(`${path}/history`)).length, 4);
  });

  test('comes in pages that fit together', async () => {
    const path = await product('paged');
    const seen: number[] = [];
    let next: string | null = '';
    while (next !== null) {
      const cursor = next === '' ? '' : `&cursor=${next}`;
      const page = await get(`${path}/history?limit=3${cursor}`);
      seen.push(...dataOf(page).map(({ version }) => version));
      next = JSON.parse(page.text).page.next;
    }
    assert.deepEqual(seen, [4, 3, 2, 1]);
  });

  test('a cursor of another aggregate or route is refused', async () => {
    const [one, two] = [await product('one'), await product('two')];
    const { next } = JSON.parse((await get(`${one}/history?limit=1`)).text).page;
    for (const path of [`${two}/history`, `${one}/events`]) {
      const answer = await get(`${path}?cursor=${next}`);
      assert.deepEqual([answer.status, answer.json['code']], [400, 'bad_cursor']);
    }
  });

  test('without audit names no actor, and ends where nothing is kept', async () => {
    const path = '/api/tags/t';
    await put(path, { word: 'a' }, true);
    for (const word of ['b', 'c', 'd']) await put(path, { word });
    const versions = dataOf(await get(`${path}/history`));
    assert.deepEqual(
      versions.map(({ version, actor, data }) => [version, actor, data?.['word']]),
      [
        [4, undefined, 'd'],
        [3, undefined, 'c'],
      ],
    );
  });

  test('of what never was is not found, and takes no unknown parameter', async () => {
    assert.equal((await get('/api/products/never/history')).status, 404);
    const answer = await get(`${await product('odd')}/history?sort=version`);
    assert.deepEqual([answer.status, answer.json['code']], [400, 'invalid_query']);
    const twice = await get('/api/products/odd/history?limit=1&limit=2');
    assert.match(twice.text, /"parameter":"limit","code":"repeated"/);
    assert.equal((await api.send('POST', '/api/products/odd/history', { body: {} })).status, 405);
  });
});

describe('events', () => {
  test('tell who changed what, under the names that the model declares', async () => {
    const path = await product('told');
    await api.send('DELETE', path);
    const events = dataOf(await get(`${path}/events`));
    assert.deepEqual(
      events.map(({ eventId, type, version }) => [eventId, type, version]),
      [
        ['product:told:Delisted:5', 'Delisted', 5],
        ['product:told:update:4', 'ProductUpdated', 4],
        ['product:told:StockUpdated:3', 'StockUpdated', 3],
        ['product:told:PriceUpdated:3', 'PriceUpdated', 3],
        ['product:told:update:2', 'ProductUpdated', 2],
        ['product:told:create', 'ProductCreated', 1],
      ],
    );
    const sequences = events.map(({ sequence }) => sequence ?? 0);
    assert.deepEqual(
      sequences,
      sequences.map((_, at) => (sequences[0] ?? 0) - at),
    );
    for (const { actor } of events) {
      assert.deepEqual(actor, { subject: 'anonymous', method: 'none' });
    }
  });

  test('hold old and new values as far as the field rules keep them', async () => {
    const path = await product('audited');
    const changes = dataOf(await get(`${path}/events`)).map((event) => event.changes);
    assert.deepEqual(changes, [
      { notes: { new: 'n2' } },
      { price: { old: '10', new: '12' }, stock: { new: 2 } },
      { price: { old: '10', new: '12' }, stock: { new: 2 } },
      { name: { new: 'Desk lamp' } },
      { name: {}, price: { new: '10' }, notes: {}, stock: {} },
    ]);
  });

  test('of one version are not lost between pages', async () => {
    const path = await product('split');
    const types: unknown[] = [];
    let next: string | null = '';
    while (next !== null) {
      const cursor = next === '' ? '' : `&cursor=${next}`;
      const page = await get(`${path}/events?limit=2${cursor}`);
      types.push(...dataOf(page).map(({ type }) => type));
      next = JSON.parse(page.text).page.next;
    }
    assert.deepEqual(types, [
      'ProductUpdated',
      'StockUpdated',
      'PriceUpdated',
      'ProductUpdated',
      'ProductCreated',
    ]);
  });
});

describe('a version', () => {
  test('is read by its number, as far as it is kept', async () => {
    const path = await product('numbered');
    const [second, fourth] = [await get(`${path}?version=2`), await get(`${path}?version=4`)];
    assert.deepEqual(second.json, { id: 'numbered', name: 'Desk lamp', price: '10' });
    assert.equal(second.headers.get('lithair-version'), '2');
    assert.match(second.headers.get('etag') ?? '', /^"2\./);
    assert.equal(fourth.text, (await get(path)).text);
    const again = await get(`${path}?version=2`, {
      'if-none-match': second.headers.get('etag') ?? '',
    });
    assert.equal(again.status, 304);
    const part = await get(`${path}?version=2&fields=price,stock`);
    assert.deepEqual(part.json, { price: '10' });
  });

  test('is read by its time', async () => {
    const path = '/api/products/timed';
    await put(path, { name: 'Lamp', price: '1' }, true);
    const [first] = dataOf(await get(`${path}/history`));
    await sleep(3);
    await put(path, { name: 'Lamp', price: '2' });
    const at = (time: string) => get(`${path}?at=${encodeURIComponent(time)}`);
    assert.equal((await at(first?.at ?? '')).json['price'], '1');
    assert.equal((await at('9999-01-01T00:00:00Z')).json['price'], '2');
    const before = await at('2020-01-01T00:00:00+01:00');
    assert.deepEqual([before.status, before.json['code']], [404, 'not_found']);
  });

  test('that is not kept any more is gone; one that never was is not found', async () => {
    const path = '/api/tags/pruned';
    await put(path, { word: 'a' }, true);
    for (const word of ['b', 'c']) await put(path, { word });
    const statuses = await Promise.all(
      [1, 2, 3, 4].map(async (version) => (await get(`${path}?version=${version}`)).status),
    );
    assert.deepEqual(statuses, [410, 200, 200, 404]);
    assert.equal((await get(`${path}?version=1`)).json['code'], 'pruned');
  });

  test('of a deleted aggregate is still read, its deletion is not', async () => {
    const path = await product('buried');
    await api.send('DELETE', path);
    assert.equal((await get(`${path}?version=4`)).status, 200);
    assert.equal((await get(`${path}?version=5`)).status, 404);
    assert.equal((await get(path)).status, 404);
  });

  for (const query of ['version=0', 'version=x', 'version=1&at=2026-01-01T00:00:00Z', 'at=now']) {
    test(`${query} is refused`, async () => {
      const answer = await get(`/api/products/kept?${query}`);
      assert.deepEqual([answer.status, answer.json['code']], [400, 'invalid_query']);
    });
  }
});

test('a change of the rules counts at once, for what is past too', async () => {
  const other = await serveApi(models({ audited: true, versioned: 2 }));
  const path = '/api/tags/t';
  await other.send('PUT', path, { body: { word: 'a' }, headers: { 'if-none-match': '*' } });
  await other.send('PUT', path, { body: { word: 'b' } });
  assert.equal((await other.send('GET', `${path}?version=1`)).status, 200);
  const [product = {}, tag = {}] = models({ audited: true, versioned: 2 });
  const narrower = { ...Object(tag), lifecycle: { versioned: 1 } };
  other.engine.changeSchema(schemaOf([product, narrower]));
  assert.equal((await other.send('GET', `${path}?version=1`)).status, 410);
  const wider = { ...Object(tag), lifecycle: { audited: true, versioned: 10 } };
  other.engine.changeSchema(schemaOf([product, wider]));
  assert.equal((await other.send('GET', `${path}?version=1`)).status, 410, 'it stays gone');
  await other.send('PUT', path, { body: { word: 'c' } });
  assert.equal((await other.send('GET', `${path}?version=2`)).status, 200);
  const { data } = JSON.parse((await other.send('GET', `${path}/events`)).text);
  const told = data.map((event: { version: number; actor?: unknown }) => [
    event.version,
    event.actor !== undefined,
  ]);
  assert.deepEqual(told, [
    [3, true],
    [2, false],
  ]);
  await other.close();
});
