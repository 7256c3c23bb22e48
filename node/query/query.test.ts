import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '@lithair/crds';
import fc from 'fast-check';
import { SingleNode, schemaOf } from '../http/testing/single-node.ts';
import type { Command, JsonObject } from '../ports/index.ts';
import { compileQueries, execute, type Page, type Parameter, QueryRefusal } from './index.ts';
import { watchedReader } from './testing/watched-reader.ts';
import { TopK } from './top-k.ts';

const MODELS = [
  {
    name: 'Product',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'name', type: 'string', nullable: true, index: 'hash' },
      { name: 'price', type: 'decimal', index: 'ordered', nullable: true },
      { name: 'stock', type: 'integer', index: 'ordered', nullable: true },
      { name: 'rating', type: 'number', nullable: true },
      { name: 'live', type: 'boolean', nullable: true },
      { name: 'made', type: 'date', nullable: true },
      { name: 'tags', type: 'array', items: { type: 'string' }, nullable: true },
    ],
  },
];

const INDEXES = [
  { fields: ['name', 'rating'] },
  { fields: ['live', 'stock', 'price'] },
  { fields: ['rating', 'name'] },
  { fields: ['stock', 'live'] },
];

class Shop {
  readonly node: SingleNode;
  readonly #queries;

  constructor(indexes?: typeof INDEXES, given: readonly object[] = MODELS) {
    const models = given.map((model) => (indexes === undefined ? model : { ...model, indexes }));
    this.node = new SingleNode(schemaOf(models));
    this.#queries = compileQueries(this.node.current.schema, this.schema);
  }

  get schema() {
    const [schema] = this.node.current.schema.models;
    assert.ok(schema);
    return schema;
  }

  get model() {
    const model = this.node.current.model('Product');
    assert.ok(model);
    return model;
  }

  create(...bodies: JsonObject[]): void {
    for (let at = 0; at < bodies.length; at += 1000) {
      this.#run({ kind: 'createMany', model: 'Product', bodies: bodies.slice(at, at + 1000) });
    }
  }

  delete(id: string): void {
    this.#run({ kind: 'delete', model: 'Product', id, ifMatch: null });
  }

  async list(query: string): Promise<Page> {
    const origin = { epoch: 1, index: this.node.current.appliedIndex, schemaVersion: 1 };
    return await execute(this.#queries.list(parametersOf(query), null), () => this.model, origin);
  }

  /** A page, and how many rows were looked at for it. */
  async watched(query: string): Promise<{ ids: string[]; looked: number }> {
    const { reader, looked } = watchedReader(this.model);
    const origin = { epoch: 1, index: 1, schemaVersion: 1 };
    const page = await execute(this.#queries.list(parametersOf(query), null), () => reader, origin);
    return { ids: page.rows.map((row) => JSON.parse(row).id), looked: looked() };
  }

  async ids(query: string): Promise<string[]> {
    return (await this.list(query)).rows.map((row) => JSON.parse(row).id);
  }

  #run(command: Command): void {
    const outcome = this.node.execute({
      command,
      actor: { subject: 'test', method: 'none', roles: [] },
      schemaVersion: 1,
      idempotency: null,
      timeoutMs: 1000,
    });
    assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  }
}

function parametersOf(query: string): Parameter[] {
  return [...new URLSearchParams(query)].map(([name, value]) => ({
    name,
    value,
    parts: value.split(','),
  }));
}

interface ProductRow extends JsonObject {
  id: string;
  name: string | null;
  price: string | null;
  stock: number | null;
  rating: number | null;
  live: boolean | null;
}

const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null, freq: 6 });
const cents = fc.integer({ min: -500, max: 500 });

/** Few different values, so that ties and equal keys of another scale are common. */
const product: fc.Arbitrary<ProductRow> = fc.record({
  id: fc.stringMatching(/^[a-zA-Zé]{1,5}$/),
  name: nullable(fc.constantFrom('', 'lamp', 'desk', 'Lamp', 'lampshade')),
  price: nullable(cents.map((value) => (value / 100).toFixed(Math.abs(value) % 3 === 0 ? 4 : 2))),
  stock: nullable(fc.integer({ min: -5, max: 5 })),
  rating: nullable(fc.integer({ min: 0, max: 10 }).map((value) => value / 2)),
  live: nullable(fc.boolean()),
});
const products = fc.uniqueArray(product, { selector: (row) => row.id, maxLength: 60, size: 'max' });

const withOrWithout = fc.constantFrom(undefined, INDEXES);

