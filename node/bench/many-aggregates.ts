import { join } from 'node:path';
import { median, verdict } from './figures.ts';
import { fill, startLithair } from './lithair.ts';
import { load } from './load.ts';
import type { BenchPlan } from './main.ts';
import type { BenchServer } from './processes.ts';
import { processorSeconds } from './processor-time.ts';
import { productBody } from './product.ts';

const [EMPTY, FULL] = [18281, 18282];
const CONNECTIONS = 64;
const SERVER_CPU = 0;
const LOAD_CPU = 1;
const AIM = 0.9;

/** Durable POST to a node that holds a million aggregates beside one that begins empty, in turn. */
export async function measureManyAggregates(plan: BenchPlan): Promise<string[]> {
  const empty = await startLithair(join(plan.directory, 'empty'), EMPTY, SERVER_CPU);
  const full = await startLithair(join(plan.directory, 'full'), FULL, SERVER_CPU);
  try {
    await fill(`http://127.0.0.1:${FULL}`, plan.aggregates);
    const rounds: { before: Rate; after: Rate }[] = [];
    await rate(empty, EMPTY, plan);
    for (let round = 0; round < plan.rounds; round += 1) {
      const before = await rate(empty, EMPTY, plan);
      rounds.push({ before, after: await rate(full, FULL, plan) });
    }
    const ratios = rounds.map(({ before, after }) => after.perSecond / before.perSecond);
    const micros = (side: 'before' | 'after'): string =>
      median(rounds.map((round) => round[side].micros)).toFixed(0);
    const work = median(rounds.map(({ before, after }) => before.micros / after.micros));
    const count = plan.aggregates.toLocaleString('en-US');
    return [
      verdict({
        name: `POST on ${count} aggregates: ratio to an empty node`,
        value: median(ratios),
        unit: 'ratio',
        target: { least: AIM },
      }),
      `  ${Math.round(median(rounds.map(({ after }) => after.perSecond)))}/s; ` +
        `each round: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`,
      `  processor time of a write: ${micros('after')} µs, empty ${micros('before')} µs; ` +
        `ratio of what a second of it does: ${work.toFixed(2)}`,
    ];
  } finally {
    await Promise.all([empty.stop(), full.stop()]);
  }
}

interface Rate {
  readonly perSecond: number;
  /** Of processor time of the node, all its threads, for each write. */
  readonly micros: number;
}

async function rate(server: BenchServer, port: number, plan: BenchPlan): Promise<Rate> {
  const request = {
    url: `http://127.0.0.1:${port}/api/products`,
    method: 'POST' as const,
    body: productBody(7),
  };
  const used = processorSeconds([server.pid]);
  const { requestsPerSecond, failed } = await load(request, CONNECTIONS, plan.seconds, LOAD_CPU);
  if (failed > 0) throw new Error(`${request.url}: ${failed} requests failed`);
  const seconds = processorSeconds([server.pid]) - used;
  return {
    perSecond: requestsPerSecond,
    micros: (seconds * 1e6) / (requestsPerSecond * plan.seconds),
  };
}
