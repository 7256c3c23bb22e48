import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../images/bundle.ts';
import { encodeEntry } from '../entry/index.ts';
import { type Log, NodeFileSystem, openDataDirectory } from '../log/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { systemClock, systemRandom } from '../world.ts';
import { median, perSecond, verdict } from './figures.ts';
import { programPath } from './lithair.ts';
import type { BenchPlan } from './main.ts';
import { processorSeconds } from './processor-time.ts';
import { ServerProcess } from './server-process.ts';

const EVENTS = 1_000_000;
/** Each is created once, and then updated in turn. */
const AGGREGATES = 100_000;
const PORT = 18_291;
const BATCH = 1000;
const AIM = 400_000;
const READY_MS = 120_000;

const MODEL = `auth: { mode: open }
store: { snapshotEvery: 1000000000 }
models:
  - name: Counter
    fields:
      - { name: id, type: string, primaryKey: true }
      - { name: value, type: integer }
`;

/** What a start says of its phases, milliseconds. */
interface Start {
  readonly phases: ReadonlyMap<string, number>;
  /** From the first phase to serving. */
  readonly totalMs: number;
  /** That the process used by then, all its threads, from its very beginning. */
  readonly processorSeconds: number;
}

/**
 * Starts a node again on a log of a million small events that no snapshot covers: everything from
 * the first byte of the log to an answer to requests.
 */
export async function measureRecovery(plan: BenchPlan): Promise<string[]> {
  const dataDir = join(plan.directory, 'recovery');
  const model = join(plan.directory, 'counter.yaml');
  writeFileSync(model, MODEL);
  const words = [
    ...NODE_FLAGS,
    programPath(),
    'serve',
    model,
    '--port',
    `${PORT}`,
    '--data',
    dataDir,
  ];
  const empty = await start(words);
  const bytes = await append(dataDir);
  const starts: Start[] = [];
  for (let round = 0; round < plan.rounds; round++) starts.push(await start(words));
  const rates = starts.map(({ totalMs }) => (EVENTS / totalMs) * 1000);
  const processor = median(starts.map((each) => each.processorSeconds));
  const ofEvents = processor - empty.processorSeconds;
  const names = ['log', 'snapshot', 'replay', 'dedup', 'indexes'];
  const parts = names.map((name) => {
    const ms = median(starts.map(({ phases }) => phases.get(name) ?? 0));
    return `${name} ${ms.toFixed(0)} ms`;
  });
  return [
    verdict({
      name: `start on ${EVENTS.toLocaleString('en-US')} events of ${bytes} bytes`,
      value: median(rates),
      unit: '/s',
      target: { least: AIM },
    }),
    `  each round: ${rates.map(perSecond).join(' ')}; ${parts.join(', ')}`,
    `  processor time: ${processor.toFixed(2)} s, ${empty.processorSeconds.toFixed(2)} s without ` +
      `events: ${perSecond(EVENTS / ofEvents)} for each second of the difference`,
  ];
}

async function start(words: readonly string[]): Promise<Start> {
  const server = new ServerProcess(process.execPath, words, NODE_ENVIRONMENT);
  server.start();
  const givesUpMs = performance.now() + READY_MS;
  while (!server.output.includes('"serving"')) {
    if (performance.now() > givesUpMs) throw new Error(`no start: ${server.output}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const used = processorSeconds([server.pid]);
  await server.end('SIGTERM');
  return { ...readStart(server.output), processorSeconds: used };
}

function readStart(output: string): Omit<Start, 'processorSeconds'> {
  const phases = new Map<string, number>();
  let totalMs = 0;
  for (const line of output.split('\n')) {
    const tookMs = /"phase":"(\w+)","tookMs":(\d+)/.exec(line);
    if (tookMs?.[1] !== undefined) phases.set(tookMs[1], Number(tookMs[2]));
    const ready = /"phase":"ready","sinceStartMs":(\d+)/.exec(line);
    if (ready !== null) totalMs = Number(ready[1]);
  }
  return { phases, totalMs };
}

/** Puts events at the end of a stopped node's log, as if it had applied them; gives their size. */
async function append(dir: string): Promise<number> {
  const world = { fs: new NodeFileSystem(), clock: systemClock, random: systemRandom };
  const directory = await openDataDirectory({ dir, ...world, logger: silentLogger });
  const log = await directory.openLog();
  const from = log.lastIndex() + 1;
  const term = log.term(log.lastIndex());
  for (let event = 0; event < EVENTS; event += BATCH) await appendBatch(log, from, term, event);
  const { vote = 0 } = log.initialState().hardState ?? {};
  const commit = log.lastIndex();
  await new Promise<void>((resolve) => {
    log.save({ hardState: { term, vote, commit } }, resolve);
  });
  const bytes = eventAt(0).length;
  await directory.close();
  return bytes;
}

function appendBatch(log: Log, from: number, term: number, event: number): Promise<void> {
  const entries = Array.from({ length: BATCH }, (_, at) => ({
    index: from + event + at,
    term,
    type: 0 as const,
    data: eventAt(event + at),
  }));
  return new Promise((resolve) => log.save({ entries }, resolve));
}

function eventAt(event: number): Uint8Array {
  const id = `counter-${String(event % AGGREGATES).padStart(8, '0')}`;
  const expectedVersion = Math.floor(event / AGGREGATES);
  return encodeEntry({
    kind: 'write',
    memberId: 1,
    timestampMs: Date.now(),
    schemaVersion: 1,
    actor: { subject: 'anonymous', method: 'none' },
    idempotency: null,
    changes: [
      {
        effect: expectedVersion === 0 ? 'created' : 'updated',
        model: 'Counter',
        id,
        expectedVersion,
        json: JSON.stringify({ id, value: event }),
        keys: [],
      },
    ],
  });
}
