import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ServeCluster, type TestMember } from './serve-cluster.ts';
import { eventually, lithair, servingRestored } from './serve-process.ts';

const root = await mkdtemp(join(tmpdir(), 'lithair-backup-cold-'));
const MODEL = join(root, 'model.yaml');
const STORE = join(root, 'cold');
const BACKUP = join(root, 'backup');
after(() => rm(root, { recursive: true, force: true }));

await writeFile(
  MODEL,
  `auth: {mode: open}
models:
  - name: Note
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: text, type: string}
    lifecycle: {audited: true, versioned: 100, retention: {hot: 1s, warm: 1s, cold: forever}}
store:
  cold: {type: directory, directory: ${STORE}}
`,
);

async function put(url: string, id: string, version: number): Promise<void> {
  const answer = await fetch(`${url}/api/notes/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...(version === 1 && { 'if-none-match': '*' }) },
    body: JSON.stringify({ text: `${id}${version}` }),
  });
  assert.ok(answer.ok, await answer.text());
}

/** Texts of all versions, newest first. */
async function textsOf(url: string, id: string): Promise<readonly string[]> {
  const answer = await fetch(`${url}/api/notes/${id}/history?limit=1000`);
  assert.equal(answer.status, 200, await answer.clone().text());
  const page = (await answer.json()) as { data: { data: { text: string } }[] };
  return page.data.map(({ data }) => data.text);
}

/** What lies below a directory, by path: the sha256 of each file. */
async function filesIn(directory: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const path = join(entry.parentPath, entry.name);
    files.set(
      path,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    );
  }
  return files;
}

async function partsOf(): Promise<readonly { kind: string; file: string; index: number }[]> {
  return JSON.parse(await readFile(join(BACKUP, 'backup.json'), 'utf8')).parts;
}

async function restored(name: string, ...words: string[]): Promise<string> {
  const dir = join(root, name);
  const { code, output } = await lithair('restore', BACKUP, dir, ...words);
  assert.equal(code, 0, output);
  assert.doesNotMatch(output, /is not in this backup/);
  return dir;
}

/** Writes on, because log time tells what is cold, until so many objects are there. */
async function untilCold({ url }: TestMember, tick: () => number, objects: number): Promise<void> {
  await eventually('objects in the store', async () => {
    await put(url, 'clock', tick());
    return (await filesIn(STORE)).size >= objects ? true : null;
  });
}

test('a backup holds what is cold, and leads to every moment before and after it got cold', async () => {
  const cluster = await ServeCluster.start(MODEL, 1);
  const [member] = cluster.members;
  assert.ok(member);
  let ticks = 0;
  const tick = () => ++ticks;
  const ask = (...words: string[]) => cluster.admin(member, ...words);
  const points: number[] = [];
  const backUp = async (): Promise<void> => {
    const { code, output } = await ask('backup', BACKUP);
    assert.equal(code, 0, output);
    points.push((await partsOf()).at(-1)?.index ?? 0);
  };
  try {
    for (const version of [1, 2, 3]) await put(member.url, 'note', version);
    await eventually('an archive', async () => {
      await put(member.url, 'clock', tick());
      const names: string[] = await readdir(join(member.dataDir, 'archive'));
      return names.some((name) => name.endsWith('.arc')) ? true : null;
    });
    assert.equal((await ask('snapshot')).code, 0);
    // The store is not there yet: nothing has moved.
    await backUp();
    await mkdir(STORE);
    await untilCold(member, tick, 1);
    await eventually('the member to let go of it', async () =>
      member.process.output.includes('let go of what is cold') ? true : null,
    );
    await put(member.url, 'note', 4);
    await backUp();
    assert.deepEqual(
      (await partsOf()).filter(({ kind }) => kind === 'snapshot').length,
      1,
      'the second one adds entries alone, the move among them',
    );
    // The log gives up what the backup goes on behind: it begins anew, with what is cold by now.
    assert.equal((await ask('compact')).code, 0);
    await put(member.url, 'note', 5);
    await put(member.url, 'clock', tick());
    await backUp();
    const parts = await partsOf();
    assert.equal(parts.filter(({ kind }) => kind === 'snapshot').length, 2);
    assert.deepEqual(await textsOf(member.url, 'note'), [
      'note5',
      'note4',
      'note3',
      'note2',
      'note1',
    ]);
  } finally {
    await cluster.stop();
  }

  const checked = await lithair('restore', BACKUP, '--check');
  assert.match(checked.output, /sound/);
  const before = await filesIn(STORE);
  const expected = [
    ['note3', 'note2', 'note1'],
    ['note4', 'note3', 'note2', 'note1'],
    ['note5', 'note4', 'note3', 'note2', 'note1'],
  ];
  for (const [at, texts] of expected.entries()) {
    const dir = await restored(`at-${at}`, '--at', String(points[at]));
    assert.equal((await lithair('log', dir, '--verify')).code, 0);
    await servingRestored(MODEL, dir, async (url) => {
      assert.deepEqual(await textsOf(url, 'note'), texts, `the ${at + 1}. point`);
      // It moves what is cold into a folder of its own, and reads it from there.
      const known = (await filesIn(STORE)).size;
      await eventually('objects of the new cluster', async () => {
        const clock = await fetch(`${url}/api/notes/clock`);
        const version = Number(clock.headers.get('lithair-version') ?? 0);
        await put(url, 'clock', version + 1);
        return (await filesIn(STORE)).size > known ? true : null;
      });
      assert.deepEqual(await textsOf(url, 'note'), texts, `the ${at + 1}. point, from the store`);
    });
  }
  const now = await filesIn(STORE);
  for (const [path, digest] of before)
    assert.equal(now.get(path), digest, 'an object of the other');

  // One byte of what had been cold.
  const [archive] = (await partsOf()).filter(({ kind }) => kind === 'archive').slice(-1);
  assert.ok(archive);
  const path = join(BACKUP, archive.file);
  const bytes = await readFile(path);
  bytes[bytes.length >>> 1] = (bytes[bytes.length >>> 1] ?? 0) ^ 1;
  await writeFile(path, bytes);
  const damaged = await lithair('restore', BACKUP, join(root, 'damaged'));
  assert.equal(damaged.code, 3, damaged.output);
  assert.match(damaged.output, new RegExp(`${archive.file} is not what was written`));
  assert.deepEqual(await readdir(root).then((names) => names.includes('damaged')), false);
});
