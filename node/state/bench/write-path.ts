/**
 * Prints what a write costs from command to applied row, and what a state weighs:
 * `node --expose-gc node/state/bench/write-path.ts [rows]`.
 */
import { LeaderSession } from '../../command/index.ts';
import { decodeEntry } from '../../entry/index.ts';
import type { Command } from '../../ports/index.ts';
import { type ReplicatedState, restoreState } from '../index.ts';
import { envelope, field, NOW_MS, shopState } from '../testing/shop.ts';

const ROWS = Number(process.argv[2] ?? 100_000);

const schema = {
  models: [
    {
      name: 'Product',
      path: '/api/products',
      primaryKey: 'id',
      fields: [
        field('id', 'uuid', { immutable: true }),
        field('name', 'string', { required: true, index: 'hash' }),
        field('price', 'decimal', { required: true, index: 'ordered' }),
        field('sku', 'string', { unique: true }),
        field('stock', 'integer', { default: 0 }),
        field('note', 'text'),
      ],
    },
  ],
  store: { snapshotEvery: 100_000, batchSize: 100, syncMode: 'group' as const },
};

/** Deterministic bytes: the same run every time. */
let seed = 1;
function random(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = seed >>> 16;
  }
  return bytes;
}

function product(number: number): Command {
  const price = `${number % 1000}.${String(number % 100).padStart(2, '0')}`;
  const note = 'A lamp for the desk, with a long arm and a heavy foot.';
  const body = { name: `Lamp ${number % 5000}`, price, sku: `SKU-${number}`, stock: 3, note };
  return { kind: 'create', model: 'Product', body };
}

/** In processor time of all threads, so that other processes on the machine do not count. */
function timed(name: string, count: number, work: () => void): void {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  console.log(
    `${name.padEnd(34)} ${((user + system) / count).toFixed(2)} µs of processor time each`,
  );
}

/** Of objects and of slabs. */
function heapMb(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
}

const log: Uint8Array[] = [];

function leadAndApply(state: ReplicatedState, from: number, to: number): void {
  const session = new LeaderSession(state, 1);
  for (let number = from; number < to; number++) {
    const execution = session.execute(envelope(product(number)), NOW_MS + number / 20, random);
    if (execution.kind !== 'propose') throw new Error('a product was refused');
    const index = state.appliedIndex + 1;
    session.proposed(execution.ticket, index);
    state.apply(index, 1, execution.data);
    session.applied(index);
    log.push(execution.data);
  }
}

const emptyMb = heapMb();
const state = shopState({}, schema);
const warm = Math.min(20_000, ROWS >>> 1);
timed('execute + apply, cold', warm, () => leadAndApply(state, 0, warm));
timed('execute + apply, warm', ROWS - warm, () => leadAndApply(state, warm, ROWS));
timed('decode', ROWS, () => {
  for (const data of log) decodeEntry(data);
});
const bytes = log.reduce((sum, data) => sum + data.length, 0);
let rowBytes = 0;
for (const { json } of state.model('Product')?.scan({ descending: false }) ?? []) {
  rowBytes += json.length;
}
console.log(`entry ${Math.round(bytes / ROWS)} bytes, JSON ${Math.round(rowBytes / ROWS)} bytes`);

const replayed = shopState({}, schema);
timed('replay (decode + apply)', ROWS, () => {
  for (const [at, data] of log.entries()) replayed.apply(at + 1, 1, data);
});
log.length = 0;

const withTwoMb = heapMb();
console.log(`two states of ${ROWS} rows: ${(withTwoMb - emptyMb).toFixed(0)} MB`);

const takenMs = performance.now();
const snapshot = state.snapshot();
console.log(`snapshot taken in ${(performance.now() - takenMs).toFixed(1)} ms`);
const chunks: Uint8Array[] = [];
let longestMs = 0;
let lastMs = performance.now();
for (const chunk of snapshot) {
  longestMs = Math.max(longestMs, performance.now() - lastMs);
  chunks.push(chunk.slice());
  lastMs = performance.now();
}
console.log(`${chunks.length} chunks, the longest took ${longestMs.toFixed(1)} ms`);

const startedMs = performance.now();
const restored = await restoreState(chunks);
console.log(
  `restored ${restored.model('Product')?.size} rows in ${(performance.now() - startedMs).toFixed(0)} ms`,
);