test('a full traversal gives every row once, in the order that was asked for', async () => {
  await fc.assert(
    fc.asyncProperty(
      withOrWithout,
      products,
      sorts,
      fc.integer({ min: 1, max: 7 }),
      async (indexes, rows, sort, limit) => {
        const shop = new Shop(indexes);
        shop.create(...rows.map(asBody));
        const wanted = rows.toSorted(comparator(sort)).map((row) => row.id);
        assert.deepEqual(await traverse(shop, sort, limit), wanted);
      },
    ),
    { numRuns: 150 },
  );
});

test('filters give what comparing row by row gives, whatever index answers them', async () => {
  await fc.assert(
    fc.asyncProperty(
      withOrWithout,
      products,
      filters,
      sorts,
      async (indexes, rows, chosen, sort) => {
        const shop = new Shop(indexes);
        shop.create(...rows.map(asBody));
        const conditions = chosen.map(({ text }) => text).join('&');
        const wanted = rows
          .filter((row) => chosen.every((condition) => condition.holds(row)))
          .toSorted(comparator(sort))
          .map((row) => row.id);
        const query = `${conditions}&sort=${sort.join()}&limit=1000`;
        assert.deepEqual(await shop.ids(query), wanted, query);
        const counted = await shop.list(`${query}&limit=1&count=true`.replace('&limit=1000', ''));
        assert.equal(counted.total, wanted.length);
        assert.deepEqual(await traverse(shop, sort, 3, undefined, conditions), wanted, query);
      },
    ),
    { numRuns: 300 },
  );
});

test('pages neither skip nor repeat a row that survives inserts and deletes between them', async () => {
  const limits = fc.integer({ min: 1, max: 5 });
  const runs = fc.tuple(withOrWithout, products, products, sorts, limits, fc.nat());
  await fc.assert(
    fc.asyncProperty(runs, async ([indexes, first, later, sort, limit, seed]) => {
      const shop = new Shop(indexes);
      shop.create(...first.map(asBody));
      const known = new Set(first.map((row) => row.id));
      const deleted = new Set<string>();
      const inserts = later.filter((row) => !known.has(row.id));
      const deletions = first.filter((_, at) => (at * 7 + seed) % 3 === 0).map((row) => row.id);
      const seen = await traverse(shop, sort, limit, () => {
        const [insert, remove] = [inserts.pop(), deletions.pop()];
        if (insert !== undefined) shop.create(asBody(insert));
        if (remove === undefined) return;
        shop.delete(remove);
        deleted.add(remove);
      });
      assert.equal(new Set(seen).size, seen.length, 'a row is there twice');
      const survivors = first.filter((row) => !deleted.has(row.id));
      for (const row of survivors) assert.ok(seen.includes(row.id), `${row.id} was skipped`);
    }),
    { numRuns: 200 },
  );
});

test('decimals are ordered by value and not by their text', async () => {
  const shop = new Shop();
  for (const price of ['9.5', '10.5', '10.50', '-3', '100', '0.1', '12345678901234567890.5']) {
    shop.create({ id: `p${price}`, price });
  }
  const above = await shop.ids('price[gte]=10.5&sort=price');
  assert.deepEqual(above, ['p10.5', 'p10.50', 'p100', 'p12345678901234567890.5']);
  assert.deepEqual(await shop.ids('price=10.500'), ['p10.5', 'p10.50']);
  assert.deepEqual(await shop.ids('price[lt]=0.10'), ['p-3']);
});

test('a long scan lets others run, and is still complete', async () => {
  const shop = new Shop();
  const rows = Array.from({ length: 9000 }, (_, at) => ({
    id: `r${String(at).padStart(5, '0')}`,
    rating: at % 7,
    stock: at % 50,
    name: 'same',
  }));
  shop.create(...rows);
  for (const query of ['rating=3', 'rating=3&sort=stock', 'rating=3&name=same', 'sort=-rating']) {
    let turns = 0;
    const count = setInterval(() => (turns += 1), 0);
    const page = await shop.list(`${query}&limit=1000&count=true`);
    clearInterval(count);
    assert.ok(turns > 0, `${query} held the loop`);
    const wanted = query === 'sort=-rating' ? 9000 : rows.filter((r) => r.rating === 3).length;
    assert.equal(page.total, wanted, query);
    assert.equal(page.rows.length, 1000);
  }
  shop.delete('r00003');
  assert.equal((await shop.list('rating=3&count=true')).total, 1285);
});

