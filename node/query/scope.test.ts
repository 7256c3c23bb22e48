import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lookup, Schema } from '@lithair/crds';
import fc from 'fast-check';
import { SingleNode, schemaOf } from '../http/testing/single-node.ts';
import type { JsonObject } from '../ports/index.ts';
import { compileQueries, execute, type Parameter, type RowScope } from './index.ts';
import { choose, LOOKUP_PROBE } from './plan.ts';
import { watchedReader } from './testing/watched-reader.ts';

const SCHEMA = schemaOf([
  {
    name: 'Note',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'owner', type: 'string', index: 'hash' },
      { name: 'status', type: 'string', index: 'hash' },
      { name: 'title', type: 'string', index: 'ordered' },
      { name: 'plain', type: 'string' },
    ],
  },
]);
const ROWS = 600;

/** Rows of ten owners; a hundredth are live. */
const NOTES = Array.from({ length: ROWS }, (_, at): JsonObject => {
  const status = at % 100 === 7 ? 'live' : 'draft';
  const [owner, title] = [`o${at % 10}`, `t${(at * 7) % ROWS}`];
  return { id: `n${String(at).padStart(4, '0')}`, owner, status, title, plain: owner };
});

function withNotes(schema: Schema, rows: readonly JsonObject[]): SingleNode {
  const made = new SingleNode(schema);
  for (let at = 0; at < rows.length; at += 1000) {
    const bodies = rows.slice(at, at + 1000);
    const outcome = made.execute({
      command: { kind: 'createMany', model: 'Note', bodies },
      actor: { subject: 'anonymous', method: 'none', roles: [] },
      schemaVersion: 1,
      idempotency: null,
      timeoutMs: 1000,
    });
    assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  }
  return made;
}

const node = withNotes(SCHEMA, NOTES);
const [model] = SCHEMA.models;
assert.ok(model);
const queries = compileQueries(SCHEMA, model);

const way = (field: string, ...values: string[]): Lookup => ({ field, values });
const owned = (row: JsonObject) => row['owner'] === 'o3';

const ownedOrLive = (row: JsonObject) => owned(row) || row['status'] === 'live';
const ofTwo = ({ owner }: JsonObject) => owner === 'o1' || owner === 'o2';

async function run(query: Readonly<Record<string, string>>, scope: RowScope | null) {
  const current = node.current.model('Note');
  assert.ok(current);
  const { reader, looked } = watchedReader(current);
  const parameters = Object.entries(query).map(
    ([name, value]): Parameter => ({ name, value, parts: value.split(',') }),
  );
  const origin = { epoch: 1, index: 1, schemaVersion: 1 };
  const page = await execute(queries.list(parameters, scope), () => reader, origin);
  return { ids: page.rows.map((row) => String(JSON.parse(row).id)), looked: looked(), page };
}

test('a condition on an indexed field is answered by its index', async () => {
  const scope = { lets: owned, ways: [[way('owner', 'o3')]] };
  const { ids, looked } = await run({ limit: '1000', count: 'true' }, scope);
  assert.equal(ids.length, ROWS / 10);
  assert.ok(looked <= ROWS / 10, `looked at ${looked}`);
});

test('so are several ways to be let, each row once', async () => {
  const scope = { lets: ownedOrLive, ways: [[way('status', 'live')], [way('owner', 'o3')]] };
  const { ids, looked, page } = await run({ limit: '1000', count: 'true' }, scope);
  assert.equal(ids.length, ROWS / 10 + ROWS / 100);
  assert.equal(page.total, ids.length);
  assert.deepEqual(ids, ids.toSorted());
  assert.ok(looked <= ids.length, `looked at ${looked}`);
  const sorted = await run({ limit: '5', sort: 'title' }, scope);
  assert.ok(sorted.looked <= 3 * ids.length, `looked at ${sorted.looked}`);
});

test('and a list of values', async () => {
  const scope = { lets: ofTwo, ways: [[way('owner', 'o1', 'o2')]] };
  const { ids, looked } = await run({ limit: '1000' }, scope);
  assert.equal(ids.length, ROWS / 5);
  assert.ok(looked <= ROWS / 5, `looked at ${looked}`);
});

test('a scope without ways has no rows, and looks at none', async () => {
  const { ids, looked, page } = await run({ count: 'true' }, { lets: () => true, ways: [] });
  assert.deepEqual([ids, looked, page.total], [[], 0, 0]);
});

