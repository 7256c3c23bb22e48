import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { ConfChangeType, type Message, MessageType } from 'etcd-raft-ts';
import { EngineError } from '../ports/index.ts';
import { ConsensusError } from './index.ts';
import { changeOf, envelopeOf, TestCluster, TIMEOUT_MS } from './testing/cluster.ts';

const STRONG = { consistency: 'strong', minIndex: 0, timeoutMs: 2000 } as const;

test('a single member leads at once, and what it acknowledges is applied', async () => {
  const cluster = await TestCluster.start(1);
  const { consensus } = cluster.member(1);
  await cluster.world.settled(cluster.write(cluster.member(1), 'a=1'));
  assert.equal(consensus.state?.values.get('a'), '1');
  assert.equal(consensus.readBarrier(STRONG), null);
});

test('proposals of one turn share one write to disk and resolve in order', async () => {
  const cluster = await TestCluster.start(1);
  const member = cluster.member(1);
  await cluster.world.run(200);
  const { batches } = member.log.statistics;
  const order: number[] = [];
  const writes = Array.from({ length: 50 }, (_, i) =>
    cluster.write(member, `k${i}=v`).then(() => order.push(i)),
  );
  await cluster.world.settled(Promise.all(writes));
  assert.equal(member.log.statistics.batches, batches + 1);
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
});

test('an append holds no more proposals than a batch may', async () => {
  const cluster = await TestCluster.start(3, { batchSize: 4 });
  const { leader } = cluster;
  const sizes: number[] = [];
  const send = leader.transport.send.bind(leader.transport);
  leader.transport.send = (to: number, message: Message): void => {
    if (message.entries.length > 0) sizes.push(message.entries.length);
    send(to, message);
  };
  const writes = Array.from({ length: 20 }, (_, i) => cluster.write(leader, `k${i}=v`));
  await cluster.world.settled(Promise.all(writes));
  assert.equal(Math.max(...sizes), 4);
});

test('what one member acknowledges is applied by all', async () => {
  const cluster = await TestCluster.start(3);
  await cluster.world.settled(
    Promise.all(Array.from({ length: 500 }, (_, i) => cluster.write(cluster.leader, `k${i}=${i}`))),
  );
  await cluster.converge();
  for (const { consensus } of cluster.members.values()) {
    assert.equal(consensus.state?.values.size, 500);
  }
});

test('a killed leader is replaced and everything acknowledged is still there', async () => {
  const cluster = await TestCluster.start(3);
  await cluster.world.settled(cluster.write(cluster.leader, 'before=1'));
  const killed = cluster.kill(cluster.leader.id);
  await cluster.world.until('another one leads', () => leads(cluster));
  await cluster.world.settled(cluster.write(cluster.leader, 'after=1'));
  const back = await cluster.restart(killed);
  await cluster.converge();
  assert.equal(back.consensus.state?.values.get('before'), '1');
  assert.equal(back.consensus.state?.values.get('after'), '1');
});

test('a proposal that another leader replaced is rejected as lost, and has no effect', async () => {
  const cluster = await TestCluster.start(3);
  const old = cluster.leader;
  cluster.network.isolate(old.id);
  const fate = outcomeOf(cluster.write(old, 'lost=1'));
  await cluster.world.until('another one leads', () => leads(cluster) && cluster.leader !== old);
  await cluster.world.settled(cluster.write(cluster.leader, 'kept=1'));
  cluster.network.heal();
  const error = await cluster.world.settled(fate);
  assert.ok(error instanceof ConsensusError && error.code === 'proposal_lost');
  await cluster.converge();
  assert.equal(old.consensus.state?.values.has('lost'), false);
});

test('a proposal whose fate stays unknown is given up at its deadline as such', async () => {
  const cluster = await TestCluster.start(3);
  const old = cluster.leader;
  cluster.network.isolate(old.id);
  const error = await cluster.world.settled(outcomeOf(cluster.write(old, 'unknown=1')));
  assert.ok(error instanceof EngineError && error.code === 'outcome_unknown');
});

test('a follower refuses to propose', async () => {
  const cluster = await TestCluster.start(3);
  const follower = cluster.follower();
  assert.throws(() => follower.consensus.propose(Buffer.from('a=1'), TIMEOUT_MS), {
    code: 'not_leader',
  });
});

test('proposals beyond the bound are refused, and those within it are not harmed', async () => {
  const cluster = await TestCluster.start(1, { maxPendingProposals: 10 });
  const member = cluster.member(1);
  const writes = Array.from({ length: 10 }, (_, i) => cluster.write(member, `k${i}=v`));
  assert.throws(() => cluster.write(member, 'k10=v'), { code: 'overloaded' });
  await cluster.world.settled(Promise.all(writes));
  await cluster.world.settled(cluster.write(member, 'k11=v'));
});

test('a strong read on any member sees what was acknowledged before it began', async () => {
  const cluster = await TestCluster.start(3);
  for (let i = 0; i < 20; i++) {
    await cluster.world.settled(cluster.write(cluster.leader, `n=${i}`));
    for (const { consensus } of cluster.members.values()) {
      await cluster.world.settled(consensus.readBarrier(STRONG) ?? Promise.resolve());
      assert.equal(consensus.state?.values.get('n'), String(i));
    }
  }
});