test('an ordered index takes over where an equality has many rows', async () => {
  const shop = new Shop();
  shop.create(
    ...Array.from({ length: 3000 }, (_, at) => ({ id: `r${at}`, name: 'same', stock: at })),
  );
  assert.deepEqual(await shop.ids('name=same&sort=-stock&limit=2'), ['r2999', 'r2998']);
  assert.deepEqual(
    await traverse(shop, ['stock'], 1000, undefined, 'name=same').then(last),
    'r2999',
  );
});

test('an index over several fields leads to the rows of a page, and to no others', async () => {
  const shop = new Shop(INDEXES);
  shop.create(
    ...Array.from({ length: 3000 }, (_, at) => ({
      id: `r${String(at).padStart(4, '0')}`,
      live: at % 2 === 0,
      stock: at % 10,
      price: String(at),
    })),
  );
  const page = 'limit=5';
  for (const [query, first, most] of [
    [`live=true&stock=4&sort=-price&${page}`, 'r2994', 6],
    [`live=true&stock=4&price[gte]=1000&sort=price&${page}`, 'r1004', 6],
    [`live=true&stock[gt]=4&sort=stock,price&${page}`, 'r0006', 6],
    [`stock=3&live=false&price=13&${page}`, 'r0013', 1],
    [`live=false&stock=3&sort=live,price&${page}`, 'r0003', 6],
  ] as const) {
    const { ids, looked } = await shop.watched(query);
    assert.equal(ids[0], first, query);
    assert.ok(looked <= most, `${query}: looked at ${looked} rows`);
  }
});

test('contains looks into texts and arrays, startsWith at their beginning', async () => {
  const shop = new Shop();
  shop.create(
    { id: 'a', name: 'lampshade', tags: ['new', 'red'] },
    { id: 'b', name: 'clamp', tags: ['old'] },
    { id: 'c', name: null, tags: null },
  );
  assert.deepEqual(await shop.ids('name[contains]=lamp'), ['a', 'b']);
  assert.deepEqual(await shop.ids('name[startsWith]=lamp'), ['a']);
  assert.deepEqual(await shop.ids('tags[contains]=old'), ['b']);
  assert.deepEqual(await shop.ids('tags[null]=true'), ['c']);
  assert.deepEqual(await shop.ids('name[null]=false'), ['a', 'b']);
  assert.deepEqual(await shop.ids('id=b'), ['b']);
  assert.deepEqual(await shop.ids('id[in]=a,c,x'), ['a', 'c']);
});

test('texts of a field with a collation compare without regard to case or accents', async () => {
  const fields = [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'name', type: 'string', collation: 'ci', index: 'ordered' },
    { name: 'town', type: 'string', collation: 'ci-ai' },
    { name: 'about', type: 'text', collation: 'ci' },
  ];
  const shop = new Shop(undefined, [{ name: 'Product', fields }]);
  shop.create(
    { id: 'a', name: 'Émile', town: 'Zürich', about: 'LAMPS and more' },
    { id: 'b', name: 'anna', town: 'zurich', about: 'desks' },
    { id: 'c', name: 'ANNA', town: 'Bern', about: 'lamp' },
    { id: 'd', name: 'ΟΔΟΣ', town: '', about: '' },
  );
  assert.deepEqual(await shop.ids('name=Anna'), ['b', 'c']);
  assert.deepEqual(await shop.ids('name=émile'), ['a']);
  assert.deepEqual(await shop.ids('name=emile'), []);
  assert.deepEqual(await shop.ids('name=οδος'), ['d']);
  assert.deepEqual(await shop.ids('name[ne]=Anna'), ['a', 'd']);
  assert.deepEqual(await shop.ids('name[gte]=ANN&name[lt]=B'), ['b', 'c']);
  assert.deepEqual(await shop.ids('sort=name'), ['b', 'c', 'a', 'd']);
  assert.deepEqual(await shop.ids('town[in]=ZÜRICH,x'), ['a', 'b']);
  assert.deepEqual(await shop.ids('about[contains]=Lamp'), ['a', 'c']);
  assert.deepEqual(await shop.ids('about[startsWith]=lamps'), ['a']);
});

