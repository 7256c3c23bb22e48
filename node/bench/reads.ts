import { join } from 'node:path';
import { row } from './figures.ts';
import { latency } from './latency.ts';
import { createProduct, startLithair } from './lithair.ts';
import type { BenchPlan } from './main.ts';
import { startServer } from './processes.ts';
import { interleaved } from './rounds.ts';

const BASELINES = join(import.meta.dirname, 'baseline');
const SERVER_CPU = 0;
const LOAD_CPU = 1;

/** GET by id at 64 connections against node:http and bare Koa; latency at 1 and 8 connections. */
export async function measureReads(plan: BenchPlan): Promise<string[]> {
  const http = await startServer(
    'node:http',
    [join(BASELINES, 'http-get.ts'), '18081'],
    'http://127.0.0.1:18081/',
    SERVER_CPU,
  );
  const koa = await startServer(
    'koa',
    [join(BASELINES, 'koa-get.ts'), '18082'],
    'http://127.0.0.1:18082/',
    SERVER_CPU,
  );
  const lithair = await startLithair(join(plan.directory, 'reads'), 18083, SERVER_CPU);
  try {
    const url = await createProduct('http://127.0.0.1:18083', 1);
    const urls = [http.url, koa.url, url];
    const requests = urls.map((target) => ({ url: target, method: 'GET' as const }));
    const [httpRate = 0, koaRate = 0, ours = 0] = await interleaved(requests, plan, LOAD_CPU);
    const one = await latency({ url, method: 'GET' }, 1, 3000);
    const eight = await latency({ url, method: 'GET' }, 8, 8000);
    return [
      row('node:http, ratio to Koa', httpRate, koaRate),
      row('bare Koa', koaRate, koaRate),
      row('GET by id, strong', ours, koaRate),
      `latency p50/p99: 1 connection ${one.p50Ms.toFixed(2)}/${one.p99Ms.toFixed(2)} ms, 8 connections ${eight.p50Ms.toFixed(2)}/${eight.p99Ms.toFixed(2)} ms`,
    ];
  } finally {
    await Promise.all([http.stop(), koa.stop(), lithair.stop()]);
  }
}
