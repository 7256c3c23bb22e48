import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually, freePortFlags, LithairProcess, lithair } from './serve-process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const MODEL = join(ROOT, 'docs', 'examples', 'shop.yaml');
const STRICT = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
const CHECK = [...STRICT, '--noEmit', '--target', 'es2024', '--module', 'nodenext'];
const LIBRARIES = ['--lib', 'es2024,dom', '--types', '', '--allowImportingTsExtensions'];

const dir = await mkdtemp(join(tmpdir(), 'lithair-client-'));
after(() => rm(dir, { recursive: true, force: true }));
await writeFile(join(dir, 'package.json'), '{"type":"module"}');

/** Runs the TypeScript compiler on a file in `dir`; what it complains about. */
function complaintsOf(file: string): string {
  const compiler = join(ROOT, 'node_modules', '.bin', 'tsc');
  return spawnSync(compiler, [...CHECK, ...LIBRARIES, file], { cwd: dir, encoding: 'utf8' }).stdout;
}

/** Every `@ts-expect-error` is an error that the compiler must find. */
const USE = `
import { ApiError, createClient } from './shop.ts';

let failures = 2;
const client = createClient({
  url: process.argv[2] ?? '',
  fetch: async (url, request) => {
    const response = await fetch(url, request);
    if (request?.method !== 'POST' || failures === 0) return response;
    failures -= 1;
    throw new TypeError('the answer was lost');
  },
});
declare const process: { argv: string[] };

const created = await client.products.create({ name: 'Lamp', price: 12.5, tags: ['a, b'] });
const price: string = created.data.price;
// @ts-expect-error a price is required
const incomplete = () => client.products.create({ name: 'Lamp' });
// @ts-expect-error a price comes as a text
const wrong: number = created.data.price;
// @ts-expect-error an unknown status
const unknown = () => client.products.create({ name: 'x', price: 1, status: 'sold' });
// @ts-expect-error there is no such field to sort by
const unsorted = () => client.products.list({ sort: ['colour'] });

const patched = await client.products.patch(created.data.id, { stock: 3 }, { ifMatch: created.etag });
const stale = await client.products
  .patch(created.data.id, { stock: 4 }, { ifMatch: created.etag })
  .catch((error: unknown) => (error instanceof ApiError ? error.code : 'another error'));
await client.products.createMany([{ name: 'Desk', price: '80' }, { name: 'Chair, red', price: 45 }]);
const names: string[] = [];
for await (const product of client.products.all({ sort: ['-price'], limit: 2 })) names.push(product.name);
const found = await client.products.list({ where: { name: { in: ['Chair, red', 'Sofa'] }, price: { gte: 45 } }, count: true });
const either = await client.products.list({ where: { stock: 0 }, or: { name: { in: ['Desk', 'Sofa'] }, price: { lt: 50, gt: 500 } }, sort: ['name'] });
// @ts-expect-error or has no conditions of what a field is not
const neither = () => client.products.list({ or: { name: { nin: ['Desk'] }, stock: 1 } });
const brand = await client.brands.create({ id: 'acme/no', name: 'Acme' }).catch((error: unknown) =>
  error instanceof ApiError ? error.errors[0]?.pointer : 'another error');
const read = await client.products.get(created.data.id, { consistency: 'sequential', minIndex: patched.index });
const deleted = [await client.products.delete(created.data.id), await client.products.delete(created.data.id)];
const gone = await client.products.get(created.data.id);
console.log(JSON.stringify({ price, version: patched.version, stale, names, total: found.total,
  first: found.data[0]?.name, either: either.data.map(({ name }) => name), brand, stock: read?.data.stock, deleted, gone }));
void [incomplete, wrong, unknown, unsorted, neither];
`;

test('a generated client passes a strict build, refuses what the model does, and repeats what got lost', async () => {
  const made = await lithair('client', MODEL, '--out', join(dir, 'shop.ts'));
  assert.equal(made.code, 0, made.output);
  await writeFile(join(dir, 'use.ts'), USE);
  assert.equal(complaintsOf('use.ts'), '');

  const output = await usedAgainst(MODEL, 'use.ts');
  assert.deepEqual(JSON.parse(output), {
    price: '12.5',
    version: 2,
    stale: 'precondition_failed',
    names: ['Desk', 'Chair, red', 'Lamp'],
    total: 1,
    first: 'Chair, red',
    either: ['Chair, red', 'Desk'],
    brand: '/id',
    stock: 3,
    deleted: [true, false],
    gone: null,
  });
});

