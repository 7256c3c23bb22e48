/**
 * The two payload codecs against each other, on entries that a leader makes of products: bytes per
 * entry, processor time to append them and to read them back, and how the log is recovered. Rounds
 * alternate; medians are printed. Run with `node node/log/bench/codec.ts [DIR]`.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Entry } from 'etcd-raft-ts';
import { productBody } from '../../bench/product.ts';
import { decodeEntry, encodeEntry } from '../../entry/index.ts';
import { random } from '../../test/random.ts';
import { uuidV7 } from '../../values/index.ts';
import { CLUSTER, clock, logger, saved, seeded } from '../fixture.ts';
import { type Log, type LogOptions, NodeFileSystem, openDataDirectory } from '../index.ts';

const ENTRIES = 100_000;
const BATCH = 500;
const ROUNDS = 5;
const CODECS = ['json', 'binary'] as const;
type Codec = (typeof CODECS)[number];

/** One round: bytes, and microseconds of processor time, of one entry. */
interface Figures {
  readonly bytes: number;
  readonly appendUs: number;
  readonly readUs: number;
  readonly recoverUs: number;
}

function productEntries(): Uint8Array[] {
  const fraction = random(1);
  const drawn = (n: number): Uint8Array => Uint8Array.from({ length: n }, () => fraction() * 256);
  return Array.from({ length: ENTRIES }, (_, n) => {
    const nowMs = Date.UTC(2026, 0, 1) + n;
    const id = uuidV7(nowMs, drawn(10));
    const json = JSON.stringify({ id, ...JSON.parse(productBody(n)) });
    return encodeEntry({
      kind: 'write',
      memberId: 1,
      timestampMs: nowMs,
      schemaVersion: 1,
      actor: { subject: 'anonymous', method: 'none' },
      idempotency: null,
      changes: [{ effect: 'created', model: 'Product', id, expectedVersion: 0, json, keys: [id] }],
    });
  });
}

async function open(dir: string, options: LogOptions) {
  const world = { dir, fs: new NodeFileSystem(), clock, random: seeded(1), logger };
  const directory = await openDataDirectory(world);
  if (directory.identity === null) {
    const identity = { diskUuid: 'd', name: 'n', clusterId: CLUSTER, memberId: 1 };
    await directory.writeIdentity(identity);
  }
  return { directory, log: await directory.openLog(options) };
}

async function append(log: Log, data: readonly Uint8Array[]): Promise<void> {
  for (let from = 0; from < data.length; from += BATCH) {
    const entries = data
      .slice(from, from + BATCH)
      .map((bytes, at): Entry => ({ index: from + at + 1, term: 1, type: 0, data: bytes }));
    await saved(log, { entries });
  }
}

/** What a member does that starts without a snapshot, apart from applying. */
function readBack(log: Log): void {
  for (let from = 1; from <= ENTRIES; from += BATCH) {
    for (const { data } of log.entries(from, from + BATCH, Infinity)) decodeEntry(data);
  }
}

/** Microseconds of processor time, of all threads, that one entry takes. */
async function cpuUs(work: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / ENTRIES;
}

async function round(dir: string, codec: Codec, data: readonly Uint8Array[]): Promise<Figures> {
  fs.rmSync(dir, { recursive: true, force: true });
  const options = { codec: () => codec, cacheBytes: 0 };
  const { directory, log } = await open(dir, options);
  const before = log.statistics.bytes;
  const appendUs = await cpuUs(() => append(log, data));
  const bytes = (log.statistics.bytes - before) / ENTRIES;
  const readUs = await cpuUs(() => readBack(log));
  await directory.close();
  let again = null;
  const recoverUs = await cpuUs(async () => {
    again = await open(dir, options);
  });
  await (again as Awaited<ReturnType<typeof open>> | null)?.directory.close();
  return { bytes, appendUs, readUs, recoverUs };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const root = fs.mkdtempSync(path.join(process.argv[2] ?? os.tmpdir(), 'lithair-codec-bench-'));
try {
  const data = productEntries();
  const raw = data.reduce((sum, { length }) => sum + length, 0) / ENTRIES;
  const found: Record<Codec, Figures[]> = { json: [], binary: [] };
  for (let at = 0; at < ROUNDS; at++) {
    for (const codec of CODECS) {
      found[codec].push(await round(path.join(root, codec), codec, data));
    }
  }
  console.log(`${ENTRIES} entries of ${raw.toFixed(0)} bytes, medians of ${ROUNDS} rounds`);
  console.log('codec   bytes in the log  append us  read us  recover us   (processor, per entry)');
  for (const codec of CODECS) {
    const of = (name: keyof Figures): string =>
      median(found[codec].map((figures) => figures[name])).toFixed(name === 'bytes' ? 0 : 2);
    const cells = [codec.padEnd(6), of('bytes'), of('appendUs'), of('readUs'), of('recoverUs')];
    console.log(cells.map((cell, at) => cell.padStart([0, 16, 9, 7, 10][at] ?? 0)).join('  '));
  }
} finally {
  fs.rmSync(root, { recursive: true });
}