test('or takes rows of which one condition holds, beside all other conditions', async () => {
  const shop = new Shop();
  shop.create(
    { id: 'a', price: '5', stock: 0 },
    { id: 'b', price: '50', stock: 0 },
    { id: 'c', price: '5', stock: 9 },
    { id: 'd', price: '50', stock: 9, name: 'a,b' },
  );
  assert.deepEqual(await shop.ids('or=price[lt]=10,stock=0'), ['a', 'b', 'c']);
  assert.deepEqual(await shop.ids('or=price[lt]=10,stock=0&stock=9'), ['c']);
  assert.deepEqual(await shop.ids('or=price=5,price=50&or=stock=0,name[null]=false'), [
    'a',
    'b',
    'd',
  ]);
  assert.deepEqual(await shop.ids('or=name[startsWith]=a,id=a'), ['a', 'd']);
  assert.equal((await shop.list('or=price[lt]=10,stock=0&count=true&limit=1')).total, 3);
});

test('or goes with its cursor, and says what is wrong with it', async () => {
  const shop = new Shop();
  shop.create({ id: 'a', stock: 1 }, { id: 'b', stock: 2 }, { id: 'c', stock: 3 });
  const { next } = await shop.list('or=stock=1,stock=3&limit=1');
  assert.ok(next);
  assert.deepEqual(await shop.ids(`or=stock=3,stock=1&cursor=${next}`), ['c']);
  await assert.rejects(() => shop.list(`or=stock=1,stock=2&cursor=${next}`), isBadCursor);
  for (const [query, message] of [
    ['or=stock=1', /2 to 50 conditions/],
    ['or=stock,stock=1', /"stock" must be followed by =/],
    ['or=nope=1,stock=1', /no such field/],
    ['or=stock=x,stock=1', /must be a number/],
    ['or=stock[in]=1,stock=1', /in and nin do not stand in or/],
  ] as const) {
    await assert.rejects(() => shop.list(query), { name: 'QueryRefusal', message }, query);
  }
});

test('fields gives the named fields in the order of the schema', async () => {
  const shop = new Shop();
  shop.create({ id: 'a', price: '1.10', stock: 3 });
  assert.deepEqual((await shop.list('fields=price,id')).rows, ['{"id":"a","price":"1.10"}']);
});

test('a limit above 1000 is taken as 1000', async () => {
  const shop = new Shop();
  shop.create(...Array.from({ length: 1001 }, (_, at) => ({ id: `r${at}` })));
  const page = await shop.list('limit=5000');
  assert.equal(page.rows.length, 1000);
  assert.notEqual(page.next, null);
});

test('a cursor goes with its sort and filter, and cannot be altered', async () => {
  const shop = new Shop();
  shop.create({ id: 'a', stock: 1 }, { id: 'b', stock: 1 }, { id: 'c', stock: 2 });
  const { next } = await shop.list('stock=1&limit=1');
  assert.ok(next);
  assert.deepEqual(await shop.ids(`stock=1&limit=5&cursor=${next}`), ['b']);
  assert.deepEqual(await shop.ids(`stock=1&limit=5&fields=id&cursor=${next}`), ['b']);
  const altered = next.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'));
  for (const query of [
    `stock=2&cursor=${next}`,
    `stock=1&sort=-id&cursor=${next}`,
    `stock=1&cursor=${altered}`,
  ]) {
    await assert.rejects(() => shop.list(query), isBadCursor, query);
  }
});

test('a heap of bounded size keeps the first of any sequence', () => {
  const numbers = fc.array(fc.integer({ min: 0, max: 20 }));
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 8 }), (values, capacity) => {
      const top = new TopK<number>(capacity, (a, b) => a - b);
      for (const value of values) top.add(value);
      assert.deepEqual(top.sorted(), values.toSorted((a, b) => a - b).slice(0, capacity));
    }),
  );
});

function isBadCursor(error: unknown): boolean {
  return error instanceof QueryRefusal && error.code === 'bad_cursor';
}

function last<T>(items: readonly T[]): T | undefined {
  return items.at(-1);
}

/** Follows the cursors to the end; `between` runs after each page. */
async function traverse(
  shop: Shop,
  sort: readonly string[],
  limit: number,
  between: () => void = () => {},
  conditions = '',
): Promise<string[]> {
  const ids: string[] = [];
  let cursor = '';
  do {
    const query = `${conditions}&sort=${sort.join()}&limit=${limit}${cursor}`;
    const page = await shop.list(query.replace('sort=&', ''));
    ids.push(...page.rows.map((row) => JSON.parse(row).id));
    if (page.next === null) return ids;
    cursor = `&cursor=${page.next}`;
    between();
  } while (ids.length < 10_000);
  throw new Error('the traversal does not end');
}

function asBody(row: ProductRow): JsonObject {
  return row;
}

