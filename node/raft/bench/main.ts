/**
 * `node bench/main.ts [--seconds N]`: how many messages between members the core
 * delivers per second of processor time, with entries of 256 bytes, at batches of 1 and of 100; what it
 * allocates per message; and whether either grows with the length of the log.
 */
import { parseArgs } from 'node:util';
import { getHeapStatistics } from 'node:v8';
import { ThreeNodes } from './three-nodes.ts';

const ENTRY_BYTES = 256;
const BATCHES = [1, 100];
const LOG_LENGTHS = [1_000, 100_000, 1_000_000];
const WARM_UP_MS = 300;
const HEAP_MS = 300;
/** Messages between two looks at the clock, and at the heap. */
const SLICE = 400;

interface Case {
  readonly batch: number;
  readonly logLength: number;
  /** Whether the log is kept at about that length, or grows on from it. */
  readonly compaction: boolean;
}

const HELP = `Usage: make bench-raft, or node node/raft/bench/main.ts [--seconds N]

Measures three members in memory, which hand each other their messages.

  --seconds N   how long each case is measured (2)
  --help        show this text`;

function main(): number {
  try {
    const { values } = parseArgs({
      options: {
        seconds: { type: 'string', default: '2' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) console.log(HELP);
    else measure(milliseconds(values.seconds));
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 2;
  }
}

function milliseconds(seconds: string): number {
  const limitMs = Number(seconds) * 1000;
  if (limitMs > 0 && Number.isFinite(limitMs)) return limitMs;
  throw new Error(`--seconds must be a positive number, not ${seconds}`);
}

function measure(limitMs: number): void {
  console.log('batch  log length  compaction  messages/s  entries/s  bytes/message');
  for (const batch of BATCHES) {
    for (const logLength of LOG_LENGTHS) {
      print({ batch, logLength, compaction: true }, limitMs);
      print({ batch, logLength, compaction: false }, limitMs);
    }
  }
}

function print({ batch, logLength, compaction }: Case, limitMs: number): void {
  const nodes = new ThreeNodes(compaction ? logLength : Number.POSITIVE_INFINITY);
  const data = Array.from({ length: batch }, () => new Uint8Array(ENTRY_BYTES));
  while (nodes.applied < logLength) nodes.commit(data);
  run(nodes, data, WARM_UP_MS);
  const bytes = allocated(nodes, data, HEAP_MS);
  const { messagesPerSecond, entriesPerSecond } = run(nodes, data, limitMs);
  const columns = [
    String(batch).padStart(5),
    String(logLength).padStart(10),
    (compaction ? 'on' : 'off').padStart(10),
    messagesPerSecond.toFixed(0).padStart(10),
    entriesPerSecond.toFixed(0).padStart(9),
    bytes.toFixed(0).padStart(13),
  ];
  console.log(columns.join('  '));
}

function run(nodes: ThreeNodes, data: readonly Uint8Array[], limitMs: number) {
  const delivered = nodes.delivered;
  const applied = nodes.applied;
  const start = cpuSeconds();
  const end = performance.now() + limitMs;
  while (performance.now() < end) commitSlice(nodes, data);
  const seconds = cpuSeconds() - start;
  return {
    messagesPerSecond: (nodes.delivered - delivered) / seconds,
    entriesPerSecond: (nodes.applied - applied) / seconds,
  };
}

/** What this thread has had of its core, so that other load on the machine counts less. */
function cpuSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

/** Bytes per message: by how much the heap grew wherever no garbage collection came between. */
function allocated(nodes: ThreeNodes, data: readonly Uint8Array[], limitMs: number): number {
  let bytes = 0;
  let messages = 0;
  const start = performance.now();
  while (performance.now() - start < limitMs) {
    const delivered = nodes.delivered;
    const before = getHeapStatistics().used_heap_size;
    commitSlice(nodes, data);
    const grown = getHeapStatistics().used_heap_size - before;
    if (grown <= 0) continue;
    bytes += grown;
    messages += nodes.delivered - delivered;
  }
  return bytes / messages;
}

function commitSlice(nodes: ThreeNodes, data: readonly Uint8Array[]): void {
  const end = nodes.delivered + SLICE;
  while (nodes.delivered < end) nodes.commit(data);
}

process.exitCode = main();
