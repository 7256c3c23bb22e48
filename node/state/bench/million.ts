/**
 * Prints what a large model takes in memory and time, and how long it holds the event loop, each
 * beside what it is to be; `main.ts` runs it as it runs in an image. Rows have 300 bytes of JSON, a
 * unique field and generated ids; updates go to rows at random, while snapshots are written to a
 * directory as often as a node does.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { canonicalJson, type FieldSchema } from '@lithair/crds';
import { type Change, encodeEntry } from '../../entry/index.ts';
import { type Log, NodeFileSystem, openDataDirectory } from '../../log/index.ts';
import { silentLogger } from '../../telemetry/index.ts';
import { systemClock, systemRandom } from '../../world.ts';
import { type ReplicatedState, restoreState } from '../index.ts';
import { field, NOW_MS, shopState } from '../testing/shop.ts';

const ROWS = Number(process.argv[2] ?? 1_000_000);
/** `node node/state/bench/main.ts 1000000 adaptive`: rows are left to snapshots. */
const IS_ADAPTIVE = process.argv.includes('adaptive');
const UPDATE_SECONDS = 20;
const UPDATES_PER_SECOND = 20_000;
const SNAPSHOT_EVERY = 100_000;
const JSON_BYTES = 300;
/** Entries applied in one turn of the loop, about as many as a batch of the log holds. */
const BATCH = 50;

const schema = {
  models: [
    {
      name: 'Product',
      path: '/api/products',
      primaryKey: 'id',
      fields: [
        field('id', 'uuid', { immutable: true }),
        field('sku', 'string', { unique: true }),
        field('note', 'text'),
      ],
      ...(IS_ADAPTIVE && { adaptive: { cacheMiB: 64 } }),
    },
  ],
  store: { snapshotEvery: 100_000, batchSize: 100, syncMode: 'group' as const },
};

let seed = 1;
function random(below: number): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
}

function idOf(number: number): string {
  const scattered = (Math.imul(number, 2_654_435_761) >>> 0).toString(16).padStart(8, '0');
  const time = number.toString(16).padStart(8, '0');
  return `019b${time.slice(0, 4)}-${time.slice(4)}-7${scattered.slice(0, 3)}-8${scattered.slice(3, 6)}-${scattered}beef`;
}

const versions = new Uint8Array(ROWS);

function change(number: number): Change {
  const id = idOf(number);
  const sku = `SKU-${number}`;
  const expectedVersion = versions[number] ?? 0;
  versions[number] = expectedVersion + 1;
  const head = JSON.stringify({
    id,
    sku,
    note: `${(number * 7919) % 1_000_003} ${expectedVersion} `,
  }).slice(0, -2);
  const json = `${head.padEnd(JSON_BYTES - 2, 'lamp ')}"}`;
  const effect = expectedVersion === 0 ? 'created' : 'updated';
  return { effect, model: 'Product', id, expectedVersion, json, keys: [sku] };
}

function apply(state: ReplicatedState, number: number): void {
  const data = encodeEntry({
    kind: 'write',
    memberId: 1,
    timestampMs: NOW_MS + state.appliedIndex,
    schemaVersion: state.schemaVersion,
    actor: { subject: 'anonymous', method: 'none' },
    idempotency: null,
    changes: [change(number)],
  });
  const result = state.apply(state.appliedIndex + 1, 1, data);
  if (result.kind !== 'write' || result.outcome.kind !== 'applied') throw new Error('refused');
}

const AIM = {
  rssMb: (ROWS * JSON_BYTES * 1.5) / 1e6 + 110,
  pauseMs: 20,
  restoreSeconds: 10,
  slowdown: 1.1,
};

/** One line a figure: what, what came out, what it is to be, and how busy the machine was. */
function figure(what: string, value: number, unit: string, aim: number): void {
  const verdict = value <= aim ? 'met' : 'MISSED';
  const load = loadavg()[0]?.toFixed(1);
  console.log(
    `= ${what}: ${value.toFixed(1)} ${unit}, aim ${aim.toFixed(1)}: ${verdict} (load ${load})`,
  );
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const rssMb = () => process.memoryUsage.rss() / 1e6;

let longestGcMs = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longestGcMs = Math.max(longestGcMs, duration);
}).observe({ entryTypes: ['gc'] });

interface Pauses {
  wallMs: number;
  /** Processor time of the main thread, so that other processes on the machine do not count. */
  threadMs: number;
}

/** The longest time between two turns of the loop while `work` goes on. */
async function longestPause(work: () => Promise<void>): Promise<Pauses> {
  const longest = { wallMs: 0, threadMs: 0 };
  let [running, last, lastMicros] = [true, performance.now(), threadMicros()];
  const look = () => {
    const [now, micros] = [performance.now(), threadMicros()];
    longest.wallMs = Math.max(longest.wallMs, now - last);
    longest.threadMs = Math.max(longest.threadMs, (micros - lastMicros) / 1000);
    [last, lastMicros] = [now, micros];
    if (running) setImmediate(look);
  };
  setImmediate(look);
  await work();
  running = false;
  return longest;
}

function threadMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function shown({ wallMs, threadMs }: Pauses): string {
  return `longest pause ${threadMs.toFixed(1)} ms of processor time, ${wallMs.toFixed(1)} ms on the clock`;
}

function median(of: readonly number[]): number {
  return of.toSorted((a, b) => a - b)[of.length >> 1] ?? 0;
}

async function fill(state: ReplicatedState): Promise<void> {
  const part = ROWS / 10;
  const costs: number[] = [];
  for (let from = 0; from < ROWS; from += part) {
    const { user, system } = process.cpuUsage();
    for (let number = from; number < from + part; number++) {
      apply(state, number);
      if (number % BATCH === 0) await turn();
    }
    const after = process.cpuUsage();
    const each = (after.user + after.system - user - system) / part;
    costs.push(each);
    console.log(
      `rows ${from} to ${from + part}: ${each.toFixed(2)} µs of processor time each, RSS ${rssMb().toFixed(0)} MB, ${memory()}`,
    );
  }
  const slowdown = median(costs.slice(-3)) / median(costs.slice(0, 3));
  figure(
    'a row of the last three tenths against one of the first',
    slowdown,
    'times',
    AIM.slowdown,
  );
}

let updates = 0;
let snapshots = 0;
let highestRssMb = 0;
let atHighest = '';
const snapshotSeconds: number[] = [];
const confState = {
  voters: [1],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

async function update(state: ReplicatedState, log: Log): Promise<void> {
  const startMs = performance.now();
  let writing: Promise<void> | null = null;
  let lastIndex = 0;
  for (;;) {
    const passedMs = performance.now() - startMs;
    if (passedMs > UPDATE_SECONDS * 1000) break;
    const due = Math.min(BATCH, (passedMs / 1000) * UPDATES_PER_SECOND - updates);
    for (let n = 0; n < due; n++, updates++) apply(state, random(ROWS));
    await turn();
    if (updates % 1000 < BATCH) watchMemory(state);
    if (writing !== null || state.appliedIndex - lastIndex < SNAPSHOT_EVERY) continue;
    lastIndex = state.appliedIndex;
    writing = snapshot(state, log).finally(() => {
      writing = null;
    });
  }
  await writing;
}

function watchMemory(state: ReplicatedState): void {
  const nowMb = rssMb();
  if (nowMb <= highestRssMb) return;
  highestRssMb = nowMb;
  const { deadBytes, indexBytes } = state.model('Product')?.statistics ?? {};
  atHighest = `${memory()}, dead ${mb(deadBytes)} MB, tables ${mb(indexBytes)} MB`;
}

async function snapshot(state: ReplicatedState, log: Log): Promise<void> {
  const startedMs = performance.now();
  const chunks = state.snapshot();
  await log.writeSnapshot({ index: state.appliedIndex, term: 1, confState }, chunks);
  snapshotSeconds.push((performance.now() - startedMs) / 1000);
  snapshots += 1;
  const parts = chunks.wantsBodies ? await log.openSnapshotParts() : null;
  if (parts === null) return;
  chunks.leaveTo(parts);
  while (!state.coolSome()) await turn();
  console.log(`  rows are left to it: RSS ${rssMb().toFixed(0)} MB`);
}

/** What it costs to read rows at random, for the first time and again. */
function read(state: ReplicatedState): void {
  const ids = Array.from({ length: 20_000 }, () => idOf(random(ROWS)));
  for (const time of ['first', 'second']) {
    const micros = threadMicros();
    for (const id of ids) state.find('Product', id);
    const each = (threadMicros() - micros) / ids.length;
    console.log(
      `reading rows at random, ${time} time: ${each.toFixed(2)} µs of processor time each`,
    );
  }
  const { cacheBytes, fileReads } = state.model('Product')?.statistics ?? {};
  console.log(`${fileReads} reads of the file, ${mb(cacheBytes)} MB in the cache`);
}

/** How long a model change holds the loop, while updates go on. */
async function changeModel(
  name: string,
  state: ReplicatedState,
  change: (fields: readonly FieldSchema[]) => FieldSchema[],
): Promise<void> {
  const models = state.schema.models.map((model) => ({ ...model, fields: change(model.fields) }));
  const data = encodeEntry({
    kind: 'schema',
    memberId: 1,
    timestampMs: NOW_MS,
    expectedSchemaVersion: state.schemaVersion,
    schemaJson: canonicalJson({ ...state.schema, models }),
  });
  const startedMs = performance.now();
  const pauses = await longestPause(async () => {
    state.apply(state.appliedIndex + 1, 1, data);
    await turn();
    while (!state.prepareSome()) {
      for (let n = 0; n < BATCH / 10; n++) apply(state, random(ROWS));
      await turn();
    }
    const { pendingChange } = state;
    if (pendingChange === null) return;
    const { schemaVersion } = pendingChange;
    const entry = { kind: 'activate', memberId: 1, timestampMs: NOW_MS, schemaVersion } as const;
    state.apply(state.appliedIndex + 1, 1, encodeEntry(entry));
    await turn();
  });
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`${name}: ${seconds.toFixed(1)} s, ${shown(pauses)}, RSS ${rssMb().toFixed(0)} MB`);
  figure(`longest pause, ${name}`, pauses.threadMs, 'ms', AIM.pauseMs);
}

