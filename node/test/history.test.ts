import assert from 'node:assert/strict';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ArchiveFile } from '../archive/archive-file.ts';
import { threadedZstd } from '../archive/index.ts';
import { NodeFileSystem } from '../log/index.ts';
import { ServeCluster, statusOf, type TestMember } from './serve-cluster.ts';
import { eventually, lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'products.yaml');
const PRODUCTS = 20;

/** Values tell field, product and version. */
const valueOf = (field: string, id: string, version: number) => `${field}:${id}:${version}`;

async function put(member: TestMember, id: string, version: number): Promise<void> {
  const body = Object.fromEntries(
    ['name', 'price', 'notes', 'stock'].map((field) => [field, valueOf(field, id, version)]),
  );
  const answer = await fetch(`${member.url}/api/products/${id}`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/json',
      ...(version === 1 && { 'if-none-match': '*' }),
    },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, await answer.text());
}

const ids = Array.from({ length: PRODUCTS }, (_, at) => `p${at}`);

async function putAll(member: TestMember, version: number): Promise<void> {
  for (const id of ids) await put(member, id, version);
}

async function historyOf(member: TestMember, id: string): Promise<string> {
  const answer = await fetch(`${member.url}/api/products/${id}/history?limit=1000`);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return text;
}

/** Those that count: a file is there before the catalog names it. */
async function archives(member: TestMember): Promise<string[]> {
  const catalog = await readFile(join(member.dataDir, 'lifecycle.meta'), 'utf8').catch(() => null);
  return catalog === null ? [] : JSON.parse(catalog).files;
}

function archivedBy(member: TestMember, files: number): Promise<true> {
  return eventually(`${member.name} to archive`, async () =>
    (await archives(member)).length >= files ? true : null,
  );
}

async function assertSameHistory(cluster: ServeCluster, versions: number): Promise<void> {
  for (const id of ids) {
    const answers = await Promise.all(cluster.members.map((member) => historyOf(member, id)));
    const [first = ''] = answers;
    for (const answer of answers) assert.equal(answer, first);
    const { data } = JSON.parse(first);
    assert.equal(data.length, versions, first);
    assert.equal(data.at(-1).data.price, valueOf('price', id, 1));
  }
}

test('history leaves memory for archives, and is the same on all members whatever becomes of them', async () => {
  const cluster = await ServeCluster.start(MODEL, 3);
  try {
    const leader = await cluster.leader();
    for (let version = 1; version <= 3; version++) {
      await putAll(leader, version);
      for (const member of cluster.members) await archivedBy(member, version);
    }
    await assertSameHistory(cluster, 3);
    for (const member of cluster.members) {
      await member.process.kill('SIGKILL');
      cluster.restart(member);
      await cluster.allReady();
    }
    await putAll(await cluster.leader(), 4);
    await assertSameHistory(cluster, 4);
  } finally {
    await cluster.stop();
  }
});

test('lithair log tells what archives hold before what the log holds, in order', async () => {
  const cluster = await ServeCluster.start(MODEL, 1);
  try {
    const [member] = cluster.members;
    assert.ok(member);
    for (let version = 1; version <= 3; version++) {
      await putAll(member, version);
      await archivedBy(member, version);
      // Two snapshots are kept: after the last one, none reaches back to the first version.
      const taken = await lithair('snapshot', ...adminOf(cluster, member));
      assert.equal(taken.code, 0, taken.output);
    }
    await put(member, 'p0', 4);
    const shown = (...options: string[]) => eventsOf(member, options);
    const all = await eventually('the last event to be shown', async () => {
      const events = await shown();
      return events.length === 3 * PRODUCTS + 1 ? events : null;
    });
    assert.deepEqual(
      all.map(({ sequence }) => sequence),
      all.map((_, at) => at + 1),
    );
    const of = (id: string) => all.filter((event) => event.id === id);
    assert.deepEqual(await shown('--aggregate', 'p3'), of('p3'));
    assert.deepEqual(
      of('p0').map(({ eventId }) => eventId),
      ['product:p0:create', ...[2, 3, 4].map((version) => `product:p0:update:${version}`)],
    );
    assert.equal((await shown('--event-type', 'ProductCreated')).length, PRODUCTS);
    const [first] = of('p3');
    assert.equal(Reflect.get(Object(first?.data), 'price'), valueOf('price', 'p3', 1));
  } finally {
    await cluster.stop();
  }
});