const ORDERS = `auth: {mode: open}
models:
  - name: Region
    fields: [{name: id, type: string, primaryKey: true}, {name: label, type: string}]
  - name: User
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: name, type: string, required: true}
      - {name: region, type: reference, to: Region, nullable: true}
      - {name: secret, type: string, hidden: true, default: x}
  - name: Order
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: buyer, type: reference, to: User}
      - {name: amount, type: integer, required: true, minimum: 1, maximum: 9000}
    rules: [{expr: "self.amount != 13", message: never thirteen}]
    lifecycle: {versioned: 5, audited: true}
`;

const USE_ORDERS = `
import { AccessError, ApiError, ConflictError, createClient, NotFoundError, PreconditionError,
  ValidationError, type ErrorCode } from './orders.ts';
declare const process: { argv: string[] };

// Cuts the answers to the first lines in half, after the node has done all.
let cuts = 2;
const client = createClient({
  url: process.argv[2] ?? '',
  fetch: async (url, request) => {
    const response = await fetch(url, request);
    const isLines = request?.method === 'POST' && new Headers(request.headers).get('accept')?.endsWith('ndjson');
    if (isLines !== true || cuts === 0) return response;
    cuts -= 1;
    const text = await response.text();
    return new Response(text.slice(0, text.length / 2), { status: 200 });
  },
});
await client.regions.replace('north', { label: 'North' }, { ifNoneMatch: '*' });
const taken = await client.regions.replace('north', { label: 'N' }, { ifNoneMatch: '*' }).catch((error: unknown) => error);
await client.users.createMany([{ id: 'ann', name: 'Ann', region: 'north' }, { id: 'bob', name: 'Bob' }]);

async function* orders() {
  for (let at = 0; at < 1200; at++) yield { id: \`o\${at}\`, buyer: at % 2 === 0 ? 'ann' : 'bob', amount: at === 7 ? 13 : 20 + at };
}
let made = 0;
let replayed = 0;
const refused: [ErrorCode, boolean][] = [];
for await (const result of client.orders.bulk(orders())) {
  if (result.ok) made += 1;
  if (result.ok && result.replayed) replayed += 1;
  if (!result.ok) refused.push([result.error.code, result.error instanceof ValidationError]);
}
let streamed = 0;
for await (const order of client.orders.lines({ where: { buyer: 'ann' } })) streamed += order.amount > 0 ? 1 : 0;

const shown = await client.orders.get('o0', { expand: ['buyer.region'] });
const label: string | null | undefined = shown?.data.expand.buyer?.expand?.region?.label;
const page = await client.users.orders('ann').list({ sort: ['-amount'], limit: 2, expand: ['buyer'] });
// @ts-expect-error nothing was asked to be shown
const hidden = () => client.orders.get('o0').then((found) => found?.data.expand);
// @ts-expect-error there is no such reference
const strange = () => client.orders.get('o0', { expand: ['seller'] });
// @ts-expect-error users keep no history
const forgotten = () => client.users.history('ann');
// @ts-expect-error a hidden field
const secret = () => client.users.get('ann').then((found) => found?.data.secret);
// @ts-expect-error only a star
const none = () => client.regions.replace('x', {}, { ifNoneMatch: '"1"' });

const first = await client.orders.get('o0');
if (first === null) throw new Error('o0 is not there');
const same = (await client.orders.refresh('o0', first)) === first;
await client.orders.patch('o0', { amount: 50 }, { ifMatch: first.etag });
const changed = await client.orders.refresh('o0', first);
const versions = await client.orders.history('o0');
const events = await client.orders.events('o0', { limit: 1 });
const past = await client.orders.getPast('o0', { version: 1 });
const now = await client.orders.getPast('o0', { at: new Date(Date.now() + 60_000) });
const never = await client.orders.getPast('o0', { version: 9 });
const tested = await client.orders.patchWith('o0', [{ op: 'test', path: '/amount', value: 50 }, { op: 'replace', path: '/amount', value: 51 }]);
const stale = await client.orders.patch('o0', { amount: 2 }, { ifMatch: first.etag }).catch((error: unknown) => error);
const clash = await client.orders.patchWith('o0', [{ op: 'test', path: '/amount', value: 50 }]).catch((error: unknown) => error);
const unknown = await client.orders.patch('nowhere', { amount: 2 }).catch((error: unknown) => error);
console.log(JSON.stringify({
  taken: taken instanceof PreconditionError, made, replayed: replayed > 0, refused, streamed, label,
  page: page.data.map(({ amount, expand }) => [amount, expand.buyer?.name]), same,
  changed: changed?.data.amount, versions: versions.data.map(({ version, actor }) => [version, actor?.method]),
  change: events.data[0]?.changes?.amount, past: past?.data.amount, now: now?.data.amount, never,
  tested: tested.data.amount, stale: stale instanceof PreconditionError && stale.code,
  clash: clash instanceof ConflictError && clash.code, unknown: unknown instanceof NotFoundError && unknown.status,
  other: unknown instanceof AccessError || !(unknown instanceof ApiError),
}));
void [hidden, strange, forgotten, secret, none];
`;

