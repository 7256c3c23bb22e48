import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileSchema, type JsonValue, validateSpec } from '@lithair/crds';
import fc from 'fast-check';
import { explainedQuery } from '../cli/explained-query.ts';
import { serveApi } from './testing/served-api.ts';

const FIELDS = [
  { name: 'id', type: 'string', primaryKey: true },
  { name: 'email', type: 'string' },
  { name: 'status', type: 'enum', values: ['draft', 'live', 'gone'] },
  { name: 'rank', type: 'integer' },
  { name: 'price', type: 'decimal' },
  { name: 'open', type: 'boolean' },
  { name: 'day', type: 'date' },
  { name: 'nick', type: 'string', collation: 'ci' },
];

const CONDITIONS = [
  'self.status == "live"',
  'self.status in ["live", "gone"]',
  'self.rank >= 2 && self.open',
  'self.rank < 3',
  '!self.open',
  '!has(self.rank)',
  'has(self.rank)',
  'decimal("1.5") < self.price',
  'self.price <= 2',
  'self.day > timestamp("2026-01-02T00:00:00Z")',
  'self.day > timestamp("2026-01-02T12:00:00Z")',
  'self.nick == "Ann"',
  'self.status == "live" || self.rank == 1',
] as const;

const modelOf = (...indexes: object[]) => ({
  name: 'Account',
  fields: FIELDS,
  ...(indexes.length > 0 && { indexes }),
});

function schemaOf(...indexes: object[]) {
  const found = validateSpec({ auth: { mode: 'open' }, models: [modelOf(...indexes)] });
  if (!found.ok) throw new Error(JSON.stringify(found.problems));
  return compileSchema(found.value);
}

const LIVE = { fields: ['email'], unique: 'live', where: 'self.status == "live"' };

test('unique values of some rows are nothing to the others', async () => {
  const api = await serveApi([modelOf(LIVE)]);
  const make = (body: object) => api.send('POST', '/api/accounts', { body });
  try {
    assert.equal((await make({ id: 'a', email: 'x', status: 'live' })).status, 201);
    assert.equal((await make({ id: 'b', email: 'x', status: 'draft' })).status, 201);
    assert.equal((await make({ id: 'c', email: 'x' })).status, 201);
    assert.equal((await make({ id: 'd', status: 'live' })).status, 201);
    assert.equal((await make({ id: 'e', status: 'live' })).status, 201);
    const second = await make({ id: 'f', email: 'x', status: 'live' });
    assert.deepEqual([second.status, second.json['code']], [409, 'unique_conflict']);
    const live = { body: { status: 'live' } };
    const patched = await api.send('PATCH', '/api/accounts/b', live);
    assert.deepEqual([patched.status, patched.json['code']], [409, 'unique_conflict']);
    await api.send('PATCH', '/api/accounts/a', { body: { status: 'gone' } });
    assert.equal((await api.send('PATCH', '/api/accounts/b', live)).status, 200);
  } finally {
    await api.close();
  }
});

test('explain names the index where the filters imply its rows, and else says why not', () => {
  const schema = schemaOf(LIVE);
  const used = explainedQuery(schema, '/api/accounts?status=live&email=x');
  const name = '(email) where self.status == "live"';
  assert.equal(used[1], `  by the index ${name}: one value of email`);
  const whole = explainedQuery(schema, '/api/accounts?status=live');
  assert.equal(whole[1], `  by the index ${name}: all of its rows`);
  const unused = explainedQuery(schema, '/api/accounts?email=x');
  assert.equal(unused[1], '  by no index: every row is looked at');
  assert.equal(unused.at(-1), `  not by the index ${name}: the filters do not say so of all rows`);
});

