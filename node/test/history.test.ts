import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster, type TestMember } from './serve-cluster.ts';
import { eventually } from './serve-process.ts';

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

async function archives(member: TestMember): Promise<string[]> {
  return readdir(join(member.dataDir, 'archive')).catch(() => []);
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
    assert.equal(code, 3);
    assert.match(member.process.output, /archive\/Product-.*\.arc is gone/);
  } finally {
    await cluster.stop();
  }
});