test('a generated client follows references, sends lines, reads the past and asks by conditions', async () => {
  await writeFile(join(dir, 'orders.yaml'), ORDERS);
  const made = await lithair('client', join(dir, 'orders.yaml'), '--out', join(dir, 'orders.ts'));
  assert.equal(made.code, 0, made.output);
  await writeFile(join(dir, 'use-orders.ts'), USE_ORDERS);
  assert.equal(complaintsOf('use-orders.ts'), '');
  const output = await usedAgainst(join(dir, 'orders.yaml'), 'use-orders.ts');
  assert.deepEqual(JSON.parse(output), {
    taken: true,
    made: 1199,
    replayed: true,
    refused: [['rule_broken', true]],
    streamed: 600,
    label: 'North',
    page: [
      [1218, 'Ann'],
      [1216, 'Ann'],
    ],
    same: true,
    changed: 50,
    versions: [
      [2, 'none'],
      [1, 'none'],
    ],
    change: { old: 20, new: 50 },
    past: 20,
    now: 50,
    never: null,
    tested: 51,
    stale: 'precondition_failed',
    clash: 'patch_conflict',
    unknown: 404,
    other: false,
  });
});

/** What a program says that runs against a node of its own. */
async function usedAgainst(model: string, program: string): Promise<string> {
  const words = await freePortFlags();
  const url = `http://127.0.0.1:${words[words.indexOf('--port') + 1]}`;
  const data = join(dir, `data-${program}`);
  const served = new LithairProcess(['serve', model, '--data', data, ...words]);
  try {
    await eventually('the node to serve', async () =>
      (await fetch(`${url}/readyz`)).ok ? true : null,
    );
    return execFileSync(process.execPath, [program, url], { cwd: dir, encoding: 'utf8' });
  } finally {
    await served.kill('SIGTERM');
  }
}

const PARCELS = `auth: {mode: open}
models:
  - name: Box
    fields: [{name: id, type: string, primaryKey: true}]
  - name: Parcel
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: label, type: string, unique: true}
      - {name: box, type: reference, to: Box, inverse: deleted}
    lifecycle: {softDelete: true, versioned: 2}
`;

const USE_PARCELS = `
import { ConflictError, createClient, NotFoundError } from './parcels.ts';
declare const process: { argv: string[] };
const { parcels, boxes } = createClient({ url: process.argv[2] ?? '' });

await boxes.create({ id: 'b' });
for (const id of ['p', 'q']) await parcels.create({ id, label: id, box: 'b' });
const below = (await boxes.deletedRows('b').list()).data.length;
for (const id of ['p', 'q']) await parcels.delete(id);
const listed: [string, string | null, string][] = [];
for await (const row of parcels.deleted.all({ sort: ['-id'], where: { deletedAt: { gt: '2020-01-01T00:00:00Z' } } })) {
  listed.push([row.id, row.label, row.deletedBy]);
}
let lines = 0;
for await (const row of parcels.deleted.lines()) lines += row.deletedAt.length > 0 ? 1 : 0;
const one = await parcels.deleted.get('p');
const restored = await parcels.deleted.restore('p', { ifMatch: one?.etag ?? '' });
const label: string | null = restored.data.label;
await parcels.patch('p', { label: 'q' });
const taken = await parcels.deleted.restore('q').catch((error: unknown) => error);
const purged = [await parcels.deleted.purge('q'), await parcels.deleted.purge('q')];
const gone = await parcels.deleted.restore('q').catch((error: unknown) => error);
const absent = await parcels.deleted.get('q');
// @ts-expect-error boxes do not keep deleted rows
const none = () => boxes.deleted;
// @ts-expect-error what is restored is as it was
const when = () => restored.data.deletedAt;
// @ts-expect-error a deleted row cannot be changed
const changed = () => parcels.deleted.patch('p', { label: 'x' });
// @ts-expect-error a deleted row refers to nothing
const expanded = () => parcels.deleted.list({ expand: ['box'] });
// @ts-expect-error there is no such field
const odd = () => parcels.deleted.list({ sort: ['colour'] });
console.log(JSON.stringify({ below, listed, lines, label, version: restored.version, purged,
  taken: taken instanceof ConflictError && taken.code, gone: gone instanceof NotFoundError, absent }));
void [none, when, changed, expanded, odd];
`;