test('a leader that was cut off never answers a strong read', async () => {
  const cluster = await TestCluster.start(3);
  const old = cluster.leader;
  cluster.network.isolate(old.id);
  assert.ok(old.consensus.leading);
  const error = await cluster.world.settled(outcomeOf(old.consensus.readBarrier(STRONG)));
  assert.ok(error instanceof EngineError && error.code === 'unavailable');
  assert.equal(old.consensus.leading, false);
});

test('a read whose confirmation got lost is asked again', async () => {
  const cluster = await TestCluster.start(3);
  const follower = cluster.follower();
  cluster.lose(MessageType.ReadIndexResp);
  const read = cluster.world.settled(follower.consensus.readBarrier(STRONG) ?? Promise.resolve());
  cluster.world.clock.after(300, () => cluster.network.lost.clear());
  await read;
});

test('reads share heartbeats: all that come before one is sent are confirmed by it', async () => {
  const cluster = await TestCluster.start(3);
  const { consensus, transport } = cluster.leader;
  let heartbeats = 0;
  const send = transport.send.bind(transport);
  transport.send = (to: number, message: Message): void => {
    if (message.type === MessageType.Heartbeat) heartbeats += 1;
    send(to, message);
  };
  const read = () => consensus.readBarrier(STRONG) ?? Promise.resolve();
  const reads = Array.from({ length: 500 }, read);
  await cluster.world.settled(Promise.all(reads));
  // One to each follower, and perhaps those of a tick.
  assert.ok(heartbeats >= 2 && heartbeats <= 4, `${heartbeats} heartbeats for 500 reads`);
});

test('reads survive a change of leader', async () => {
  const cluster = await TestCluster.start(3);
  const follower = cluster.follower();
  cluster.kill(cluster.leader.id);
  await cluster.world.settled(follower.consensus.readBarrier(STRONG) ?? Promise.resolve());
  assert.ok(leads(cluster));
});

test('a strong read right after a restart sees what was acknowledged before it', async () => {
  const cluster = await TestCluster.start(1);
  await cluster.world.settled(cluster.write(cluster.member(1), 'a=1'));
  const restarted = cluster.restart(cluster.crash(1));
  while (!cluster.members.has(1)) await new Promise((resolve) => setImmediate(resolve));
  const { consensus } = cluster.member(1);
  const seen = (consensus.readBarrier(STRONG) ?? Promise.resolve()).then(() =>
    consensus.state?.values.get('a'),
  );
  assert.equal(await cluster.world.settled(restarted.then(() => seen)), '1');
});

test('a follower that fell behind the log gets a snapshot and goes on', async () => {
  const cluster = await TestCluster.start(3, { snapshotEvery: 100, snapshotTail: 10 });
  const killed = cluster.kill(cluster.follower().id);
  for (let i = 0; i < 10; i++) {
    const writes = Array.from({ length: 50 }, (_, n) =>
      cluster.write(cluster.leader, `k${i}.${n}=v`),
    );
    await cluster.world.settled(Promise.all(writes));
  }
  await cluster.world.run(500);
  assert.ok(cluster.leader.log.firstIndex() > 300);
  const back = await cluster.restart(killed);
  await cluster.converge();
  assert.equal(back.consensus.state?.values.size, 500);
  assert.ok(cluster.world.lines.some((line) => line.includes(`m${killed.id} info installed`)));
});

test('a member that was removed is told so, and the others go on without it', async () => {
  const cluster = await TestCluster.start(3);
  const { id } = cluster.follower();
  await cluster.world.settled(
    cluster.leader.consensus.proposeChange(changeOf(ConfChangeType.RemoveNode, id), TIMEOUT_MS)
      .result,
  );
  assert.deepEqual(cluster.leader.consensus.confState.voters.includes(id), false);
  cluster.kill(id);
  await cluster.world.settled(cluster.write(cluster.leader, 'after=1'));
});

test('a command goes to the leader from any member', async () => {
  const cluster = await TestCluster.start(3);
  const submitted = cluster.follower().consensus.submit(envelopeOf('m', '1', null));
  assert.equal((await cluster.world.settled(submitted)).kind, 'applied');
  assert.equal(cluster.leader.consensus.state?.values.get('m'), '"1"');
});

test('a lost answer is an unknown outcome without a key, and never sent twice', async () => {
  const cluster = await TestCluster.start(3);
  const follower = cluster.follower();
  follower.transport.loseAnswers = true;
  const fate = outcomeOf(follower.consensus.submit(envelopeOf('m', '1', null)));
  const error = await cluster.world.settled(fate);
  assert.ok(error instanceof EngineError && error.code === 'outcome_unknown');
  assert.equal(follower.transport.requests, 1);
  assert.equal(cluster.leader.consensus.state?.counts.get('m="1"'), 1);
});

