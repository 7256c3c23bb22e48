import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ServeCluster, type TestMember } from './serve-cluster.ts';
import { eventually } from './serve-process.ts';

const MODEL = `
apiVersion: lithair.dev/v1alpha1
kind: LithairModel
metadata: {name: readings}
spec:
  auth: {mode: open}
  models:
    - name: Order
      fields: [{name: id, type: string, primaryKey: true}, {name: text, type: string}]
    - name: Reading
      fields: [{name: id, type: string, primaryKey: true}, {name: text, type: string}]
      persistence: {durability: leader}
    - name: Tick
      fields: [{name: id, type: string, primaryKey: true}, {name: text, type: string}]
      persistence: {durability: periodic, consistency: sequential}
`;
const directory = await mkdtemp(join(tmpdir(), 'lithair-durability-'));
after(() => rm(directory, { recursive: true, force: true }));

interface Answer {
  readonly status: number;
  readonly durability: string | null;
  readonly token: string | null;
  readonly replayed: string | null;
}

async function put(
  member: TestMember,
  path: string,
  headers: Record<string, string> = { 'if-none-match': '*' },
): Promise<Answer> {
  const response = await fetch(`${member.url}/api/${path}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ text: path }),
    signal: AbortSignal.timeout(20_000),
  });
  await response.arrayBuffer();
  return {
    status: response.status,
    durability: response.headers.get('lithair-durability'),
    token: response.headers.get('lithair-index'),
    replayed: response.headers.get('idempotency-replayed'),
  };
}

async function statusOfRead(member: TestMember, path: string): Promise<number> {
  const response = await fetch(`${member.url}/api/${path}`, {
    headers: { 'lithair-consistency': 'strong' },
    signal: AbortSignal.timeout(20_000),
  });
  await response.arrayBuffer();
  return response.status;
}

/**
 * Ends the followers while the leader sleeps, has it wake up to a write before it can know that it
 * is alone, and ends it, too. The followers go on: what only the leader had is gone.
 */
async function loseLeaderAfter(cluster: ServeCluster, path: string): Promise<Answer | null> {
  const leader = await cluster.leader();
  const others = cluster.members.filter((member) => member !== leader);
  leader.process.signal('SIGSTOP');
  await Promise.all(others.map(({ process }) => process.kill('SIGKILL')));
  const asked = put(leader, path).catch(() => null);
  await quiet(100);
  leader.process.signal('SIGCONT');
  const answer = await Promise.race([asked, quiet(3000)]);
  await leader.process.kill('SIGKILL');
  for (const member of others) cluster.restart(member);
  await cluster.ready(others);
  const after = await put(others[0] ?? leader, `orders/after-${path.replace('/', '-')}`);
  assert.equal(after.status, 201);
  cluster.restart(leader);
  await cluster.allReady();
  return answer;
}

function quiet(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), ms));
}

test('how durable a write is when it is answered is what its model says, and the answer tells', async () => {
  const model = join(directory, 'model.yaml');
  await writeFile(model, MODEL);
  const cluster = await ServeCluster.start(model, 3);
  try {
    const leader = await cluster.leader();
    const follower = cluster.members.find((member) => member !== leader) ?? leader;

    // Through any member alike.
    for (const member of [leader, follower]) {
      const strong = await put(member, `orders/${member.name}`);
      assert.deepEqual([strong.status, strong.durability], [201, null]);
      assert.notEqual(strong.token, null);
      for (const [path, durability] of [
        ['readings', 'leader'],
        ['ticks', 'periodic'],
      ] as const) {
        const weak = await put(member, `${path}/${member.name}`);
        assert.deepEqual(weak, { status: 201, durability, token: null, replayed: null });
      }
    }

    // A condition is checked against what was answered before, applied or not; a key is kept once.
    assert.equal((await put(leader, 'readings/r1')).status, 201);
    assert.equal((await put(leader, 'readings/r1')).status, 412);
    const key = { 'idempotency-key': 'once' };
    const [first, again] = [
      await put(follower, 'ticks/n1', key),
      await put(leader, 'ticks/n1', key),
    ];
    assert.deepEqual([first.status, first.replayed], [200, null]);
    assert.deepEqual([again.status, again.replayed], [200, 'true']);

    // A majority is not asked for: alone, the leader still answers, and it is lost with it.
    const lost = await eventually('the leader to answer alone', async () => {
      const path = `readings/lost-${Date.now()}`;
      const answer = await loseLeaderAfter(cluster, path);
      return answer?.status === 201 ? { path, answer } : null;
    });
    assert.equal(lost.answer.durability, 'leader');
    for (const member of cluster.members) {
      assert.equal(await statusOfRead(member, lost.path), 404);
    }

    // A majority is never done without, and what it has is never lost.
    const unanswered = await loseLeaderAfter(cluster, 'orders/alone');
    assert.ok(unanswered === null || unanswered.status >= 500, JSON.stringify(unanswered));
    for (const member of cluster.members) {
      assert.equal(await statusOfRead(member, `orders/${leader.name}`), 200);
      assert.equal(await statusOfRead(member, `orders/${follower.name}`), 200);
    }
  } finally {
    await cluster.stop();
  }
});
