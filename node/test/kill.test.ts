import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { random } from './random.ts';
import { ServeCluster, statusOf } from './serve-cluster.ts';
import { eventually, freePort, freePortFlags, LithairProcess } from './serve-process.ts';
import { allNotes, Writers } from './writers.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');
const KILLS = Number(process.env['KILLS'] ?? 100);
const SEED = Number(process.env['SEED'] ?? 20_260_101);
const WRITES_BEFORE_KILL = 100;

test(`one node: ${KILLS} kills lose nothing that was acknowledged`, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'lithair-kill-'));
  const port = await freePort();
  const words = ['serve', MODEL, '--data', directory, ...(await freePortFlags(port))];
  const url = `http://127.0.0.1:${port}`;
  let server = new LithairProcess(words);
  const writers = new Writers(8, () => [url]);
  const fraction = random(SEED);
  try {
    for (let round = 0; round < KILLS; round += 1) {
      await writeSome(writers, round, fraction).catch((error: unknown) => {
        throw new Error(`the node said: ${server.output.slice(-3000)}`, { cause: error });
      });
      await server.kill('SIGKILL');
      server = new LithairProcess(words);
    }
    await writeSome(writers, KILLS, fraction);
    await writers.end();
    assertKept(t, writers, await allNotes(url));
  } finally {
    await writers.end();
    await server.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
});

test(`three nodes: ${KILLS} kills of the leader lose nothing that was acknowledged`, async (t) => {
  const cluster = await ServeCluster.start(MODEL, 3);
  const writers = new Writers(8, () => cluster.members.map((member) => member.url));
  const fraction = random(SEED + 1);
  try {
    for (let round = 0; round < KILLS; round += 1) {
      await writeSome(writers, round, fraction);
      const leader = await cluster.leader();
      await leader.process.kill('SIGKILL');
      cluster.restart(leader);
      await caughtUp(cluster);
    }
    await writeSome(writers, KILLS, fraction);
    await writers.end();
    for (const member of cluster.members) assertKept(t, writers, await allNotes(member.url));
  } finally {
    await writers.end();
    await cluster.stop();
  }
});

/** Waits for the acknowledged writes of a round, then for a random moment. */
async function writeSome(writers: Writers, round: number, fraction: () => number): Promise<void> {
  writers.beginRound(round);
  const before = writers.acknowledged.size;
  await eventually(`acknowledged writes in round ${round}`, async () =>
    writers.acknowledged.size - before >= WRITES_BEFORE_KILL ? true : null,
  );
  await new Promise((resolve) => setTimeout(resolve, fraction() * 100));
}

/** A killed member counts again before the next one is killed: one failure at a time. */
async function caughtUp(cluster: ServeCluster): Promise<void> {
  await cluster.allReady();
  await cluster.leader();
  for (const member of cluster.members) {
    await eventually(`${member.name} to follow`, async () =>
      (await statusOf(member)) === null ? null : true,
    );
  }
}

function assertKept(t: TestContext, writers: Writers, found: Map<string, string>): void {
  const lost = [...writers.acknowledged].filter(([id, text]) => found.get(id) !== text);
  const invented = [...found].filter(([id, text]) => writers.sent.get(id) !== text);
  assert.deepEqual({ lost, invented }, { lost: [], invented: [] });
  const unacknowledged = found.size - writers.acknowledged.size;
  t.diagnostic(
    `${writers.acknowledged.size} acknowledged writes, all there; ${unacknowledged} others too`,
  );
}
