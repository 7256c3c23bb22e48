import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Message, MessageType } from 'etcd-raft-ts';
import { EngineError } from '../ports/index.ts';
import { TestCluster, type TestMember, TIMEOUT_MS } from './testing/cluster.ts';

test('the leader alone can tell that it has stored an entry; what it alone has may be lost', async () => {
  const cluster = await TestCluster.start(3);
  const old = cluster.leader;
  cluster.network.isolate(old.id);
  const weak = propose(old, 'weak=1', 'stored');
  await cluster.world.settled(weak.early);
  assert.equal(old.log.durableIndex, weak.index);
  cluster.kill(old.id);
  await cluster.world.until('another one leads', () => leads(cluster));
  await cluster.world.settled(cluster.write(cluster.leader, 'kept=1'));
  cluster.network.heal();
  const back = await cluster.restart(old);
  await cluster.converge();
  assert.deepEqual(shown(back, 'weak', 'kept'), [undefined, '1']);
});

test('entries go to the followers while the disk of the leader is at work, and count without it', async () => {
  const cluster = await TestCluster.start(3);
  const { leader } = cluster;
  const others = [...cluster.members.values()].filter((member) => member !== leader);
  const held: (() => void)[] = [];
  const save = leader.log.save.bind(leader.log);
  leader.log.save = (request, done) => void held.push(() => save(request, done));
  const written = cluster.write(leader, 'k=v');
  await cluster.world.until('the followers have applied it', () => {
    return others.every((member) => shown(member, 'k')[0] === 'v');
  });
  assert.deepEqual(shown(leader, 'k'), [undefined], 'what is not on its disk it does not show');
  leader.log.save = save;
  for (const begin of held) begin();
  await cluster.world.settled(written);
});

test('what was stored by the leader and reached the others outlives it', async () => {
  const cluster = await TestCluster.start(3);
  const old = cluster.leader;
  // The others have it, and the leader never hears of it.
  cluster.lose(MessageType.AppResp);
  await cluster.world.settled(propose(old, 'weak=1', 'stored').early);
  await cluster.world.run(20);
  cluster.kill(old.id);
  cluster.network.lost.clear();
  await cluster.world.until('another one leads', () => leads(cluster));
  await cluster.world.settled(cluster.write(cluster.leader, 'kept=1'));
  assert.deepEqual(shown(cluster.leader, 'weak', 'kept'), ['1', '1']);
});

test('an entry that is only taken is lost with the power; one that is stored is not', async () => {
  for (const [stage, left] of [
    ['taken', undefined],
    ['stored', '1'],
  ] as const) {
    const cluster = await TestCluster.start(1);
    await cluster.world.settled(cluster.write(cluster.member(1), 'before=1'));
    const { early, index } = propose(cluster.member(1), 'weak=1', stage);
    await cluster.world.settled(early);
    assert.equal(cluster.member(1).log.durableIndex >= index, stage === 'stored');
    const back = await cluster.world.settled(cluster.restartLater(cluster.crash(1)));
    await cluster.world.until('it leads again', () => back.consensus.leading);
    assert.deepEqual(shown(back, 'before', 'weak'), ['1', left]);
  }
});

test('an early stage fails where the whole certainly does', async () => {
  const cluster = await TestCluster.start(3);
  const old = cluster.leader;
  const weak = propose(old, 'weak=1', 'taken');
  cluster.kill(old.id);
  await assert.rejects(cluster.world.settled(weak.early), { code: 'stopped' });
});

test('proposals that nobody waits for count until their entries are applied', async () => {
  const cluster = await TestCluster.start(3, { maxPendingProposals: 10 });
  const { consensus } = cluster.leader;
  cluster.lose(MessageType.AppResp);
  const given = Array.from({ length: 10 }, (_, i) =>
    consensus.propose(Buffer.from(`k${i}=v`), 100),
  );
  const fates = Promise.allSettled(given.map(({ result }) => result));
  for (const { status } of await cluster.world.settled(fates)) assert.equal(status, 'rejected');
  assert.deepEqual([consensus.leading, consensus.pending.entries], [true, 10]);
  assert.throws(() => consensus.propose(Buffer.from('more=1'), 100), isOverloaded);

  cluster.network.lost.clear();
  await cluster.world.until('nothing is under way', () => consensus.pending.entries === 0);
  assert.deepEqual(consensus.pending, { entries: 0, bytes: 0 });
  assert.equal(consensus.state?.values.get('k9'), 'v', 'they did take effect');
  await cluster.world.settled(cluster.write(cluster.leader, 'more=1'));
});

test('entries that left the log of a replaced leader do not count for ever', async () => {
  const cluster = await TestCluster.start(3, { maxPendingProposals: 20 });
  const old = cluster.leader;
  cluster.network.isolate(old.id);
  const given = Array.from({ length: 20 }, (_, i) =>
    old.consensus.propose(Buffer.from(`k${i}=v`), 100),
  );
  const fates = Promise.allSettled(given.map(({ result }) => result));
  await cluster.world.settled(fates);
  await cluster.world.until('another one leads', () => leads(cluster) && cluster.leader !== old);
  cluster.network.heal();
  await cluster.converge();
  await cluster.world.run(200);
  assert.equal(old.consensus.pending.entries, 0);
});

test('a member that takes nothing is sent a bounded number of entries while the others go on', async () => {
  const limits = { maxInflightAppends: 16, maxInflightBytes: 64 * 1024, maxAppendBytes: 8 * 1024 };
  const cluster = await TestCluster.start(5, { ...limits, batchSize: 4 });
  const { leader } = cluster;
  const stopped = cluster.follower();
  const sent = entryBytesTo(leader, stopped.id);
  // Its machine takes what arrives, and it answers nothing: as a process that was stopped.
  cluster.network.isolate(stopped.id);
  const value = 'v'.repeat(1000);
  for (let round = 0; round < 50; round++) {
    const writes = Array.from({ length: 20 }, (_, i) =>
      cluster.write(leader, `k${round}-${i}=${value}`),
    );
    await cluster.world.settled(Promise.all(writes));
  }
  assert.equal(leader.consensus.pending.bytes, 0);
  assert.ok(sent() > 0);
  const bound = limits.maxInflightBytes + limits.maxAppendBytes;
  assert.ok(sent() <= bound, `${sent()} bytes of entries for a member that takes none`);
  cluster.network.heal();
  await cluster.converge();
  assert.equal(stopped.consensus.state?.values.get('k49-19'), value);
});

function propose(member: TestMember, text: string, stage: 'taken' | 'stored') {
  const { early, result, index } = member.consensus.propose(Buffer.from(text), TIMEOUT_MS, stage);
  result.catch(() => {});
  assert.ok(early !== null);
  return { early, index };
}

function leads(cluster: TestCluster): boolean {
  return [...cluster.members.values()].some(({ consensus }) => consensus.leading);
}

function shown(member: TestMember, ...keys: readonly string[]) {
  return keys.map((key) => member.consensus.state?.values.get(key));
}

function isOverloaded(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'overloaded';
}

/** Counts the bytes of entries that a member is sent from now on. */
function entryBytesTo({ transport }: TestMember, id: number): () => number {
  let bytes = 0;
  const send = transport.send.bind(transport);
  transport.send = (to: number, message: Message): void => {
    if (to === id) bytes += message.entries.reduce((sum, { data }) => sum + data.length, 0);
    send(to, message);
  };
  return () => bytes;
}