test('a generated client lists, restores and removes deleted rows', async () => {
  await writeFile(join(dir, 'parcels.yaml'), PARCELS);
  const made = await lithair('client', join(dir, 'parcels.yaml'), '--out', join(dir, 'parcels.ts'));
  assert.equal(made.code, 0, made.output);
  await writeFile(join(dir, 'use-parcels.ts'), USE_PARCELS);
  assert.equal(complaintsOf('use-parcels.ts'), '');
  const output = await usedAgainst(join(dir, 'parcels.yaml'), 'use-parcels.ts');
  assert.deepEqual(JSON.parse(output), {
    below: 2,
    listed: [
      ['q', 'q', 'anonymous'],
      ['p', 'p', 'anonymous'],
    ],
    lines: 2,
    label: 'p',
    version: 3,
    purged: [true, false],
    taken: 'unique_conflict',
    gone: true,
    absent: null,
  });
});

test('what only owners read may not be there in the rows of a client', async () => {
  await writeFile(
    join(dir, 'owned.yaml'),
    `auth: {mode: tokens, apiKeys: {keys: [{name: ann, roles: [Clerk], sha256: "${'0'.repeat(64)}"}]}}
models:
  - name: Person
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: by, type: string, required: true}
      - {name: wage, type: integer, required: true, permissions: {read: [Owner, Clerk]}}
      - {name: twice, type: string, computed: 'self.wage > 1 ? "a" : "b"'}
      - {name: open, type: string, computed: 'self.wage > 1 ? "a" : "b"', permissions: {read: [Public]}}
    permissions: {create: [Clerk], read: [Public], owner: by}
`,
  );
  const made = await lithair('client', join(dir, 'owned.yaml'), '--out', join(dir, 'owned.ts'));
  assert.equal(made.code, 0, made.output);
  const use = `import type { Person } from './owned.ts';
export const stranger: Person = { id: 'a', by: 'b', open: null };
export const own: Person = { ...stranger, wage: 1, twice: 'a' };
// @ts-expect-error it may not be there
export const wage: number | string = own.wage;
// @ts-expect-error whoever reads the row sees who owns it
export const nobody: Person = { id: 'a', open: null };
`;
  await writeFile(join(dir, 'use-owned.ts'), use);
  assert.equal(complaintsOf('use-owned.ts'), '');
});

test('models with awkward names have a client, too', async () => {
  const fields = '[{name: id, type: uuid, primaryKey: true}]';
  const models = ['Response', 'Page', 'Product', 'ProductCreate', 'Client'].map(
    (name) => `    - {name: ${name}, path: /api/${name}/items, fields: ${fields}}`,
  );
  await writeFile(
    join(dir, 'awkward.yaml'),
    ['auth: {mode: open}', 'models:', ...models].join('\n'),
  );
  const made = await lithair('client', join(dir, 'awkward.yaml'), '--out', join(dir, 'awkward.ts'));
  assert.equal(made.code, 0, made.output);
  const use =
    "import { createClient } from './awkward.ts';\nawait createClient({ url: '' }).productCreate.get('x');\n";
  await writeFile(join(dir, 'use-awkward.ts'), use);
  assert.equal(complaintsOf('use-awkward.ts'), '');
});
