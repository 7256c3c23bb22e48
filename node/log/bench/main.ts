/**
 * `make bench-log`: acknowledged records per second of the log at 1, 16, 64 and 256 closed-loop
 * clients, against a bare loop of write and fdatasync; whether a log of ten segments is as fast as a
 * new one; and how fast a log is read back. `node node/log/bench/main.ts [DIR]`: DIR is on the disk
 * to measure.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Entry } from 'etcd-raft-ts';
import { median, verdict } from '../../bench/figures.ts';
import { CLUSTER, clock, entry, logger, seeded } from '../fixture.ts';
import { type Log, NodeFileSystem, openDataDirectory } from '../index.ts';
import { bareLoop } from './bare-loop.ts';
import { type Append, compare } from './closed-loop.ts';

const ROUNDS = 11;
const SNAPSHOT_EVERY = 100_000;
const RECORD_BYTES = 256;
const AIM = 0.6;
const FLAT_AIM = 0.9;
const FLAT_SEGMENTS = 10;
const FLAT_CLIENTS = 64;
const FLAT_ROUNDS = 25;
const RECOVERED_ENTRIES = 1_000_000;
const RECOVERY_AIM = 400_000;
const RECOVERY_ROUNDS = 3;

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

async function againstTheBareLoop(root: string): Promise<void> {
  const bare = bareLoop(path.join(root, 'bare'), RECORD_BYTES);
  const { directory, log } = await openBenchLog(path.join(root, 'data'));
  const append = appendTo(log, true);
  for (const clients of [1, 16, 64, 256]) {
    const { rate, baseline, ratio } = await compare(clients, ROUNDS, append, bare.append);
    print({
      name: `${clients} clients, ratio to the bare loop`,
      value: ratio,
      unit: 'ratio',
      target: { least: AIM },
    });
    console.log(`    ${Math.round(rate)}/s, bare loop ${Math.round(baseline)}/s`);
  }
  await directory.close();
  bare.close();
}

/** A log that has ten segments beside a new one, in turn. */
async function flatness(root: string): Promise<void> {
  const old = await openBenchLog(path.join(root, 'old'));
  for (let from = 1; old.log.statistics.segments <= FLAT_SEGMENTS; from += 1000) {
    await appendMany(old.log, from, 4096);
  }
  const fresh = await openBenchLog(path.join(root, 'fresh'));
  const [append, baseline] = [appendTo(old.log, false), appendTo(fresh.log, false)];
  await compare(FLAT_CLIENTS, 3, append, baseline);
  const { ratio } = await compare(FLAT_CLIENTS, FLAT_ROUNDS, append, baseline);
  print({
    name: `a log of ${FLAT_SEGMENTS} segments, ratio to a new one`,
    value: ratio,
    unit: 'ratio',
    target: { least: FLAT_AIM },
  });
  await Promise.all([old.directory.close(), fresh.directory.close()]);
}

/** How fast a log of small entries is read back. */
async function recovery(root: string): Promise<void> {
  const dir = path.join(root, 'small');
  const { directory, log } = await openBenchLog(dir);
  for (let from = 1; from <= RECOVERED_ENTRIES; from += 1000) await appendMany(log, from, 100);
  await directory.close();
  const [rates, processorRates]: [number[], number[]] = [[], []];
  for (let round = 0; round < RECOVERY_ROUNDS; round++) {
    const before = process.cpuUsage();
    const again = await openBenchLog(dir);
    const { user, system } = process.cpuUsage(before);
    const { records, durationMs } = again.log.recovery;
    rates.push((records / durationMs) * 1000);
    processorRates.push((records / (user + system)) * 1e6);
    await again.directory.close();
  }
  print({
    name: `reading ${RECOVERED_ENTRIES.toLocaleString('en-US')} records of 100 bytes back`,
    value: median(rates),
    unit: '/s',
    target: { least: RECOVERY_AIM },
  });
  console.log(`    ${Math.round(median(processorRates))} for each second of processor time`);
}

/** Appends a thousand entries at once, and waits until they are durable. */
function appendMany(log: Log, from: number, bytes: number): Promise<void> {
  const { data } = entry(1, 1, bytes);
  const entries = Array.from(
    { length: 1000 },
    (_, i): Entry => ({ index: from + i, term: 1, type: 0, data }),
  );
  return new Promise((resolve) => log.save({ entries }, resolve));
}

function print(figure: Parameters<typeof verdict>[0]): void {
  console.log(`  ${verdict(figure)}`);
}

const root = fs.mkdtempSync(path.join(process.argv[2] ?? os.tmpdir(), 'lithair-log-bench-'));
try {
  console.log(`log, on ${path.dirname(root)}; load of the machine ${os.loadavg()[0]?.toFixed(1)}`);
  await againstTheBareLoop(root);
  await flatness(root);
  await recovery(root);
  console.log(`  load of the machine ${os.loadavg()[0]?.toFixed(1)}`);
} finally {
  fs.rmSync(root, { recursive: true });
}