test('with a key, a command is retried on the next leader and takes effect exactly once', async () => {
  const cluster = await TestCluster.start(3);
  const old = cluster.leader;
  const follower = cluster.follower();
  follower.transport.loseAnswers = true;
  const submitted = follower.consensus.submit(envelopeOf('m', '1', 'key'));
  await cluster.world.run(60);
  cluster.kill(old.id);
  follower.transport.loseAnswers = false;
  const outcome = await cluster.world.settled(submitted);
  assert.equal(outcome.kind === 'applied' && outcome.replayed, true);
  await cluster.converge();
  assert.equal(follower.consensus.state?.counts.get('key="1"'), 1);
});

test('a command waits for a leader until its deadline, and then had no effect', async () => {
  const cluster = await TestCluster.start(3);
  const follower = cluster.follower();
  cluster.network.isolate(follower.id);
  const fate = outcomeOf(follower.consensus.submit(envelopeOf('m', '1', null)));
  const error = await cluster.world.settled(fate);
  assert.ok(error instanceof EngineError && error.code === 'unavailable');
});

test('leadership moves on request, and with a graceful stop', async () => {
  const cluster = await TestCluster.start(3);
  const first = cluster.leader;
  const target = cluster.follower();
  await cluster.world.settled(first.consensus.transferLeadership(2000, target.id));
  await cluster.world.until('the target leads', () => target.consensus.leading, 200);
  const write = cluster.write(target, 'a=1');
  const stopped = target.consensus.stop(2000);
  await cluster.world.settled(Promise.all([write, stopped]));
  await cluster.world.until('another one leads', () => leads(cluster), 200);
});

test('a disk that fails stops the member, and what it could not write is never acknowledged', async () => {
  const cluster = await TestCluster.start(1);
  const member = cluster.member(1);
  member.fs.injectFaults(({ kind }) => (kind === 'sync' ? new Error('EIO') : null));
  const error = await cluster.world.settled(outcomeOf(cluster.write(member, 'a=1')));
  assert.ok(error instanceof EngineError && error.code === 'outcome_unknown');
  assert.equal(member.failures.length, 1);
  assert.throws(() => cluster.write(member, 'b=1'), { code: 'stopped' });
});

test('an entry that became unreadable ends the member that would have to send it', async () => {
  const cluster = await TestCluster.start(3);
  const behind = cluster.kill(cluster.follower().id);
  await cluster.world.settled(cluster.write(cluster.leader, 'marker=1'));
  await cluster.converge();
  const ids = Array.from(cluster.members.keys());
  for (const id of ids) await cluster.restart(cluster.kill(id));
  await cluster.world.until('one leads again', () => leads(cluster));
  const { leader } = cluster;
  const segment = leader.fs.contentOf('/data/events.raftlog/0000000000000001.seg');
  const at = Buffer.from(segment.buffer).indexOf('marker=1');
  assert.ok(at > 0);
  segment[at] = 0;
  await cluster.restart(behind);
  await cluster.world.until('the leader has stopped', () => leader.failures.length > 0);
  assert.match(leader.failures[0]?.message ?? '', /does not match its checksum/);
  assert.equal(leader.consensus.leading, false);
});

test('a snapshot that arrives while another one is installed is refused, and harms nothing', async () => {
  const cluster = await TestCluster.start(3, { snapshotEvery: 20, snapshotTail: 1 });
  const member = cluster.follower();
  cluster.network.isolate(member.id);
  for (let i = 0; i < 50; i++) {
    await cluster.world.settled(cluster.write(cluster.leader, `k${i}=v`));
  }
  const { handler } = member.transport;
  assert.ok(handler !== null);
  const take = handler.snapshot.bind(handler);
  let refusal: unknown = null;
  handler.snapshot = async (from, message, chunks, offset) => {
    const bytes: Uint8Array[] = [];
    for await (const chunk of chunks) bytes.push(chunk);
    const again = structuredClone(message);
    await take(from, message, Readable.from(bytes), offset);
    refusal ??= await outcomeOf(take(from, again, Readable.from(bytes), 0));
  };
  cluster.network.heal();
  await cluster.converge();
  assert.match(String(refusal), /being installed/);
  assert.deepEqual(member.failures, []);
  assert.equal(member.consensus.state?.values.size, 50);
});

test('leadership is announced once the own first entry is applied, and its end is told', async () => {
  const cluster = await TestCluster.start(3);
  const { consensus, id } = cluster.leader;
  const events: string[] = [];
  consensus.onLeadership(({ leading, term }) => events.push(`${leading} ${term}`));
  const term = consensus.leadingTerm;
  cluster.network.isolate(id);
  await cluster.world.until('it steps down', () => !consensus.leading);
  assert.deepEqual(events, [`true ${term}`, `false ${term}`]);
});

function leads(cluster: TestCluster): boolean {
  return [...cluster.members.values()].some(({ consensus }) => consensus.leading);
}

/** The error that a promise rejects with; null where it resolves. */
async function outcomeOf(promise: Promise<unknown> | null): Promise<unknown> {
  try {
    await promise;
    return null;
  } catch (error) {
    return error;
  }
}
