import { join } from 'node:path';
import { median, verdict } from './figures.ts';
import { fill, startLithair } from './lithair.ts';
import { load } from './load.ts';
import type { BenchPlan } from './main.ts';
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
    const [ratios, rates]: [number[], number[]] = [[], []];
    await rate(EMPTY, plan);
    for (let round = 0; round < plan.rounds; round += 1) {
      const before = await rate(EMPTY, plan);
      const after = await rate(FULL, plan);
      rates.push(after);
      ratios.push(after / before);
    }
    const count = plan.aggregates.toLocaleString('en-US');
    return [
      verdict({
        name: `POST on ${count} aggregates: ratio to an empty node`,
        value: median(ratios),
        unit: 'ratio',
        target: { least: AIM },
      }),
      `  ${Math.round(median(rates))}/s; each round: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`,
    ];
  } finally {
    await Promise.all([empty.stop(), full.stop()]);
  }
}

async function rate(port: number, plan: BenchPlan): Promise<number> {
  const request = {
    url: `http://127.0.0.1:${port}/api/products`,
    method: 'POST' as const,
    body: productBody(7),
  };
  const { requestsPerSecond, failed } = await load(request, CONNECTIONS, plan.seconds, LOAD_CPU);
  if (failed > 0) throw new Error(`${request.url}: ${failed} requests failed`);
  return requestsPerSecond;
}
