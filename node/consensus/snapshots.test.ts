import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from './pace.ts';
import { TestCluster } from './testing/cluster.ts';
import { VirtualWorld } from './testing/virtual-world.ts';

const VALUE = 'v'.repeat(200);

/** A cluster, one member of which lies so far behind that it needs the leader's snapshot. */
async function oneBehind(snapshotBytesPerSecond: number) {
  const cluster = await TestCluster.start(3, {
    snapshotEvery: 50,
    snapshotTail: 0,
    snapshotBytesPerSecond,
  });
  const behind = cluster.follower();
  cluster.network.isolate(behind.id);
  for (let round = 0; round < 6; round++) await writeSome(cluster, `r${round}`, 50);
  await cluster.world.run(500);
  assert.ok(cluster.leader.log.firstIndex() > 100);
  const { transport } = cluster.leader;
  // Of those who joined.
  transport.snapshotOffsets.length = 0;
  return { cluster, behind, transport };
}

async function writeSome(cluster: TestCluster, prefix: string, count: number): Promise<void> {
  const writes = Array.from({ length: count }, (_, n) =>
    cluster.write(cluster.leader, `${prefix}.${n}=${VALUE}`),
  );
  await cluster.world.settled(Promise.all(writes));
}

test('a snapshot whose link is cut goes on where it was, though there is a newer one', async () => {
  const { cluster, behind, transport } = await oneBehind(1 << 30);
  transport.cutSnapshots.push(4000, 2500);
  cluster.network.heal();
  await cluster.world.until('it is cut', () => transport.snapshotOffsets.length === 1);
  await cluster.world.settled(cluster.leader.consensus.takeSnapshot());
  await cluster.converge();
  assert.deepEqual(transport.snapshotOffsets, [0, 4000, 6500]);
  assert.equal(behind.consensus.state?.values.get('r5.49'), VALUE);
  await writeSome(cluster, 'after', 1);
  await cluster.converge();
});

test('where the log does not follow a broken off snapshot any more, the newest is sent anew', async () => {
  const { cluster, behind, transport } = await oneBehind(1 << 30);
  transport.cutSnapshots.push(4000);
  cluster.network.heal();
  await cluster.world.until('it is cut', () => transport.snapshotOffsets.length === 1);
  cluster.network.isolate(behind.id);
  for (let round = 0; round < 4; round++) await writeSome(cluster, `later${round}`, 60);
  await cluster.world.run(500);
  cluster.network.heal();
  await cluster.converge();
  assert.deepEqual(transport.snapshotOffsets, [0, 0]);
  assert.equal(behind.consensus.state?.values.get('later3.59'), VALUE);
});

test('a snapshot takes its time, and appends and heartbeats do not wait for it', async () => {
  const { cluster, behind, transport } = await oneBehind(20_000);
  const { leader } = cluster;
  const term = leader.consensus.leadingTerm;
  cluster.network.heal();
  const startedMs = cluster.world.clock.monotonicMs();
  let longestMs = 0;
  for (let n = 0; transport.snapshotOffsets.length === 0; n++) {
    const beforeMs = cluster.world.clock.monotonicMs();
    await writeSome(cluster, `during${n}`, 1);
    longestMs = Math.max(longestMs, cluster.world.clock.monotonicMs() - beforeMs);
    await cluster.world.run(50);
  }
  const tookMs = cluster.world.clock.monotonicMs() - startedMs;
  assert.ok(tookMs > 1500, `${tookMs} ms for 60 KB at 20 KB/s`);
  assert.ok(longestMs < 50, `a write took ${longestMs} ms meanwhile`);
  assert.equal(leader.consensus.leadingTerm, term);
  await cluster.converge();
  assert.equal(behind.consensus.state?.values.get('during0.0'), VALUE);
});

test('streams share one rate', async () => {
  const world = new VirtualWorld(1);
  const pace = new Pace(world.clock, 1_000_000);
  const startedMs = world.clock.monotonicMs();
  const all = [1, 2].map(async () => {
    let bytes = 0;
    for await (const chunk of pace.limit(chunksOf(10, 100_000))) bytes += chunk.length;
    return bytes;
  });
  assert.deepEqual(await world.settled(Promise.all(all)), [1_000_000, 1_000_000]);
  const tookMs = world.clock.monotonicMs() - startedMs;
  assert.ok(tookMs >= 1899 && tookMs < 2100, `${tookMs} ms for 2 MB at 1 MB/s`);
});

async function* chunksOf(count: number, bytes: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(bytes);
}
