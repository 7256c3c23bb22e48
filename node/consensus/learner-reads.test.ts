import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfChangeType } from 'etcd-raft-ts';
import { EngineError, type ReadDemand } from '../ports/index.ts';
import { TestCluster, type TestMember } from './testing/cluster.ts';

const demand = (consistency: ReadDemand['consistency'], minIndex = 0): ReadDemand => {
  return { consistency, minIndex, timeoutMs: 1000 };
};

const unavailable = (error: unknown) =>
  error instanceof EngineError && error.code === 'unavailable';

async function withLearner() {
  const cluster = await TestCluster.start(3);
  await cluster.change(ConfChangeType.AddLearnerNode, 4);
  const learner = await cluster.open(4);
  await cluster.world.until('it is caught up', () => learner.consensus.caughtUp);
  return { cluster, learner };
}

async function read(cluster: TestCluster, member: TestMember, wanted: ReadDemand) {
  await cluster.world.settled(member.consensus.readBarrier(wanted) ?? Promise.resolve());
  return member.consensus.state?.values.get('k');
}

test('a strong read on a learner sees what was acknowledged before it began', async () => {
  const { cluster, learner } = await withLearner();
  for (let i = 0; i < 20; i++) {
    await cluster.world.settled(cluster.write(cluster.leader, `k=${i}`));
    assert.equal(await read(cluster, learner, demand('strong')), String(i));
  }
});

test('a session goes from node to node: it reads its writes, and never goes back', async () => {
  const { cluster, learner } = await withLearner();
  const others = [...cluster.members.values()].filter((member) => member !== learner);
  for (let i = 0; i < 20; i++) {
    const { index } = await cluster.world.settled(cluster.write(cluster.leader, `k=${i}`));
    const first = i % 2 === 0 ? learner : (others[i % 3] ?? learner);
    assert.equal(await read(cluster, first, demand('sequential', index)), String(i));
    const seen = first.consensus.applied;
    const next = others[(i + 1) % 3] ?? learner;
    assert.equal(await read(cluster, next, demand('sequential', seen)), String(i));
    assert.ok(next.consensus.applied >= seen);
  }
});

test('a learner that is cut off answers as far as it can, and refuses what it cannot know', async () => {
  const { cluster, learner } = await withLearner();
  const { index } = await cluster.world.settled(cluster.write(cluster.leader, 'k=old'));
  await cluster.converge();
  cluster.network.isolate(learner.id);
  const newer = await cluster.world.settled(cluster.write(cluster.leader, 'k=new'));

  assert.equal(learner.consensus.readBarrier(demand('eventual')), null);
  assert.equal(learner.consensus.readBarrier(demand('sequential', index)), null);
  assert.equal(learner.consensus.state?.values.get('k'), 'old');
  await assert.rejects(read(cluster, learner, demand('strong')), unavailable);
  await assert.rejects(read(cluster, learner, demand('sequential', newer.index)), unavailable);

  cluster.network.heal();
  assert.equal(await read(cluster, learner, demand('strong')), 'new');
});

test('a learner that starts again, cut off, shows nothing before it shows what it had shown', async () => {
  const { cluster, learner } = await withLearner();
  const { index } = await cluster.world.settled(cluster.write(cluster.leader, 'k=shown'));
  // The disk hears of a commit together with what comes next.
  await cluster.world.settled(cluster.write(cluster.leader, 'other=1'));
  await cluster.world.until('its disk knows', () => commitOnDisk(learner) >= index);
  cluster.network.isolate(learner.id);

  const restarted = cluster.restart(cluster.kill(learner.id));
  while (!cluster.members.has(learner.id)) await new Promise((resolve) => setImmediate(resolve));
  const { consensus } = cluster.member(learner.id);
  assert.ok(consensus.applied < index, 'the test comes too late');
  const seen = (consensus.readBarrier(demand('eventual')) ?? Promise.resolve()).then(() =>
    consensus.state?.values.get('k'),
  );
  assert.equal(await cluster.world.settled(restarted.then(() => seen)), 'shown');
  assert.equal(consensus.readBarrier(demand('eventual')), null);
});

function commitOnDisk({ log }: TestMember): number {
  return log.initialState().hardState?.commit ?? 0;
}
