/**
 * Acknowledged records per second of the log at 1, 16 and 64 closed-loop clients, each record 256
 * bytes, against a bare loop of write + fdatasync in a file laid out in the same way. Run with
 * `node node/log/bench.ts [DIR]`; DIR is on the disk to measure.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { CLUSTER, clock, entry, logger, seeded } from './fixture.ts';
import { type Log, NodeFileSystem, openDataDirectory } from './index.ts';

const ROUND_MS = 1500;
const ROUNDS = 3;
const SNAPSHOT_EVERY = 100_000;
const RECORD_BYTES = 256;
const BARE_FILE_BYTES = 64 * 1024 * 1024;

/** Acknowledgements per second of `clients` that each wait for one before they send the next. */
function measure(clients: number, append: (done: () => void) => void): Promise<number> {
  return new Promise((resolve) => {
    const start = performance.now();
    let [acknowledged, active] = [0, clients];
    const next = () => {
      const elapsed = performance.now() - start;
      if (elapsed < ROUND_MS) {
        append(() => {
          acknowledged += 1;
          next();
        });
        return;
      }
      active -= 1;
      if (active === 0) resolve((acknowledged / elapsed) * 1000);
    };
    for (let client = 0; client < clients; client++) next();
  });
}

/** Batches in the simplest way: copy, write, fdatasync, call back. */
function bareLoop(file: string): { append: (done: () => void) => void; close: () => void } {
  const descriptor = fs.openSync(file, 'w+');
  const zeros = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < BARE_FILE_BYTES; at += zeros.length) fs.writeSync(descriptor, zeros);
  fs.fdatasyncSync(descriptor);
  const record = Buffer.alloc(RECORD_BYTES, 1);
  const buffer = Buffer.alloc(RECORD_BYTES * 1024);
  let waiting: (() => void)[] = [];
  let [running, position] = [false, 0];
  const run = () => {
    const batch = waiting;
    if (batch.length === 0) {
      running = false;
      return;
    }
    waiting = [];
    for (let i = 0; i < batch.length; i++) record.copy(buffer, i * RECORD_BYTES);
    const bytes = batch.length * RECORD_BYTES;
    if (position + bytes > BARE_FILE_BYTES) position = 0;
    fs.write(descriptor, buffer, 0, bytes, position, () => {
      fs.fdatasync(descriptor, () => {
        position += bytes;
        setImmediate(run);
        for (const done of batch) done();
      });
    });
  };
  const append = (done: () => void) => {
    waiting.push(done);
    if (running) return;
    running = true;
    setImmediate(run);
  };
  return { append, close: () => fs.closeSync(descriptor) };
}

async function openBenchLog(dir: string) {
  const options = { dir, fs: new NodeFileSystem(), clock, random: seeded(1), logger };
  const directory = await openDataDirectory(options);
  const identity = { diskUuid: 'd', name: 'n', clusterId: CLUSTER, memberId: 1 };
  await directory.writeIdentity(identity);
  return { directory, log: await directory.openLog() };
}

/** Appends records, and lets the log recycle its segments as a member that takes snapshots does. */
function appendTo(log: Log): (done: () => void) => void {
  const { data } = entry(1, 1, RECORD_BYTES);
  return (done) => {
    const index = log.lastIndex() + 1;
    if (index % SNAPSHOT_EVERY === 0) void snapshot(log);
    log.save({ entries: [{ index, term: 1, type: 0, data }] }, done);
  };
}

async function snapshot(log: Log): Promise<void> {
  const confState = {
    voters: [1],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  await log.writeSnapshot({ index: log.durableIndex, term: 1, confState }, [new Uint8Array(1000)]);
  log.compact(log.durableIndex);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function main(): Promise<void> {
  const root = process.argv[2] ?? os.tmpdir();
  const dir = fs.mkdtempSync(path.join(root, 'lithair-log-bench-'));
  const bare = bareLoop(path.join(dir, 'bare'));
  const { directory, log } = await openBenchLog(path.join(dir, 'data'));
  const append = appendTo(log);
  console.log('clients  bare acks/s  log acks/s  ratio   (median of 3 interleaved rounds)');
  for (const clients of [1, 16, 64]) {
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(await measure(clients, bare.append));
      ours.push(await measure(clients, append));
    }
    const [a, b] = [median(theirs), median(ours)];
    const cells = [
      String(clients).padStart(7),
      a.toFixed(0).padStart(11),
      b.toFixed(0).padStart(10),
    ];
    console.log(`${cells.join('  ')}  ${(b / a).toFixed(2)}`);
  }
  bare.close();
  await directory.close();
  fs.rmSync(dir, { recursive: true });
}

await main();
