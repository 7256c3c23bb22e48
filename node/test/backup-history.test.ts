import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ServeCluster, type TestMember } from './serve-cluster.ts';
import { eventually, lithair, servingRestored } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'products.yaml');
const root = await mkdtemp(join(tmpdir(), 'lithair-backup-history-'));
after(() => rm(root, { recursive: true, force: true }));

async function put(url: string, version: number): Promise<void> {
  const answer = await fetch(`${url}/api/products/lamp`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/json',
      ...(version === 1 && { 'if-none-match': '*' }),
    },
    body: JSON.stringify({ name: `n${version}`, price: `p${version}`, notes: '', stock: '' }),
  });
  assert.ok(answer.ok, await answer.text());
}

/** Prices of all versions, newest first. */
async function pricesOf(url: string): Promise<readonly string[]> {
  const answer = await fetch(`${url}/api/products/lamp/history?limit=1000`);
  assert.equal(answer.status, 200);
  const page = (await answer.json()) as { data: { data: { price: string } }[] };
  return page.data.map(({ data }) => data.price);
}

async function archived(dataDir: string): Promise<readonly string[]> {
  const names: string[] = await readdir(join(dataDir, 'archive')).catch(() => []);
  return names.toSorted((a, b) => (a < b ? -1 : 1));
}

/** Writes a version, and waits until it has left memory for an archive. */
async function putAndArchive({ url, dataDir }: TestMember, version: number): Promise<void> {
  const before = await archived(dataDir);
  await put(url, version);
  await eventually('an archive of it', async () =>
    String(await archived(dataDir)) === String(before) ? null : true,
  );
}

async function restored(backup: string, name: string, ...words: string[]): Promise<string> {
  const dir = join(root, name);
  const { code, output } = await lithair('restore', backup, dir, ...words);
  assert.equal(code, 0, output);
  return dir;
}

/** A backup as it would be had nobody sent archives. */
async function withoutArchives(backup: string): Promise<void> {
  const path = join(backup, 'backup.json');
  const { checksum: _, ...manifest } = JSON.parse(await readFile(path, 'utf8'));
  const parts = manifest.parts
    .filter(({ kind }: { kind: string }) => kind !== 'archive')
    .map(({ archive: __, ...part }: { archive: unknown }) => part);
  const content = { ...manifest, parts };
  const checksum = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  await writeFile(path, JSON.stringify({ ...content, checksum: `sha256:${checksum}` }));
}

test('a restored cluster has the history that was archived, and no more than its moment had', async () => {
  const cluster = await ServeCluster.start(MODEL, 1);
  const backup = join(root, 'products-backup');
  try {
    const [member] = cluster.members;
    assert.ok(member);
    const port = member.words[member.words.indexOf('--peer-port') + 1];
    const certificates = join(cluster.directory, 'certs', 'admin');
    const admin = ['--address', `127.0.0.1:${port}`, '--peer-tls', certificates];
    for (const version of [1, 2, 3]) await putAndArchive(member, version);
    assert.equal((await lithair('snapshot', ...admin)).code, 0);
    // Archived before the backup, and behind its snapshot.
    await putAndArchive(member, 4);
    assert.equal((await lithair('backup', backup, ...admin)).code, 0);
    await putAndArchive(member, 5);
    const added = await lithair('backup', backup, ...admin);
    assert.match(added.output, /added \d+ entries/);

    assert.deepEqual(await pricesOf(member.url), ['p5', 'p4', 'p3', 'p2', 'p1']);
    await servingRestored(MODEL, await restored(backup, 'all'), async (url) => {
      assert.deepEqual(await pricesOf(url), ['p5', 'p4', 'p3', 'p2', 'p1']);
    });
    const { parts } = JSON.parse(await readFile(join(backup, 'backup.json'), 'utf8'));
    const dir = await restored(backup, 'earlier', '--at', String(parts[0].index));
    const kept = await lithair('log', dir, '--verify');
    assert.equal(kept.code, 0, kept.output);
    await servingRestored(MODEL, dir, async (url) => {
      assert.deepEqual(await pricesOf(url), ['p3', 'p2', 'p1']);
      // Another fourth version than the one that the archives of the backup knew.
      await put(url, 40);
      await eventually('it to be archived', async () =>
        (await archived(dir)).some((name) => name.includes('-4-4-')) ? true : null,
      );
      assert.deepEqual(await pricesOf(url), ['p40', 'p3', 'p2', 'p1']);
    });
  } finally {
    await cluster.stop();
  }
  await withoutArchives(backup);
  const { code, output } = await lithair('restore', backup, join(root, 'lacking'));
  assert.equal(code, 0);
  assert.match(output, /archived earlier is not in this backup/);
  await servingRestored(MODEL, join(root, 'lacking'), async (url) => {
    const old = await fetch(`${url}/api/products/lamp?version=1`);
    assert.equal(old.status, 410, await old.text());
    assert.deepEqual(await pricesOf(url), ['p5', 'p4']);
  });
});