const sorts = fc.constantFrom<string[]>(
  ['id'],
  ['-id'],
  ['price'],
  ['-price'],
  ['price', '-name'],
  ['-stock', 'price'],
  ['name', 'rating'],
  ['-rating'],
  ['live', '-id'],
  ['price', '-id'],
  ['-price', 'id'],
  ['-stock', 'id'],
  ['stock', 'price'],
  ['-stock', '-price'],
  ['-stock', 'live'],
  ['rating', 'name'],
  ['live', 'rating'],
);

/** The order as the documentation tells it, without keys or indexes. */
function comparator(sort: readonly string[]) {
  const terms = sort.map((term) => ({
    name: term.replace('-', ''),
    sign: term[0] === '-' ? -1 : 1,
  }));
  const idSign = terms.at(-1)?.sign ?? 1;
  return (a: ProductRow, b: ProductRow): number => {
    for (const { name, sign } of terms) {
      const difference = compareNaively(name, a[name] ?? null, b[name] ?? null);
      if (difference !== 0) return sign * difference;
    }
    return idSign * compareNaively('id', a.id, b.id);
  };
}

function compareNaively(name: string, a: JsonValue, b: JsonValue): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  const [left, right] = name === 'price' ? [Number(a), Number(b)] : [a, b];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

interface Condition {
  readonly text: string;
  holds(row: ProductRow): boolean;
}

const operators = fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte');
const condition: fc.Arbitrary<Condition> = fc.oneof(
  comparison(
    'price',
    cents.map((value) => (value / 100).toFixed(2)),
    operators,
  ),
  comparison('stock', fc.integer({ min: -5, max: 5 }), operators),
  comparison(
    'rating',
    fc.integer({ min: 0, max: 10 }).map((value) => value / 2),
    operators,
  ),
  comparison('name', fc.constantFrom('lamp', 'desk', ''), operators),
  comparison('live', fc.boolean(), fc.constantFrom('eq', 'ne')),
  fc.constantFrom('price', 'stock', 'rating').chain((name) =>
    fc.boolean().map((wanted) => ({
      text: `${name}[null]=${wanted}`,
      holds: (row: ProductRow) => (row[name] === null) === wanted,
    })),
  ),
);
const filters = fc.array(condition, { maxLength: 3 });

function comparison(
  name: string,
  values: fc.Arbitrary<string | number | boolean>,
  chosen: fc.Arbitrary<string>,
): fc.Arbitrary<Condition> {
  return fc.tuple(values, chosen).map(([value, operator]) => ({
    text: `${name}[${operator}]=${value}`,
    holds: (row) => holds(operator, name, row[name] ?? null, value),
  }));
}

function holds(operator: string, name: string, given: JsonValue, bound: JsonValue): boolean {
  if (given === null) return operator === 'ne';
  const difference = compareNaively(name, given, bound);
  switch (operator) {
    case 'eq':
      return difference === 0;
    case 'ne':
      return difference !== 0;
    case 'lt':
      return difference < 0;
    case 'lte':
      return difference <= 0;
    case 'gt':
      return difference > 0;
    default:
      return difference >= 0;
  }
}

const SIEVED = [
  {
    name: 'Product',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'name', type: 'string', index: 'bloom', collation: 'ci' },
      { name: 'stock', type: 'integer', index: 'hash' },
    ],
  },
];

test('a bloom filter answers for values that no row has, and is asked of no others', async () => {
  const shop = new Shop(undefined, SIEVED);
  const rows = Array.from({ length: 500 }, (_, n) => ({ id: `p${n}`, name: `Name ${n}` }));
  shop.create(...rows.map((row, n) => ({ ...row, stock: n % 2 })));
  assert.deepEqual(await shop.watched('name=nobody'), { ids: [], looked: 0 });
  assert.deepEqual(await shop.watched('name[in]=nobody,none'), { ids: [], looked: 0 });
  assert.deepEqual(await shop.watched('stock=1&name=nobody'), { ids: [], looked: 0 });
  assert.deepEqual(await shop.watched('name=nAME 7'), { ids: ['p7'], looked: 500 });
  assert.deepEqual((await shop.watched('name[in]=nobody,name 7')).ids, ['p7']);
  assert.equal((await shop.watched('name[ne]=nobody&limit=3')).ids.length, 3);
  assert.deepEqual((await shop.list('name=nobody&count=true')).total, 0);
  shop.delete('p7');
  shop.create({ id: 'q', name: 'Nobody', stock: 0 });
  assert.deepEqual((await shop.watched('name=nobody')).ids, ['q']);
});
