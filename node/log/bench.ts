/**
 * Acknowledged records per second of the log at 1, 16, 64 and 256 closed-loop clients, each record
 * 256 bytes, against a bare loop of write + fdatasync in a file laid out in the same way; then how
 * fast a log is recovered, and whether a log that grows stays as fast as a new one. Run with
 * `node node/log/bench.ts [DIR]`; DIR is on the disk to measure.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Entry } from 'etcd-raft-ts';
import { CLUSTER, clock, entry, logger, seeded } from './fixture.ts';
import { type Log, NodeFileSystem, openDataDirectory } from './index.ts';

const ROUND_MS = 300;
const ROUNDS = 11;
const SNAPSHOT_EVERY = 100_000;
const RECORD_BYTES = 256;
const BARE_FILE_BYTES = 64 * 1024 * 1024;
const FLAT_SEGMENTS = 10;
const RECOVERED_ENTRIES = 1_000_000;

/** Appends one record and calls back once it is durable. */
type Append = (done: () => void) => void;

/** Acknowledgements per second of `clients` that each wait for one before they send the next. */
function measure(clients: number, append: Append): Promise<number> {
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
function bareLoop(file: string): { append: Append; close: () => void } {
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

/** Appends records; with snapshots, the log recycles its segments as that of a member does. */
function appendTo(log: Log, snapshots: boolean): Append {
  const { data } = entry(1, 1, RECORD_BYTES);
  return (done) => {
    const index = log.lastIndex() + 1;
    if (snapshots && index % SNAPSHOT_EVERY === 0) void snapshot(log);
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

/** Interleaved rounds: the median of each side, and of the ratios of neighbours. */
async function compare(clients: number, append: Append, bare: Append): Promise<string> {
  const [ours, theirs, ratios]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const theirRate = await measure(clients, bare);
    const ourRate = await measure(clients, append);
    theirs.push(theirRate);
    ours.push(ourRate);
    ratios.push(ourRate / theirRate);
  }
  const cells = [clients, median(theirs).toFixed(0), median(ours).toFixed(0)];
  const text = cells.map((cell, i) => String(cell).padStart([7, 11, 10][i] ?? 0)).join('  ');
  return `${text}  ${median(ratios).toFixed(2).padStart(5)}`;
}

/** How fast 64 clients are while a new log grows to so many segments, against the bare loop. */
async function flatness(root: string, bare: Append): Promise<void> {
  const { directory, log } = await openBenchLog(path.join(root, 'flat'));
  const append = appendTo(log, false);
  const ratios = new Map<number, number[]>();
  while (log.statistics.segments <= FLAT_SEGMENTS) {
    const { segments } = log.statistics;
    const theirs = await measure(64, bare);
    const ratio = (await measure(64, append)) / theirs;
    ratios.set(segments, [...(ratios.get(segments) ?? []), ratio]);
  }
  console.log('segment  ratio to the bare loop (64 clients, median within the segment)');
  for (const [segment, list] of ratios) {
    console.log(`${String(segment).padStart(7)}  ${median(list).toFixed(2)}`);
  }
  await directory.close();
}

/** How fast the log of the last run is read back. */
async function recovery(root: string): Promise<void> {
  const { directory, log } = await openBenchLog(path.join(root, 'small'));
  await fill(log, RECOVERED_ENTRIES);
  await directory.close();
  const again = await openBenchLog(path.join(root, 'small'));
  const { records, durationMs } = again.log.recovery;
  const rate = (records / durationMs) * 1000;
  console.log(
    `recovery: ${records} records in ${durationMs.toFixed(0)} ms, ${rate.toFixed(0)} per s`,
  );
  await again.directory.close();
}

/** Appends entries of 100 bytes, a thousand at a time. */
async function fill(log: Log, count: number): Promise<void> {
  const { data } = entry(1, 1, 100);
  for (let from = 1; from <= count; from += 1000) {
    const entries = Array.from(
      { length: 1000 },
      (_, i): Entry => ({
        index: from + i,
        term: 1,
        type: 0,
        data,
      }),
    );
    await new Promise<void>((resolve) => log.save({ entries }, resolve));
  }
}

async function main(): Promise<void> {
  const root = fs.mkdtempSync(path.join(process.argv[2] ?? os.tmpdir(), 'lithair-log-bench-'));
  const bare = bareLoop(path.join(root, 'bare'));
  try {
    const { directory, log } = await openBenchLog(path.join(root, 'data'));
    const append = appendTo(log, true);
    console.log('clients  bare acks/s  log acks/s  ratio   (medians of interleaved rounds)');
    for (const clients of [1, 16, 64, 256])
      console.log(await compare(clients, append, bare.append));
    await directory.close();
    await recovery(root);
    await flatness(root, bare.append);
  } finally {
    bare.close();
    fs.rmSync(root, { recursive: true });
  }
}

await main();
