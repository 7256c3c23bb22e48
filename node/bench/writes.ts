import { join } from 'node:path';
import { row } from './figures.ts';
import { latency } from './latency.ts';
import { startLithair } from './lithair.ts';
import type { BenchPlan } from './main.ts';
import { startServer } from './processes.ts';
import { productBody } from './product.ts';
import { interleaved } from './rounds.ts';

const BASELINE = join(import.meta.dirname, 'baseline', 'koa-post.ts');
const SERVER_CPU = 0;
const LOAD_CPU = 1;

/** Durable POST at 64 connections against Koa + joi + group commit; latency at 1 and 8 connections. */
export async function measureWrites(plan: BenchPlan): Promise<string[]> {
  const file = join(plan.directory, 'baseline.log');
  const koa = await startServer(
    'koa+joi+commit',
    [BASELINE, '18084', file],
    'http://127.0.0.1:18084/',
    SERVER_CPU,
  );
  const lithair = await startLithair(join(plan.directory, 'writes'), 18085, SERVER_CPU);
  const body = productBody(7);
  const targets = ['http://127.0.0.1:18084/', 'http://127.0.0.1:18085/api/products'];
  try {
    const requests = targets.map((target) => ({ url: target, method: 'POST' as const, body }));
    const [baseline = 0, ours = 0] = await interleaved(requests, plan, LOAD_CPU);
    const request = { url: targets[1] ?? '', method: 'POST' as const, body };
    const one = await latency(request, 1, 2000);
    const eight = await latency(request, 8, 8000);
    return [
      row('Koa + joi + group commit', baseline, baseline),
      row('durable POST, one node', ours, baseline),
      `latency p50/p99: 1 connection ${one.p50Ms.toFixed(2)}/${one.p99Ms.toFixed(2)} ms, 8 connections ${eight.p50Ms.toFixed(2)}/${eight.p99Ms.toFixed(2)} ms`,
    ];
  } finally {
    await Promise.all([koa.stop(), lithair.stop()]);
  }
}
