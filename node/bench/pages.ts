import { join } from 'node:path';
import { verdict } from './figures.ts';
import { latency } from './latency.ts';
import { createProduct, fill, startLithair } from './lithair.ts';
import type { LoadRequest } from './load.ts';
import type { BenchPlan } from './main.ts';
import { medianOfEach, medianRatio, processorMicroseconds, rounds } from './rounds.ts';

const SERVER_CPU = 0;
const LOAD_CPU = 1;
const PORT = 18086;
const ROWS = 200_000;
const LATENCY_CONNECTIONS = 8;
const LATENCY_REQUESTS = 4000;
/** Where the pages of a round begin: prices are spread evenly from 1.50 to 1000.50. */
const PRICES = Array.from({ length: 16 }, (_, at) => 20 + at * 60);

/**
 * A filtered, sorted page of 20 of 200,000 rows by an ordered index, beside GET by id: rounds that
 * alternate, medians of the ratios of neighbours.
 */
export async function measurePages(plan: BenchPlan): Promise<string[]> {
  const base = `http://127.0.0.1:${PORT}`;
  const lithair = await startLithair(join(plan.directory, 'pages'), PORT, SERVER_CPU);
  try {
    const row = await createProduct(base, 1);
    await fill(base, ROWS - 1);
    const get: LoadRequest = { url: row, method: 'GET' };
    const rates = await rounds(
      plan,
      (round) => [get, { url: pageUrl(base, round), method: 'GET' }],
      LOAD_CPU,
    );
    const p99s = await latencyRounds(plan, base, get);
    const page: LoadRequest = { url: pageUrl(base, 0), method: 'GET' };
    const spent = await processorTimes([get, page], plan, lithair.pid);
    return [...lines(rates, p99s), spent];
  } finally {
    await lithair.stop();
  }
}

function pageUrl(base: string, round: number): string {
  const from = PRICES[round % PRICES.length] ?? 0;
  return `${base}/api/products?price[gte]=${from}&price[lt]=${from + 900}&sort=price&limit=20`;
}

/** Pairs of 99th percentiles in milliseconds: of GET by id, and of a page. */
async function latencyRounds(plan: BenchPlan, base: string, get: LoadRequest): Promise<number[][]> {
  const pairs: number[][] = [];
  for (let round = 0; round < plan.rounds; round += 1) {
    const page: LoadRequest = { url: pageUrl(base, round), method: 'GET' };
    const pair: number[] = [];
    for (const request of [get, page]) {
      pair.push((await latency(request, LATENCY_CONNECTIONS, LATENCY_REQUESTS)).p99Ms);
    }
    pairs.push(pair);
  }
  return pairs;
}

async function processorTimes(
  requests: readonly LoadRequest[],
  plan: BenchPlan,
  pid: number,
): Promise<string> {
  const each: string[] = [];
  for (const request of requests) {
    each.push((await processorMicroseconds(request, plan, pid, LOAD_CPU)).toFixed(0));
  }
  return `processor time of the node: GET by id, page: ${each.join(', ')} µs`;
}

function lines(rates: readonly (readonly number[])[], p99s: readonly (readonly number[])[]) {
  const [get = 0, page = 0] = medianOfEach(rates);
  const [getP99 = 0, pageP99 = 0] = medianOfEach(p99s);
  return [
    verdict({ name: 'GET by id, 64 connections', value: get, unit: '/s', target: null }),
    verdict({
      name: `page of 20 of ${ROWS.toLocaleString('en-US')}, filtered and sorted`,
      value: page,
      unit: '/s',
      target: null,
      baseline: { name: 'GET', value: get },
    }),
    verdict({
      name: 'page, ratio to GET by id',
      value: medianRatio(rates, 1),
      unit: 'ratio',
      target: { least: 0.5 },
    }),
    verdict({
      name: `p99 of a page, ${LATENCY_CONNECTIONS} connections, ratio to that of GET`,
      value: medianRatio(p99s, 1),
      unit: 'ratio',
      target: { most: 3 },
    }),
    `p99 at ${LATENCY_CONNECTIONS} connections: GET by id ${getP99.toFixed(2)} ms, page ${pageP99.toFixed(2)} ms`,
  ];
}
