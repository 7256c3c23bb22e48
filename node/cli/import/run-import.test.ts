import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type FileHandle, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, mock, test } from 'node:test';
import { runImport } from './index.ts';

interface Row {
  readonly name: string;
  readonly parent?: string;
}

const dir = await mkdtemp(join(tmpdir(), 'lithair-import-'));
const file = join(dir, 'rows.ndjson');
const journal = join(dir, 'rows.ndjson.Item.import');
const openapi = {
  paths: { '/api/items': { 'x-lithair-model': 'Item', 'x-lithair-primary-key': 'id' } },
  components: { schemas: {} },
};

/** An API that makes the ids: what it created, by key and line, so that it creates none twice. */
const created = new Map<string, string>();
/** Called with the number of each bulk before it is done. */
let onBulk: (number: number) => void = () => {};
let bulks = 0;

const server = createServer((request, response) => {
  void answer(request, response);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const url = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';

after(async () => {
  server.close();
  server.closeAllConnections();
  await rm(dir, { recursive: true, force: true });
});

afterEach(async () => {
  mock.restoreAll();
  created.clear();
  onBulk = () => {};
  bulks = 0;
  await rm(journal, { force: true });
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const isBulk = request.method === 'POST';
  response.end(isBulk ? answerTo(request, await bodyOf(request)) : JSON.stringify(openapi));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) text += piece;
  return text;
}

function answerTo(request: IncomingMessage, body: string): string {
  bulks += 1;
  onBulk(bulks);
  const there = new Set(created.values());
  const key = String(request.headers['idempotency-key']);
  const rows: Row[] = body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const answers = rows.map(({ name, parent }, at) => {
    const line = `${key} ${at}`;
    if (parent !== undefined && !there.has(parent) && !created.has(line)) {
      return { status: 409, code: 'missing_reference', detail: 'parent: no such row' };
    }
    created.set(line, name);
    return { status: 201, id: line };
  });
  return answers.map((answer) => `${JSON.stringify(answer)}\n`).join('');
}

function imported(restart = false, from = file) {
  return runImport({
    urls: url,
    model: 'Item',
    file: from,
    mapping: { renamed: new Map(), dropped: new Set(), key: null },
    progress: process.stderr,
    journal: null,
    restart,
  });
}

/** Files of this process, as a power cut leaves them: what no sync has put onto the disk is gone. */
async function watchedDisk() {
  const handle = await open(dir);
  const files: FileHandle = Object.getPrototypeOf(handle);
  await handle.close();
  const sync: (this: FileHandle) => Promise<void> = Reflect.get(files, 'sync');
  let content = '';
  let isNamed = false;
  mock.method(files, 'sync', async function (this: FileHandle) {
    const isDirectory = (await this.stat()).isDirectory();
    const now = existsSync(journal) ? readFileSync(journal, 'utf8') : '';
    await sync.call(this);
    if (isDirectory) isNamed = existsSync(journal);
    else content = now;
  });
  return { files, left: () => (isNamed ? content : null) };
}

/** Imports, and imports again from what a power cut at a bulk would have left of the journal. */
async function importedWithPowerCutAt(bulk: number): Promise<void> {
  const { left } = await watchedDisk();
  let onDisk: string | null = null;
  onBulk = (number) => {
    if (number === bulk) onDisk = left();
  };
  await imported();
  assert.ok(bulks >= bulk, 'the power was never cut');
  if (onDisk !== null) await writeFile(journal, onDisk);
  await imported();
}

test('rows are created once though the power is cut when the first are sent', async () => {
  await writeFile(file, '{"name":"a"}\n{"name":"b"}\n');
  await importedWithPowerCutAt(1);
  assert.deepEqual([...created.values()], ['a', 'b']);
});

test('rows that waited for others are created once though the power is cut in their pass', async () => {
  await writeFile(file, '{"name":"child","parent":"root"}\n{"name":"root"}\n');
  await importedWithPowerCutAt(2);
  assert.deepEqual([...created.values()], ['root', 'child']);
});

test('what a cut left of a head before anything was sent needs no --restart', async () => {
  await writeFile(file, '{"name":"a"}\n');
  for (const torn of ['', '\0\0\0', '{"form', '{"format":1,"run":"5c1d']) {
    await writeFile(journal, torn);
    await imported();
    assert.ok(!existsSync(journal), JSON.stringify(torn));
  }
  assert.equal(created.size, 4);
});

test('a file of one line that is no journal is left alone', async () => {
  for (const foreign of ['a note', '{"name":"a"}', '{"format":1}']) {
    await writeFile(journal, foreign);
    await assert.rejects(imported(), /is not the progress of an import; name another place/);
    await assert.rejects(imported(true), /is not the progress of an import; name another place/);
    assert.equal(await readFile(journal, 'utf8'), foreign);
  }
  assert.equal(created.size, 0);
});

test('a damaged line is named, with what is safe to do about it', async () => {
  await writeFile(file, '{"name":"child","parent":"root"}\n{"name":"root"}\n');
  let kept = '';
  onBulk = (number) => {
    if (number === 2) kept = readFileSync(journal, 'utf8');
  };
  await imported();
  const [head = '', first = ''] = kept.split('\n');
  const again = { batch: '2-1', result: { accepted: 1, present: [], waiting: [], rejected: [] } };
  const known = [...created.values()];

  await writeFile(journal, `${head}\n${first.slice(0, 9)}\0\0\n${JSON.stringify(again)}\n`);
  await assert.rejects(imported(), /line 2: damaged: .*--restart is safe.*a later pass has begun/);
  await writeFile(journal, `${head}\n${first}\nbad\n`);
  await assert.rejects(imported(), /line 3: damaged: .* without this line/);
  await writeFile(journal, `${head}\nbad\n`);
  await assert.rejects(imported(), /line 2: damaged: .* without this line/);
  assert.deepEqual([...created.values()], known, 'nothing was sent');
});

test('a batch whose damaged line is removed creates nothing twice where no row waits', async () => {
  await writeFile(file, '{"name":"a"}\n{"name":"b"}\n');
  let head = '';
  onBulk = () => {
    head = readFileSync(journal, 'utf8').split('\n')[0] ?? '';
  };
  await imported();
  await writeFile(journal, `${head}\nbad\n`);
  await assert.rejects(imported(), /line 2: damaged: .* without this line/);
  await writeFile(journal, `${head}\n`);
  await imported();
  assert.deepEqual([...created.values()], ['a', 'b']);
});

test('a file that turns out broken before a row is sent is not begun', async () => {
  await writeFile(file, '{"name":"a"}\n');
  const broken = join(dir, 'broken.csv');
  await writeFile(broken, 'name\n"no end\n');
  await assert.rejects(imported(false, broken), /Quote Not Closed/);
  assert.ok(!existsSync(`${broken}.Item.import`));
});

test('--restart forgets a journal, whatever is left of it', async () => {
  await writeFile(file, '{"name":"a"}\n');
  const head = { format: 1, run: 'r', begun: 'b', hash: 'h', urls: [url] };
  for (const old of ['', '{"form', `${JSON.stringify(head)}\n`, `${JSON.stringify(head)}\nbad\n`]) {
    await writeFile(journal, old);
    await imported(true);
    assert.ok(!existsSync(journal), old);
  }
});

test('lines are whole though the disk takes a part of them at a time', async () => {
  await writeFile(file, '{"name":"child","parent":"root"}\n{"name":"root"}\n');
  const { files } = await watchedDisk();
  const write: (this: FileHandle, ...how: readonly [Buffer, number, number, number]) => unknown =
    Reflect.get(files, 'write');
  mock.method(
    files,
    'write',
    function (this: FileHandle, bytes: Buffer, at: number, length: number, place: number) {
      return write.call(this, bytes, at, Math.min(length, 7), place);
    },
  );
  let kept = '';
  onBulk = (number) => {
    if (number === 2) kept = readFileSync(journal, 'utf8');
  };
  await imported();
  const [head, first, ...rest] = kept.split('\n').map((line) => (line ? JSON.parse(line) : null));
  assert.equal(head.format, 1);
  assert.equal(first.batch, '1-1');
  assert.deepEqual(rest, [null]);
});
