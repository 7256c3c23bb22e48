import { join } from 'node:path';
import { fill, startLithair } from './lithair.ts';
import type { BenchPlan } from './main.ts';
import { rssMegabytes } from './processes.ts';

const PORT = 18091;

/** Memory idle and full, and the time from start to ready with all products there. */
export async function measureSize(plan: BenchPlan): Promise<string[]> {
  const dataDir = join(plan.directory, 'size');
  const base = `http://127.0.0.1:${PORT}`;
  const first = await startLithair(dataDir, PORT, 0);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const idle = rssMegabytes(first.pid);
  await fill(base, plan.products);
  const full = rssMegabytes(first.pid);
  await first.stop('SIGKILL');
  const startedMs = performance.now();
  const second = await startLithair(dataDir, PORT, 0);
  const startMs = performance.now() - startedMs;
  const after = rssMegabytes(second.pid);
  await second.stop();
  const count = plan.products.toLocaleString('en-US');
  return [
    `idle                                ${idle.toFixed(0)} MB`,
    `with ${count} products          ${full.toFixed(0)} MB after writing, ${after.toFixed(0)} MB after a restart`,
    `start to ready after kill -9        ${(startMs / 1000).toFixed(2)} s`,
  ];
}
