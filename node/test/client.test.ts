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
const brand = await client.brands.create({ id: 'acme/no', name: 'Acme' }).catch((error: unknown) =>
  error instanceof ApiError ? error.errors[0]?.pointer : 'another error');
const read = await client.products.get(created.data.id, { consistency: 'sequential', minIndex: patched.index });
const deleted = [await client.products.delete(created.data.id), await client.products.delete(created.data.id)];
const gone = await client.products.get(created.data.id);
console.log(JSON.stringify({ price, version: patched.version, stale, names, total: found.total,
  first: found.data[0]?.name, brand, stock: read?.data.stock, deleted, gone }));
void [incomplete, wrong, unknown, unsorted];
`;

test('a generated client passes a strict build, refuses what the model does, and repeats what got lost', async () => {
  const made = await lithair('client', MODEL, '--out', join(dir, 'shop.ts'));
  assert.equal(made.code, 0, made.output);
  await writeFile(join(dir, 'use.ts'), USE);
  assert.equal(complaintsOf('use.ts'), '');

  const words = await freePortFlags();
  const url = `http://127.0.0.1:${words[words.indexOf('--port') + 1]}`;
  const served = new LithairProcess(['serve', MODEL, '--data', join(dir, 'data'), ...words]);
  try {
    await eventually('the node to serve', async () =>
      (await fetch(`${url}/readyz`)).ok ? true : null,
    );
    const output = execFileSync(process.execPath, ['use.ts', url], { cwd: dir, encoding: 'utf8' });
    assert.deepEqual(JSON.parse(output), {
      price: '12.5',
      version: 2,
      stale: 'precondition_failed',
      names: ['Desk', 'Chair, red', 'Lamp'],
      total: 1,
      first: 'Chair, red',
      brand: '/id',
      stock: 3,
      deleted: [true, false],
      gone: null,
    });
  } finally {
    await served.kill('SIGTERM');
  }
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
