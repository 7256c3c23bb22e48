import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MountedDisk, whyNoDisk } from './mounted-disk.ts';
import { random } from './random.ts';
import { eventually, freePort, freePortFlags, LithairProcess } from './serve-process.ts';
import { allNotes, Writers } from './writers.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');
const ROUNDS = Number(process.env['ROUNDS'] ?? 3);
const SEED = Number(process.env['SEED'] ?? 20_260_102);
const DISK_BYTES = 512 * 1024 * 1024;
const WRITES_BEFORE_LOSS = 100;

const skip = whyNoDisk(() => MountedDisk.ext4(DISK_BYTES)) ?? false;

test(`${ROUNDS} power losses in the middle of writes lose nothing acknowledged`, {
  skip,
}, async (t) => {
  const disk = MountedDisk.ext4(DISK_BYTES);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const data = join(disk.path, 'new', 'data');
  const words = ['serve', MODEL, '--data', data, '--reserve', '64', ...(await freePortFlags(port))];
  const writers = new Writers(16, () => [url]);
  const fraction = random(SEED);
  let server = new LithairProcess(words);
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await writeSome(writers, round, server);
      // The first ones come right after the first acknowledgements of a new directory.
      await new Promise((resolve) => setTimeout(resolve, fraction() * 400));
      disk.shutDown();
      await failedStop(server);
      disk.unmount();
      disk.mount();
      server = new LithairProcess(words);
      await served(url, server);
      await assertKept(t, round, writers, url);
    }
    await writeSome(writers, ROUNDS, server);
    await writers.end();
    await assertKept(t, ROUNDS, writers, url);
    const log = new LithairProcess(['log', data, '--verify']);
    assert.equal((await log.ended).code, 0, log.output);
  } finally {
    await writers.end();
    await server.kill('SIGKILL');
    disk.dispose();
  }
});

async function writeSome(writers: Writers, round: number, server: LithairProcess): Promise<void> {
  writers.beginRound(round);
  const before = writers.acknowledged.size;
  const wanted = round === 0 ? 1 : WRITES_BEFORE_LOSS;
  await eventually(`acknowledged writes in round ${round}`, async () =>
    writers.acknowledged.size - before >= wanted ? true : null,
  ).catch((error: unknown) => {
    throw new Error(`the node said: ${server.output.slice(-3000)}`, { cause: error });
  });
}

/** A node that meets a dead disk ends by itself, and says why in one line. */
async function failedStop(server: LithairProcess): Promise<void> {
  const { code } = await server.ended;
  assert.equal(code, 4, server.output.slice(-3000));
  assert.match(server.output, /\nlithair: (writing|syncing) \S+ failed: EIO/);
}

function served(url: string, server: LithairProcess): Promise<true> {
  const ready = eventually('a node that recovered', async () => {
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    return answer?.status === 200 ? true : null;
  });
  const ended = server.ended.then((): never => {
    throw new Error(`the node ended and said: ${server.output.slice(-3000)}`);
  });
  return Promise.race([ready, ended]);
}

/** What was acknowledged before the notes are read is there, and nothing that nobody sent. */
async function assertKept(
  t: TestContext,
  round: number,
  writers: Writers,
  url: string,
): Promise<void> {
  const acknowledged = [...writers.acknowledged];
  const found = await allNotes(url);
  const lost = acknowledged.filter(([id, text]) => found.get(id) !== text);
  const invented = [...found].filter(([id, text]) => writers.sent.get(id) !== text);
  assert.deepEqual({ lost, invented }, { lost: [], invented: [] });
  t.diagnostic(`round ${round}: ${acknowledged.length} acknowledged writes are there`);
}
