/** How fast history is archived, read back and expired: `node node/archive/bench/archive.ts`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileSchema, validateSpec } from '@lithair/crds';
import { verdict } from '../../bench/figures.ts';
import { HotHistory, historyRules } from '../../history/index.ts';
import { NodeFileSystem } from '../../log/index.ts';
import { silentLogger } from '../../telemetry/index.ts';
import { Archive, ArchivedHistory, threadedZstd } from '../index.ts';

const ROWS = 10_000;
const VERSIONS = 40;
const GENERATION_VERSIONS = 18_000;
/** MB of blocks, as they are before compression, for each second. */
const SPEED = { least: 100 };

const spec = validateSpec({
  auth: { mode: 'open' },
  models: [
    {
      name: 'Product',
      fields: [
        { name: 'id', type: 'string', primaryKey: true },
        ...['name', 'price', 'description', 'supplier'].map((name) => ({ name, type: 'string' })),
      ],
      lifecycle: { versioned: 15 },
    },
  ],
});
if (!spec.ok) throw new Error(JSON.stringify(spec.problems));
const schema = compileSchema(spec.value);
const [model] = schema.models;
const rules = model === undefined ? null : historyRules(model);
const hot = new HotHistory(schema);

function row(id: string, version: number): string {
  const words = 'a lamp of brass and glass that stands on a desk and turns both ways';
  return JSON.stringify({
    id,
    name: `Product ${id} in edition ${version}`,
    price: `${(version * 7919) % 1000}.${version % 100}`,
    description: `${words}, number ${version * 104_729} of the series ${id}`,
    supplier: `supplier-${(version * 31) % 97}`,
  });
}

const directory = await mkdtemp(join(tmpdir(), 'lithair-archive-'));
const archive = await Archive.open({
  fs: new NodeFileSystem(),
  dir: directory,
  clusterId: 'bench',
  compression: threadedZstd,
  logger: silentLogger,
  pause: () => new Promise((resolve) => setImmediate(resolve)),
});

let [plainBytes, archiveMs, archiveCpuMs, threadMs, longestMs, last] = [0, 0, 0, 0, 0, 0];
/** Bytes of blocks per millisecond, generation by generation: the machine is shared. */
const rates: number[] = [];
const watch = setInterval(() => {
  longestMs = Math.max(longestMs, performance.now() - last - 1);
  last = performance.now();
}, 1);

async function seal(): Promise<void> {
  hot.seal(Date.now(), []);
  const [sealed] = hot.pending;
  if (sealed === undefined) return;
  last = performance.now();
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  const thread = process.threadCpuUsage();
  await archive.store(sealed, (name) => hot.rulesOf(name));
  const tookMs = performance.now() - startedMs;
  archiveMs += tookMs;
  archiveCpuMs += cpuMsSince(cpu);
  const { user, system } = process.threadCpuUsage(thread);
  threadMs += (user + system) / 1000;
  rates.push((archive.files.at(-1)?.plainBytes ?? 0) / tookMs);
  hot.archived(sealed.number);
}

for (let version = 1; version <= VERSIONS; version++) {
  for (let at = 0; at < ROWS; at++) {
    const id = `p${(at * 7919) % ROWS}`;
    const json = row(id, version);
    plainBytes += json.length;
    hot.add('Product', {
      id,
      version,
      effect: 'updated',
      events: ['ProductUpdated'],
      sequence: version * ROWS + at,
      index: version * ROWS + at,
      timeMs: version,
      actor: null,
      json,
      before: null,
      changed: null,
      evidence: null,
    });
    if (hot.active.count >= GENERATION_VERSIONS) await seal();
  }
}
await seal();

const megabytes = plainBytes / 1e6;
const stored = archive.files.reduce((sum, { bytes }) => sum + bytes, 0);
const plain = archive.files.reduce((sum, file) => sum + file.plainBytes, 0);
const sorted = rates.toSorted((a, b) => a - b);
const [median, best] = [sorted[sorted.length >> 1] ?? 0, sorted.at(-1) ?? 0];
console.log(
  `archived ${megabytes.toFixed(0)} MB of rows in ${archive.files.length} files; ` +
    `load of the machine ${loadavg()[0]?.toFixed(1)}`,
);
for (const figure of [
  { name: 'archiving, median generation, durable', value: median / 1000, target: SPEED },
  { name: 'archiving, best generation', value: best / 1000, target: SPEED },
  {
    name: 'archiving, of its thread’s processor time',
    value: plain / threadMs / 1000,
    target: SPEED,
  },
]) {
  console.log(`  ${verdict({ ...figure, unit: 'MB/s' })}`);
}
console.log(
  `  ${verdict({ name: 'blocks against archives', value: plain / stored, unit: 'ratio', target: { least: 4 } })}`,
);
console.log(
  `archive: ${rate(archiveMs)} MB/s of rows by the clock, ${rate(archiveCpuMs)} per second of ` +
    `processor time of all threads; ${(plainBytes / stored).toFixed(1)}x smaller than the rows`,
);

const foldMs = performance.now();
const foldCpu = process.cpuUsage();
const expiry = {
  rules: () => rules ?? undefined,
  moment: () => ({ newest: VERSIONS, nowMs: VERSIONS }),
  nowMs: VERSIONS,
};
await archive.fold(expiry, true);
const tookMs = performance.now() - foldMs;
console.log(
  `join: ${rate(tookMs)} MB/s of rows, ${rate(cpuMsSince(foldCpu))} per second of processor`,
);
console.log(`longest pause of the event loop: ${longestMs.toFixed(0)} ms`);

const history = new ArchivedHistory(hot, archive);
const readMs = performance.now();
for (let at = 0; at < 1000; at++) await history.versions('Product', `p${at * 7}`, 15, 1);
console.log(`an old version by number: ${((performance.now() - readMs) / 1000).toFixed(2)} ms`);
clearInterval(watch);
await archive.close();
await rm(directory, { recursive: true });

function rate(ms: number): string {
  return ((megabytes / ms) * 1000).toFixed(0);
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