interface ShownEvent {
  readonly eventId: string;
  readonly sequence: number;
  readonly id: string;
  readonly data: unknown;
}

async function eventsOf(member: TestMember, options: string[]): Promise<ShownEvent[]> {
  const { code, output } = await lithair('log', member.dataDir, ...options);
  assert.equal(code, 0, output);
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line): ShownEvent => JSON.parse(line));
}

test('a member whose archives are gone refuses to start on them', async () => {
  const cluster = await ServeCluster.start(MODEL, 1);
  try {
    const [member] = cluster.members;
    assert.ok(member);
    await putAll(member, 1);
    await archivedBy(member, 1);
    await member.process.kill('SIGKILL');
    await rm(join(member.dataDir, 'archive'), { recursive: true });
    cluster.restart(member);
    const { code } = await member.process.ended;
    assert.equal(code, 3, member.process.output);
    assert.match(member.process.output, /archive\/Product-.*\.arc is gone/);
  } finally {
    await cluster.stop();
  }
});

/** Options that let a command speak to a member as an administrator. */
function adminOf({ directory }: ServeCluster, { words }: TestMember): string[] {
  const port = words[words.indexOf('--peer-port') + 1];
  return ['--address', `127.0.0.1:${port}`, '--peer-tls', join(directory, 'certs', 'admin')];
}

/** Every byte below a directory, archives unpacked, as text. */
async function bytesOf(directory: string): Promise<string> {
  const texts: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    texts.push(await readFile(path, 'latin1'));
    if (path.endsWith('.arc')) texts.push(await unpacked(entry.parentPath, entry.name));
  }
  return texts.join('\n');
}

async function unpacked(directory: string, name: string): Promise<string> {
  const file = await ArchiveFile.open(new NodeFileSystem(), directory, name, threadedZstd, null);
  const texts: string[] = [];
  for await (const records of file.all()) texts.push(JSON.stringify(records));
  await file.close();
  return texts.join('\n');
}

test('after a compaction no file of any member holds a value that is not kept, and every other is read', async () => {
  const cluster = await ServeCluster.start(MODEL, 3);
  try {
    const leader = await cluster.leader();
    for (let version = 1; version <= 6; version++) await putAll(leader, version);
    for (const member of cluster.members) {
      const done = await lithair('compact', ...adminOf(cluster, member));
      assert.equal(done.code, 0, done.output);
    }
    for (const member of cluster.members) {
      const found = new Set((await bytesOf(member.dataDir)).match(/[a-z]+:p[0-9]+:[0-9]+/g));
      for (const id of ids) {
        const left = (field: string) =>
          [1, 2, 3, 4, 5, 6].filter((version) => found.has(valueOf(field, id, version)));
        assert.deepEqual(left('name'), [4, 5, 6], `${member.name} ${id}`);
        assert.deepEqual(left('price'), [1, 2, 3, 4, 5, 6]);
        assert.deepEqual(left('notes'), [6]);
        assert.deepEqual(left('stock'), [1, 2, 3, 4, 5, 6]);
      }
    }
    await assertSameHistory(cluster, 6);
  } finally {
    await cluster.stop();
  }
});

test('a new member gets archives from the others', async () => {
  const cluster = await ServeCluster.start(MODEL, 3);
  try {
    const [first, , last] = cluster.members;
    assert.ok(first && last);
    await putAll(await cluster.leader(), 1);
    await putAll(await cluster.leader(), 2);
    for (const member of cluster.members) await archivedBy(member, 1);
    for (const member of cluster.members.slice(0, 2)) {
      assert.equal((await lithair('compact', ...adminOf(cluster, member))).code, 0);
    }
    const status = await statusOf(last);
    const memberId = status?.members.find(({ name }) => name === last.name)?.id;
    await last.process.kill('SIGKILL');
    // Who was heard from a moment ago is asked first what it alone has; that is refused meanwhile.
    await eventually('the member to be given up', async () => {
      const words = ['remove', String(memberId), ...adminOf(cluster, first)];
      const { code, output } = await lithair('member', ...words);
      assert.ok(code === 0 || output.includes('ask again'), output);
      return code === 0 ? true : null;
    });
    await rm(last.dataDir, { recursive: true });
    cluster.restart(last);
    await cluster.allReady();
    assert.match(last.process.output, /fetched archives/);
    await putAll(await cluster.leader(), 3);
    await assertSameHistory(cluster, 3);
  } finally {
    await cluster.stop();
  }
});
