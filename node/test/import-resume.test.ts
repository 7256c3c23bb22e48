import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ServeCluster } from './serve-cluster.ts';
import { eventually, LithairProcess, lithair } from './serve-process.ts';

const MODEL = `auth: {mode: open}
models:
  - name: Event
    fields:
      - {name: id, type: uuid, primaryKey: true}
      - {name: place, type: integer, required: true, minimum: 0}
      - {name: text, type: string, maxLength: 100}
  - name: Item
    fields:
      - {name: code, type: string, primaryKey: true, maxLength: 20}
      - {name: stock, type: integer, required: true, minimum: 0}
      - {name: parent, type: reference, to: Item, nullable: true}
`;
const EVENTS = 12_000;

let cluster: ServeCluster;
let url = '';
before(async () => {
  const { mkdtemp } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const model = join(await mkdtemp(join(tmpdir(), 'lithair-import-')), 'model.yaml');
  await writeFile(model, MODEL);
  cluster = await ServeCluster.start(model, 1);
  url = cluster.members[0]?.url ?? '';
});
after(() => cluster.stop());

/** Kills an import once so many rows are there; what it said. */
async function killedAt(rows: number, path: string, words: readonly string[]): Promise<string> {
  const running = new LithairProcess(['import', url, ...words]);
  await eventually('some rows', async () => ((await count(path)) >= rows ? true : null));
  const end = await running.kill('SIGKILL');
  assert.equal(end.signal, 'SIGKILL', `the import was done too soon: ${running.output}`);
  return running.output;
}

async function count(path: string): Promise<number> {
  const response = await fetch(`${url}${path}?limit=1&count=true`);
  const body: { page: { total: number } } = JSON.parse(await response.text());
  return body.page.total;
}

async function rows(path: string): Promise<Record<string, unknown>[]> {
  const accept = 'application/x-ndjson';
  const response = await fetch(`${url}${path}`, { headers: { accept } });
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}

test('an import that is killed twice ends with each row once, though the server makes the ids', async () => {
  const file = join(cluster.directory, 'events.ndjson');
  const lines = Array.from({ length: EVENTS }, (_, place) =>
    JSON.stringify({ place, text: `event ${place}` }),
  );
  await writeFile(file, lines.join('\n'));
  const journal = `${file}.Event.import`;
  await killedAt(1500, '/api/events', ['Event', file]);
  assert.ok(existsSync(journal));
  // As a kill in the middle of a write leaves it.
  await appendFile(journal, '{"batch":"1-99');
  await killedAt((await count('/api/events')) + 1500, '/api/events', ['Event', file]);
  const batches = readFileSync(journal, 'utf8').split('\n').length;
  assert.ok(batches > 2, 'nothing was kept of the first two runs');

  const last = await lithair('import', url, 'Event', file);
  assert.equal(last.code, 0, last.output);
  assert.match(last.output, /going on with the import of/);
  assert.match(last.output, new RegExp(`${EVENTS} accepted, 0 rejected`));
  const places = (await rows('/api/events')).map(({ place }) => Number(place));
  assert.deepEqual(
    places.toSorted((a, b) => a - b),
    Array.from({ length: EVENTS }, (_, place) => place),
  );
  assert.ok(!existsSync(journal), 'what is through needs no journal');
});

test('taken ids and refused rows are told by row and line, also of the run that was killed', async () => {
  const file = join(cluster.directory, 'items.ndjson');
  const items = Array.from({ length: 6000 }, (_, at) => ({
    code: `c${at}`,
    stock: at,
    parent: null,
  }));
  const lines = items.map((item) => JSON.stringify(item));
  // Row 3 is bad, row 5 refers to the last one, row 7 to none; the line behind row 9 is empty.
  lines[2] = JSON.stringify({ code: 'c2', stock: -1 });
  lines[4] = JSON.stringify({ code: 'c4', stock: 4, parent: 'c5999' });
  lines[6] = JSON.stringify({ code: 'c6', stock: 6, parent: 'nowhere' });
  lines[8] = `${lines[8]}\n`;
  lines.push('not json', JSON.stringify({ code: 'c10', stock: 1 }));
  await writeFile(file, lines.join('\n'));
  const first = { code: 'c1', stock: 1 };
  await fetch(`${url}/api/items`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(first),
  });
  await killedAt(2000, '/api/items', ['Item', file]);
  const { code, output } = await lithair('import', url, 'Item', file);
  assert.equal(code, 1, output);
  const told = output.split('\n').filter((line) => line.startsWith(file));
  assert.deepEqual(
    told.map((line) => line.slice(file.length).replace(/(parent|JSON)[:;].*/, '$1')),
    [
      ':2: row 2 is already there',
      ':6003: row 6002 is already there',
      ':3: row 3: stock: must be at least 0',
      ':7: row 7: parent',
      ':6002: row 6001: must be JSON',
    ],
    output,
  );
  assert.match(output, /5997 accepted, 2 already there, 3 rejected/);
  const found = await rows('/api/items');
  assert.equal(found.length, 5998);
  assert.equal(found.find((row) => row['code'] === 'c4')?.['parent'], 'c5999');
});

test('a journal of another file, mapping or cluster is refused, and --restart forgets it', async () => {
  const file = join(cluster.directory, 'few.ndjson');
  await writeFile(file, '{"code":"few-1","stock":1}\n');
  const progress = join(cluster.directory, 'few.progress');
  const words = ['import', url, 'Item', file, '--progress', progress];
  const header = { format: 1, run: 'r', begun: 'b', hash: 'h', urls: ['http://elsewhere'] };
  await writeFile(progress, `${JSON.stringify(header)}\n`);
  const refused = await lithair(...words);
  assert.notEqual(refused.code, 0);
  assert.match(refused.output, /holds the progress of another file, model or mapping/);
  assert.equal((await fetch(`${url}/api/items/few-1`)).status, 404);
  const restarted = await lithair(...words, '--restart');
  assert.equal(restarted.code, 0, restarted.output);
  assert.ok(!existsSync(progress));
});

test('a file that is no journal is left alone, also with --restart', async () => {
  const file = join(cluster.directory, 'own.ndjson');
  await writeFile(file, '{"code":"own-1","stock":1}\n');
  // Its own rows, and what somebody else keeps.
  for (const [progress, text] of [
    [file, '{"code":"own-1","stock":1}\n'],
    [join(cluster.directory, 'notes'), 'anything\n'],
  ] as const) {
    await writeFile(progress, text);
    const words = ['import', url, 'Item', file, '--progress', progress];
    for (const all of [words, [...words, '--restart']]) {
      const { code, output } = await lithair(...all);
      assert.notEqual(code, 0);
      assert.match(output, /is not the progress of an import; name another place with --progress/);
      assert.doesNotMatch(output, /--restart/);
      assert.equal(readFileSync(progress, 'utf8'), text);
    }
  }
  assert.equal((await fetch(`${url}/api/items/own-1`)).status, 404);
});

test('an export gives back what an import takes, to the last digit', async () => {
  const exported = await lithair('export', url, 'Item');
  assert.equal(exported.code, 0);
  const lines = exported.output.split('\n').filter((line) => line.startsWith('{'));
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    await rows('/api/items?sort=code'),
  );
  assert.match(exported.output, new RegExp(`${lines.length} rows`));
});
