import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEntry } from '../entry/index.ts';
import { CLUSTER, clock, logger, seeded } from './fixture.ts';
import {
  type FileSystem,
  type Journal,
  MemoryFileSystem,
  openDataDirectory,
  verifyOutbox,
} from './index.ts';
import { DiskModel } from './testing/disk-model.ts';
import { Trace } from './testing/trace.ts';
import { TracedDisk, TracedFileSystem } from './testing/traced-file-system.ts';

const DIR = '/data';
const LIMITS = { segmentBytes: 16 * 1024, maxBatchBytes: 3000 };
const IDENTITY = { diskUuid: 'd1', name: 'n1', clusterId: CLUSTER, memberId: 1 };

async function open(fs: FileSystem) {
  const directory = await openDataDirectory({ dir: DIR, fs, clock, random: seeded(3), logger });
  if (directory.identity === null) await directory.writeIdentity(IDENTITY);
  return { directory, journal: await directory.openOutbox(LIMITS) };
}

/** A record that tells its place, some of them larger than a batch. */
function recordAt(sequence: number): Uint8Array {
  const id = String(sequence).padEnd(sequence % 9 === 0 ? 4000 : 20 + ((sequence * 37) % 300), 'x');
  return encodeEntry({
    kind: 'localWrites',
    memberId: 1,
    timestampMs: sequence,
    schemaVersion: 1,
    origin: 1,
    firstSequence: sequence,
    writes: [
      {
        stamp: { wallMs: sequence, counter: 0 },
        actor: { subject: 's', method: 'none' },
        idempotency: null,
        changes: [{ effect: 'deleted', model: 'Memo', id }],
      },
    ],
  });
}

function append(journal: Journal, done: (sequence: number) => void): void {
  const sequence = journal.last + 1;
  journal.append(recordAt(sequence), () => done(sequence));
}

function appended(journal: Journal): Promise<number> {
  return new Promise((resolve) => append(journal, resolve));
}

function checkContent(journal: Journal): void {
  let next = journal.trimmed + 1;
  for (const { sequence, data } of journal.records()) {
    assert.equal(sequence, next);
    assert.ok(Buffer.compare(data, recordAt(sequence)) === 0, `record ${sequence}`);
    next += 1;
  }
  assert.equal(next, journal.last + 1);
}

test('a journal gives back what was appended, goes on behind what was given up, and uses space again', async () => {
  const fs = new MemoryFileSystem();
  const { directory, journal } = await open(fs);
  assert.deepEqual([journal.last, journal.trimmed], [0, 0]);
  for (let at = 0; at < 200; at++) {
    await appended(journal);
    journal.trim(journal.last - 10);
  }
  checkContent(journal);
  assert.ok(journal.statistics.segments <= 2);
  await directory.close();
  const again = await open(fs);
  assert.equal(again.journal.last, 200);
  assert.equal(again.journal.trimmed, 190);
  checkContent(again.journal);
  again.journal.trim(200);
  assert.equal(await appended(again.journal), 201);
  await again.directory.close();
});

/** What was promised up to one moment. */
interface Promised {
  acknowledged: number;
  trimmed: number;
}

/** Appends, trims and restarts on a disk that answers late and in any order. */
async function traceOf(seed: number): Promise<Trace> {
  const random = seeded(seed);
  const trace = new Trace();
  const disk = new TracedDisk(trace, (run) => later(Math.floor(random.fraction() * 3), run));
  for (let process = 0; process < 3; process++) {
    const fs = new TracedFileSystem(disk);
    const { directory, journal } = await open(fs);
    for (let round = 0; round < 6; round++) {
      const burst = Array.from({ length: 1 + Math.floor(random.fraction() * 5) }, () =>
        appendTraced(journal, trace),
      );
      await Promise.all(burst);
      if (random.fraction() > 0.6) continue;
      const index = Math.max(0, journal.last - Math.floor(random.fraction() * 4));
      trace.fact({ kind: 'compacting', index, term: 1 });
      journal.trim(index);
    }
    if (process === 1) await directory.close();
    fs.kill();
  }
  return trace;
}

function appendTraced(journal: Journal, trace: Trace): Promise<void> {
  return new Promise((resolve) => {
    append(journal, (number) => {
      trace.fact({ kind: 'saved', number });
      resolve();
    });
  });
}

function later(turns: number, run: () => void): void {
  if (turns === 0) setImmediate(run);
  else setImmediate(() => later(turns - 1, run));
}

async function checkImage(fs: MemoryFileSystem, { acknowledged, trimmed }: Promised) {
  const { directory, journal } = await open(fs);
  assert.ok(
    journal.last >= acknowledged,
    `${acknowledged} were acknowledged, ${journal.last} are there`,
  );
  assert.ok(journal.trimmed <= trimmed, 'nothing is given up that was not to be');
  checkContent(journal);
  const last = journal.last;
  assert.equal(await appended(journal), last + 1);
  await directory.close();
}

for (const seed of [1, 2]) {
  test(`a journal keeps what it acknowledged at every point of a power cut, seed ${seed}`, async (t) => {
    const { steps } = await traceOf(seed);
    const disk = new DiskModel();
    const random = seeded(seed);
    const limits = { exhaustiveSectors: 2, samples: 4, fraction: () => random.fraction() };
    const promised: Promised = { acknowledged: 0, trimmed: 0 };
    let images = 0;
    for (const step of steps) {
      const isChange = disk.step(step);
      if (step.kind === 'fact' && step.fact.kind === 'saved') {
        promised.acknowledged = Math.max(promised.acknowledged, step.fact.number);
      }
      if (step.kind === 'fact' && step.fact.kind === 'compacting') {
        promised.trimmed = Math.max(promised.trimmed, step.fact.index);
      }
      if (!isChange && step.kind !== 'fact') continue;
      for (const image of disk.images(limits)) {
        await checkImage(MemoryFileSystem.of(image), promised);
        images += 1;
      }
    }
    assert.ok(images > 100);
    t.diagnostic(`${images} images, ${promised.acknowledged} records`);
  });
}

test('a journal is verified from outside, and its bad record is named', async () => {
  const fs = new MemoryFileSystem();
  assert.equal(await verifyOutbox({ fs, dir: DIR }), null);
  const { directory, journal } = await open(fs);
  for (let sequence = 1; sequence <= 20; sequence++) await appended(journal);
  await directory.close();
  const sound = await verifyOutbox({ fs, dir: DIR });
  assert.partialDeepStrictEqual(sound, { problem: null, firstIndex: 1, lastIndex: 20 });
  await flipByte(fs, `${DIR}/outbox/events.raftlog/0000000000000001.seg`, 4096 + 300);
  const damaged = await verifyOutbox({ fs, dir: DIR });
  const place = { file: 'outbox/0000000000000001.seg', offset: 4328, record: 3 };
  assert.partialDeepStrictEqual(damaged, { problem: place });
});

async function flipByte(fs: FileSystem, path: string, at: number): Promise<void> {
  const file = await fs.open(path, 'write');
  const byte = new Uint8Array(1);
  file.read(byte, at);
  byte[0] = (byte[0] ?? 0) ^ 1;
  await new Promise<void>((resolve, reject) => {
    file.write(byte, at, (error) => (error === null ? resolve() : reject(error)));
  });
  await file.close();
}
