import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster, statusOf, type TestMember } from './serve-cluster.ts';
import { eventually, lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'memos.yaml');
const JSON_BODY = { 'content-type': 'application/json' };

test('a node that is cut off takes writes, keeps them through kill -9, and all nodes agree in the end', async () => {
  const cluster = await ServeCluster.start(MODEL, 3);
  try {
    const [n1, n2, n3] = cluster.members;
    assert.ok(n1 !== undefined && n2 !== undefined && n3 !== undefined);
    await create(n1, 'kept', 'by all');
    await eventually('the first memo everywhere', () => textIs(n3, 'kept', 'by all'));

    // The others sleep: the third is alone, and soon knows that nobody leads.
    for (const member of [n1, n2]) member.process.signal('SIGSTOP');
    await eventually('the third to be without a leader', async () =>
      (await statusOf(n3))?.leader === 0 ? true : null,
    );
    assert.equal(await put(n3, 'kept', 'changed alone'), 200);
    assert.ok(await create(n3, 'both', 'of the third'));
    const burst = Array.from({ length: 200 }, (_, at) => create(n3, `alone-${at}`, `memo ${at}`));
    assert.ok((await Promise.all(burst)).every((done) => done === true));
    assert.equal(await remove(n3, 'alone-7'), 204);
    assert.equal((await noteAt(n3)).status, 503, 'the other model needs a quorum');

    // It is killed, starts again on its disk, alone still, and is killed once more.
    await n3.process.kill('SIGKILL');
    cluster.restart(n3);
    await eventually('what it took', () => textIs(n3, 'alone-199', 'memo 199'));
    for (let at = 0; at < 200; at++) {
      assert.equal(await text(n3, `alone-${at}`), at === 7 ? 404 : `memo ${at}`);
    }
    assert.equal(await text(n3, 'kept'), 'changed alone');
    assert.ok(await create(n3, 'after', 'the kill'));
    await n3.process.kill('SIGKILL');
    await waitsInOutbox(n3, ['kept', 'both', 'alone-0', 'alone-199', 'after']);

    // Meanwhile, on the other side.
    for (const member of [n1, n2]) member.process.signal('SIGCONT');
    assert.ok(await create(n1, 'both', 'of the majority'));
    await eventually('the majority orders', () => textIs(n2, 'both', 'of the majority'));

    cluster.restart(n3);
    for (const member of cluster.members) {
      await eventually(`${member.name} to hear of all`, () => textIs(member, 'after', 'the kill'));
      await eventually('the later write', () => textIs(member, 'both', 'of the majority'));
      assert.equal(await text(member, 'kept'), 'changed alone');
      assert.equal(await text(member, 'alone-7'), 404);
      const page = await json(member, '/api/memos?count=true&limit=1000');
      assert.equal(page.page.total, 202);
    }
    const histories = await Promise.all(
      cluster.members.map(async (member) => (await json(member, '/api/memos/both/history')).data),
    );
    const [first] = histories;
    assert.deepEqual(
      first?.map(({ overridden, data }) => [overridden ?? false, data?.text]),
      [
        [true, 'of the third'],
        [false, 'of the majority'],
      ],
      'the write that lost is in the history',
    );
    for (const other of histories) assert.deepEqual(other, first);
  } finally {
    for (const member of cluster.members) member.process.signal('SIGCONT');
    await cluster.stop();
  }
});

/** What nobody else has is told from the disk alone. */
async function waitsInOutbox({ dataDir }: TestMember, ids: readonly string[]): Promise<void> {
  const { code, output } = await lithair('log', dataDir, '--outbox');
  assert.equal(code, 0, output);
  const writes: readonly { readonly id: string; readonly effect: string }[] = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(writes.length, 204);
  for (const id of ids) assert.ok(writes.some((write) => write.id === id));
  assert.ok(writes.some(({ id, effect }) => id === 'alone-7' && effect === 'deleted'));
}

async function create(member: TestMember, id: string, content: string): Promise<true | null> {
  const response = await fetch(`${member.url}/api/memos`, {
    method: 'POST',
    headers: JSON_BODY,
    body: JSON.stringify({ id, text: content }),
    signal: AbortSignal.timeout(10_000),
  });
  await response.arrayBuffer();
  if (response.status !== 201) return null;
  assert.equal(response.headers.get('lithair-durability'), 'local');
  assert.equal(response.headers.get('lithair-index'), null);
  return true;
}

async function put(member: TestMember, id: string, content: string): Promise<number> {
  const response = await fetch(`${member.url}/api/memos/${id}`, {
    method: 'PUT',
    headers: JSON_BODY,
    body: JSON.stringify({ text: content }),
  });
  await response.arrayBuffer();
  return response.status;
}

async function remove(member: TestMember, id: string): Promise<number> {
  const response = await fetch(`${member.url}/api/memos/${id}`, { method: 'DELETE' });
  await response.arrayBuffer();
  return response.status;
}

async function noteAt(member: TestMember): Promise<Response> {
  const body = JSON.stringify({ text: 'needs a quorum' });
  return await fetch(`${member.url}/api/notes`, { method: 'POST', headers: JSON_BODY, body });
}

async function textIs(member: TestMember, id: string, wanted: string): Promise<true | null> {
  return (await text(member, id)) === wanted ? true : null;
}

/** The memo's text, or the status where there is none. */
async function text(member: TestMember, id: string): Promise<string | number> {
  const response = await fetch(`${member.url}/api/memos/${id}`, {
    signal: AbortSignal.timeout(10_000),
  });
  const body: unknown = await response.json();
  if (!response.ok) return response.status;
  return typeof body === 'object' && body !== null && 'text' in body ? String(body.text) : '';
}

interface Page {
  readonly data: readonly {
    readonly overridden?: boolean;
    readonly data: { readonly text: string } | null;
  }[];
  readonly page: { readonly total: number };
}

async function json(member: TestMember, path: string): Promise<Page> {
  const response = await fetch(`${member.url}${path}`);
  assert.equal(response.status, 200);
  const body: Page = JSON.parse(await response.text());
  return body;
}