const SCOPES: RowScope[] = [
  { lets: owned, ways: [[way('owner', 'o3')]] },
  { lets: owned, ways: [[way('plain', 'o3')]] },
  { lets: owned, ways: [[]] },
  {
    lets: ownedOrLive,
    ways: [[way('status', 'live')], [way('owner', 'o3')]],
  },
  {
    lets: (row) => owned(row) || row['id'] === 'n0001',
    ways: [[way('id', 'n0001')], [way('owner', 'o3', 'o4')]],
  },
];

test('pages of any order hold what a scope lets, each row once', async () => {
  const sort = fc.constantFrom('', 'id', '-id', 'title', '-title', 'status,-title', 'plain');
  const limit = fc.integer({ min: 1, max: 40 });
  await fc.assert(
    fc.asyncProperty(sort, limit, fc.constantFrom(...SCOPES), async (order, size, scope) => {
      const query = { limit: String(size), ...(order !== '' && { sort: order }) };
      const all = await run({ ...query, limit: '1000' }, null);
      const rows = all.page.stored.map((json): JsonObject => JSON.parse(json));
      const wanted = rows.filter(scope.lets).map(({ id }) => id);
      const found: string[] = [];
      let next: string | null = '';
      while (next !== null) {
        const { ids, page } = await run({ ...query, ...(next !== '' && { cursor: next }) }, scope);
        found.push(...ids);
        next = page.next;
      }
      assert.deepEqual(found, wanted);
    }),
    { numRuns: 60 },
  );
});

test('a query that is asked again is as made, and never that of a caller who may read less', async () => {
  const parameters = [{ name: 'limit', value: '1000', parts: ['1000'] }];
  const all = queries.list(parameters, null);
  assert.equal(queries.list(parameters, null), all);
  const scope = { lets: owned, ways: [[way('owner', 'o3')]] };
  assert.equal(queries.list(parameters, scope).scope?.lets, owned);
  assert.equal(queries.list(parameters, null).scope, null);
  assert.notEqual(compileQueries(SCHEMA, model).list(parameters, null), all);
});

test('the plan of a query that is asked again is remembered, and that of no other', async () => {
  const parameters = [{ name: 'sort', value: 'title', parts: ['title'] }];
  const all = queries.list(parameters, null);
  assert.equal(choose(all), choose(all));
  const scoped = queries.list(parameters, { lets: owned, ways: [[way('owner', 'o3')]] });
  assert.notEqual(choose(scoped), choose(scoped));
  const { page } = await run({ sort: 'title' }, null);
  const cursor = page.next ?? '';
  const following = [...parameters, { name: 'cursor', value: cursor, parts: [cursor] }];
  const behind = queries.list(following, null);
  assert.notEqual(queries.list(following, null), behind);
  assert.notEqual(choose(behind), choose(behind));
});

test('a field that rows of a scope have one value of is sorted by as the caller sees it', async () => {
  const fields = [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'owner', type: 'string' },
    { name: 'secret', type: 'string', index: 'hash' },
    { name: 'kind', type: 'integer' },
    { name: 'rank', type: 'integer' },
  ];
  const veiled = schemaOf([{ name: 'Note', fields, indexes: [{ fields: ['kind', 'rank'] }] }]);
  // More than what a lookup is followed for: then an index with a part of the order takes over.
  const rows = Array.from({ length: 3 * LOOKUP_PROBE }, (_, at) => {
    const owner = at % 2 === 0 ? 'me' : 'you';
    return { id: `n${String(at).padStart(4, '0')}`, owner, secret: 's', kind: at, rank: 1 };
  });
  const current = withNotes(veiled, rows).current.model('Note');
  assert.ok(current);
  const compiled = compileQueries(
    veiled,
    current.schema,
    false,
    current.schema,
    new Set(['secret']),
  );
  const scope = { lets: () => true, ways: [[way('secret', 's')]] };
  const veil = { fields: new Set(['secret']), isLifted: ({ owner }: JsonObject) => owner === 'me' };
  const parameters = [
    { name: 'sort', value: '-secret,-kind', parts: ['-secret', '-kind'] },
    { name: 'limit', value: '1000', parts: ['1000'] },
  ];
  const origin = { epoch: 1, index: 1, schemaVersion: 1 };
  const page = await execute(compiled.list(parameters, scope, veil), () => current, origin);
  const seen = page.rows.map((row) => String(JSON.parse(row).id));
  const own = rows.filter(({ owner }) => owner === 'me').map(({ id }) => id);
  assert.deepEqual(seen, own.toReversed().slice(0, 1000));
});
