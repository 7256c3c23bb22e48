import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster, type TestMember } from './serve-cluster.ts';
import { eventually } from './serve-process.ts';
import { allNotes } from './writers.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');

interface Answer {
  readonly status: number;
  readonly replayed: boolean;
  readonly body: string;
}

async function create(member: TestMember, key: string, text: string): Promise<Answer> {
  const response = await fetch(`${member.url}/api/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ text, round: 1 }),
    signal: AbortSignal.timeout(20_000),
  });
  const replayed = response.headers.get('idempotency-replayed') === 'true';
  return { status: response.status, replayed, body: await response.text() };
}

test('a request that is retried on another node after the leader was killed is not done twice', async () => {
  const cluster = await ServeCluster.start(MODEL, 3);
  try {
    const leader = await cluster.leader();
    const others = cluster.members.filter((member) => member !== leader);
    const first = await create(leader, 'order-1', 'once');
    assert.deepEqual([first.status, first.replayed], [201, false]);
    await leader.process.kill('SIGKILL');

    for (const member of others) {
      const again = await eventually('an answer', async () => {
        const answer = await create(member, 'order-1', 'once');
        return answer.status === 503 ? null : answer;
      });
      assert.deepEqual(again, { status: 201, replayed: true, body: first.body });
    }
    const [survivor] = others;
    assert.ok(survivor);
    assert.equal((await create(survivor, 'order-1', 'another body')).status, 422);
    assert.equal((await allNotes(survivor.url)).size, 1);
  } finally {
    await cluster.stop();
  }
});

test('a request that was under way when the leader died takes effect at most once', async (t) => {
  const cluster = await ServeCluster.start(MODEL, 3);
  try {
    const leader = await cluster.leader();
    const follower = cluster.members.find((member) => member !== leader) ?? leader;
    const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`);
    const underWay = Promise.all(keys.map((key) => create(follower, key, key).catch(() => null)));
    await leader.process.kill('SIGKILL');
    const answers = await underWay;
    const settled = answers.filter((answer) => answer?.status === 201).length;
    t.diagnostic(`${settled} of ${keys.length} were answered although the leader died`);
    for (const key of keys) {
      await eventually(`an answer to ${key}`, async () =>
        (await create(follower, key, key)).status === 201 ? true : null,
      );
    }
    const texts = [...(await allNotes(follower.url)).values()].sort();
    assert.deepEqual(texts, keys.toSorted());
  } finally {
    await cluster.stop();
  }
});
