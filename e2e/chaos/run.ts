import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BrokenPromise, tally } from './checks/index.ts';
import { Cluster } from './cluster/index.ts';
import { torment } from './faults/index.ts';
import { SeededRandom } from './random.ts';
import { settle } from './settle.ts';
import { Client } from './workload/client.ts';
import { Recorder } from './workload/history.ts';
import { MemoClient } from './workload/memo-client.ts';

const CLIENTS = 8;
/** Clients of rows that every node takes by itself. */
const MEMO_CLIENTS = 4;
/** Members that never vote, and answer strong reads as all do. */
const LEARNERS = 1;
/** Members that come and go, so that there are three voters, then five, and so on. */
const ELASTIC = 2;
const PROGRESS_MS = 5_000;

/** One run: a cluster, clients, and faults for so long. */
export interface RunPlan {
  /** Voters. */
  readonly nodes: number;
  readonly seconds: number;
  readonly seed: number;
  /** Which promise of the product is broken on purpose. */
  readonly broken: Broken | null;
}

/** Builds that are broken on purpose, to see that a run finds it; `testing/` composes them. */
export const BROKEN_KINDS = [
  'stale-reads',
  'stale-sessions',
  'repeated-writes',
  'lost-local-writes',
  'arrival-order',
] as const;

export type Broken = (typeof BROKEN_KINDS)[number];

/** The promise that each of them breaks: nothing else counts as having found it. */
export const CAUGHT_BY: Readonly<Record<Broken, BrokenPromise>> = {
  'stale-reads': 'linearizability',
  'stale-sessions': 'session',
  'repeated-writes': 'repeated',
  'lost-local-writes': 'lost local write',
  'arrival-order': 'local order',
};

/**
 * Lets a cluster live through a run and writes down what happened; what the members said goes to
 * files beside the history.
 *
 * @throws Error where the cluster cannot even be started
 */
export async function runOnce(
  plan: RunPlan,
  program: string,
  directory: string,
  stop: AbortSignal,
): Promise<Recorder> {
  const recorder = new Recorder(join(directory, 'history.ndjson'));
  const { nodes } = plan;
  // Of five voters two go and come back; to three, two come that are learners before.
  const learners = nodes === 3 ? LEARNERS + ELASTIC : LEARNERS;
  const size = { voters: nodes, learners, elastic: ELASTIC };
  const cluster = await Cluster.start(size, program, {
    problem: (text) => recorder.problem(text),
    diskGone: (node, disk, waiting) => recorder.add({ kind: 'disk', node, disk, waiting }),
  });
  const over = new AbortController();
  const abort = (): void => over.abort();
  stop.addEventListener('abort', abort);
  if (stop.aborted) abort();
  try {
    recorder.begin({ kind: 'run', ...plan });
    await live(plan, cluster, recorder, over);
    if (!stop.aborted) await end(cluster, recorder);
    return recorder;
  } finally {
    stop.removeEventListener('abort', abort);
    for (const { name, output } of cluster.all) {
      writeFileSync(join(directory, `${name}.log`), output);
    }
    await cluster.stop();
    await recorder.close();
  }
}

async function live(
  plan: RunPlan,
  cluster: Cluster,
  recorder: Recorder,
  over: AbortController,
): Promise<void> {
  const random = new SeededRandom(plan.seed);
  const timer = setTimeout(() => over.abort(), plan.seconds * 1000);
  const progress = reportProgress(recorder);
  const nodes = () => cluster.members;
  const clients = [
    ...numbers(1, CLIENTS).map((n) => new Client(n, random.fork(), nodes, recorder)),
    ...numbers(CLIENTS + 1, MEMO_CLIENTS).map(
      (n) => new MemoClient(n, random.fork(), nodes, recorder),
    ),
  ];
  try {
    const scene = { cluster, recorder, random: random.fork(), over: over.signal };
    const isOver = (): boolean => over.signal.aborted;
    await Promise.all([torment(scene), ...clients.map((client) => client.run(isOver))]);
  } finally {
    clearTimeout(timer);
    progress();
    for (const client of clients) client.close();
  }
}

function numbers(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first + at);
}

async function end(cluster: Cluster, recorder: Recorder): Promise<void> {
  const reader = new Client(0, new SeededRandom(0), () => cluster.members, recorder);
  await settle(cluster, recorder, reader);
  reader.close();
  await cluster.verify();
}

/** A line now and then; the result ends it. */
function reportProgress(recorder: Recorder): () => void {
  let seen = 0;
  const timer = setInterval(() => {
    const news = recorder.records.slice(seen);
    seen = recorder.records.length;
    const { ok, unknown } = tally(news);
    const faults = news.flatMap((record) =>
      record.kind === 'fault' ? [`${record.name} ${record.detail}`] : [],
    );
    const seconds = (recorder.now() / 1e9).toFixed(0).padStart(4);
    const rate = Math.round(ok / (PROGRESS_MS / 1000));
    console.log(
      `${seconds} s  ${rate} ok/s, ${unknown} unknown; ${faults.join('; ') || 'no fault ended'}`,
    );
  }, PROGRESS_MS);
  return () => clearInterval(timer);
}