/** What a grave takes once the row that it was is cleared away. */
function deleteSome(state: ReplicatedState): void {
  const model = state.model('Product');
  const before = model?.statistics;
  const count = ROWS / 10;
  for (let number = 0; number < count; number++) {
    const version = versions[number] ?? 0;
    model?.bury({ id: idOf(number), version: version + 1, timestampMs: NOW_MS, sequence: 1 });
  }
  const rowBytes = (before?.liveBytes ?? 0) / ROWS;
  const bytes = (model?.statistics.liveBytes ?? 0) - rowBytes * (ROWS - count);
  console.log(`a deleted row keeps ${(bytes / count).toFixed(0)} bytes beside its place in tables`);
}

function memory(): string {
  const { heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
  return [heapUsed, heapTotal, external, arrayBuffers].map((n) => (n / 1e6).toFixed(0)).join(' ');
}

function mb(bytes = 0): string {
  return (bytes / 1e6).toFixed(0);
}

function report(name: string, state: ReplicatedState): void {
  const { rows, liveBytes, deadBytes, indexBytes } = state.model('Product')?.statistics ?? {};
  console.log(
    `${name}: ${rows} rows, live ${mb(liveBytes)} MB, dead ${mb(deadBytes)} MB, tables ${mb(indexBytes)} MB; RSS ${rssMb().toFixed(0)} MB`,
  );
}

const state = shopState({}, schema);
console.log(`empty: RSS ${rssMb().toFixed(0)} MB, ${memory()}`);
const whileFilling = await longestPause(() => fill(state));
report('filled', state);
console.log(`${shown(whileFilling)}, of a garbage collection ${longestGcMs.toFixed(1)} ms`);

const dir = await mkdtemp(join(tmpdir(), 'lithair-million-'));
const world = { fs: new NodeFileSystem(), clock: systemClock, random: systemRandom };
const directory = await openDataDirectory({ dir, ...world, logger: silentLogger });
try {
  await directory.writeIdentity({ diskUuid: 'd', name: 'n1', clusterId: 'c', memberId: 1 });
  const log = await directory.openLog();
  await log.bootstrap({ index: 1, term: 1, confState }, [new Uint8Array(1)]);
  longestGcMs = 0;
  const before = process.cpuUsage();
  const whileUpdating = await longestPause(() => update(state, log));
  const { user, system } = process.cpuUsage(before);
  report('updated', state);
  console.log(
    `${updates} updates at random with ${snapshots} snapshots of ${snapshotSeconds.map((s) => s.toFixed(1)).join(', ')} s: ${((user + system) / updates).toFixed(1)} µs of processor time each, highest RSS ${highestRssMb.toFixed(0)} MB: ${atHighest}`,
  );
  console.log(`${shown(whileUpdating)}, of a garbage collection ${longestGcMs.toFixed(1)} ms`);
  figure('highest RSS under updates and snapshots', highestRssMb, 'MB', AIM.rssMb);
  figure('longest pause under them, processor time', whileUpdating.threadMs, 'ms', AIM.pauseMs);
  read(state);
  const startedMs = performance.now();
  const whileRestoring = await longestPause(async () => {
    const { statistics } = (await restoreState(log.readSnapshot() ?? [])).model('Product') ?? {};
    console.log(`restored ${statistics?.rows} rows from the file`);
  });
  const restoreSeconds = (performance.now() - startedMs) / 1000;
  console.log(`in ${restoreSeconds.toFixed(1)} s, ${shown(whileRestoring)}`);
  figure('start from a snapshot', restoreSeconds, 's', AIM.restoreSeconds);
  await changeModel('an index on a field that there was', state, (fields) =>
    fields.map((each) => (each.name === 'note' ? { ...each, index: 'ordered' } : each)),
  );
  await changeModel('a new ordered field with a default', state, (fields) => [
    ...fields,
    field('rank', 'integer', { default: 7, index: 'ordered' }),
  ]);
  deleteSome(state);
} finally {
  await directory.close();
  await rm(dir, { recursive: true, force: true });
}