const IMPLIED: [where: string, query: string, isUsed: boolean][] = [
  ['self.status == "live"', 'status[in]=live', true],
  ['self.status == "live"', 'status[in]=live,gone', false],
  ['self.status in ["live", "gone"]', 'status[in]=live,gone', true],
  ['self.status in ["live", "gone"]', 'status=draft', false],
  ['self.rank >= 2', 'rank[gte]=2', true],
  ['self.rank >= 2', 'rank[gt]=2', true],
  ['self.rank > 2', 'rank[gte]=2', false],
  ['self.rank > 2', 'rank[gte]=3', true],
  ['self.rank > 2', 'rank[lt]=3', false],
  ['self.rank < 3', 'rank[lte]=3', false],
  ['self.rank < 3', 'rank=2', true],
  ['has(self.rank)', 'rank[null]=false', true],
  ['has(self.rank)', 'rank[null]=true', false],
  ['!has(self.rank)', 'rank[null]=true', true],
  ['self.open', 'open=true', true],
  ['!self.open', 'open=true', false],
  ['self.rank > 1 && self.open', 'rank=2', false],
  ['self.nick == "Ann"', 'nick=Ann', false],
  ['self.status == "live"', 'status[ne]=draft', false],
];

for (const [where, query, isUsed] of IMPLIED) {
  test(`${query} is ${isUsed ? '' : 'not '}answered by the rows with ${where}`, () => {
    const schema = schemaOf({ fields: ['email'], where });
    const lines = explainedQuery(schema, `/api/accounts?${query}`);
    assert.equal(lines[1]?.includes('by the index (email) where') ?? false, isUsed, lines.join());
  });
}

const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const rows = fc.array(
  fc.record({
    email: orNull(fc.constantFrom('x', 'y', '')),
    status: orNull(fc.constantFrom('draft', 'live', 'gone')),
    rank: orNull(fc.integer({ min: 0, max: 4 })),
    price: orNull(fc.constantFrom('1', '1.5', '1.50', '2', '2.00', '3')),
    open: orNull(fc.boolean()),
    day: orNull(fc.constantFrom('2026-01-01', '2026-01-02', '2026-01-03')),
    nick: orNull(fc.constantFrom('Ann', 'ann', 'bob')),
  }),
  { minLength: 1, maxLength: 25 },
);
const condition = fc.constantFrom(
  'status=live',
  'status[in]=live,gone',
  'status[ne]=live',
  'rank=2',
  'rank[gte]=2',
  'rank[gt]=1',
  'rank[lt]=3',
  'rank[lte]=2',
  'rank[null]=true',
  'rank[null]=false',
  'open=true',
  'open=false',
  'price[gt]=1.5',
  'price[gte]=1.5',
  'price[lte]=2',
  'price=2',
  'day[gt]=2026-01-02',
  'day[gte]=2026-01-02',
  'day=2026-01-03',
  'nick=ann',
  'email=x',
  'email[gte]=x',
  'email[lt]=y',
);
const sort = fc.constantFrom('', 'sort=email', 'sort=-email', 'sort=rank,email');

test('a list is the same with indexes over some of its rows and without', async () => {
  const partial = CONDITIONS.flatMap((where) => [{ fields: ['email'], where }]);
  const property = fc.asyncProperty(
    rows,
    fc.array(fc.tuple(fc.array(condition, { minLength: 1, maxLength: 3 }), sort), {
      minLength: 5,
      maxLength: 12,
    }),
    async (made, queries) => {
      const apis = await Promise.all([serveApi([modelOf(...partial)]), serveApi([modelOf()])]);
      try {
        const body = made.map((row, at): JsonValue => ({ id: `r${at}`, ...row }));
        for (const api of apis) {
          const { status, text } = await api.send('POST', '/api/accounts/_bulk', { body });
          assert.equal(status, 201, text);
          await api.send('PATCH', '/api/accounts/r0', { body: { status: 'live', rank: 2 } });
          await api.send('DELETE', '/api/accounts/r1');
        }
        for (const [filters, order] of queries) {
          const query = [...filters, order, 'count=true', 'limit=7'].filter(Boolean).join('&');
          const [one, other] = await Promise.all(
            apis.map((api) => api.send('GET', `/api/accounts?${query}`)),
          );
          assert.deepEqual(one?.json['data'], other?.json['data'], query);
          assert.deepEqual(total(one?.json), total(other?.json), query);
        }
      } finally {
        await Promise.all(apis.map((api) => api.close()));
      }
    },
  );
  await fc.assert(property, { numRuns: 40 });
});

function total(json: Record<string, unknown> | undefined): unknown {
  return Reflect.get(Object(json?.['page']), 'total');
}
