import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TestCluster } from './testing/cluster.ts';

/** Of the defaults: six ticks of 50 ms without a leader before anybody campaigns. */
const SHORTEST_ELECTION_MS = 300;

async function withoutLeader(voters: number) {
  const cluster = await TestCluster.start(voters);
  await cluster.converge();
  await cluster.world.run(500);
  const lost = cluster.leader;
  cluster.crash(lost.id);
  const others = [...cluster.members.values()];
  const isLed = (): boolean => others.some(({ consensus }) => consensus.leading);
  const isTold = (): void => {
    for (const { transport } of others) transport.handler?.gone(lost.id);
  };
  return { cluster, lost, isLed, isTold };
}

describe('a leader whose process is gone', () => {
  for (const voters of [3, 5]) {
    test(`has a successor before an election timeout is over, of ${voters} voters`, async () => {
      const { cluster, isLed, isTold } = await withoutLeader(voters);
      isTold();
      await cluster.world.until('somebody leads', isLed, SHORTEST_ELECTION_MS - 100);
      const written = cluster.write(cluster.leader, 'a=1');
      assert.ok(await cluster.world.settled(written));
    });
  }

  test('is waited for by those that do not know of it', async () => {
    const { cluster, isLed } = await withoutLeader(3);
    await cluster.world.run(SHORTEST_ELECTION_MS - 100);
    assert.equal(isLed(), false);
    await cluster.world.until('somebody leads', isLed);
  });

  test('leads on where only one member takes it for gone, or all and wrongly', async () => {
    const cluster = await TestCluster.start(3);
    await cluster.converge();
    const { leader } = cluster;
    const { term } = leader.consensus.status();
    cluster.follower().transport.handler?.gone(leader.id);
    await cluster.world.run(1000);
    for (const { transport } of cluster.members.values()) transport.handler?.gone(leader.id);
    await cluster.world.run(1000);
    assert.equal(cluster.leader.id, leader.id);
    assert.equal(leader.consensus.status().term, term);
    for (const { consensus } of cluster.members.values()) {
      assert.equal(consensus.leader, leader.id);
    }
  });

  test('is not missed by anybody where somebody else is gone', async () => {
    const cluster = await TestCluster.start(3);
    await cluster.converge();
    const { leader } = cluster;
    const follower = cluster.follower();
    for (const { id, transport } of cluster.members.values()) {
      if (id !== follower.id) transport.handler?.gone(follower.id);
    }
    assert.ok(
      [...cluster.members.values()].every(({ consensus }) => consensus.leader === leader.id),
    );
    await cluster.world.run(1000);
    assert.equal(cluster.leader.id, leader.id);
  });
});
