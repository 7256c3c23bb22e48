import { join } from 'node:path';
import { row } from './figures.ts';
import { latency } from './latency.ts';
import { startLithair } from './lithair.ts';
import type { BenchPlan } from './main.ts';
import { productBody } from './product.ts';
import { interleaved } from './rounds.ts';

const ONE = 18086;
const THREE = 18087;

/** POST to three local nodes on both processors, as a ratio to one node under the same load. */
export async function measureCluster(plan: BenchPlan): Promise<string[]> {
  const one = await startLithair(join(plan.directory, 'one'), ONE, null);
  const three = await startLithair(join(plan.directory, 'three'), THREE, null, 3);
  try {
    const leader = await leaderUrl(THREE, 3);
    const body = productBody(7);
    const targets = [`http://127.0.0.1:${ONE}/api/products`, `${leader}/api/products`];
    const requests = targets.map((target) => ({ url: target, method: 'POST' as const, body }));
    const [single = 0, replicated = 0] = await interleaved(requests, plan, null);
    const alone = await latency({ url: targets[1] ?? '', method: 'POST', body }, 1, 1000);
    return [
      row('one node, no pinning', single, single),
      row('three nodes, through the leader', replicated, single),
      `latency p50/p99 of the three: 1 connection ${alone.p50Ms.toFixed(2)}/${alone.p99Ms.toFixed(2)} ms`,
    ];
  } finally {
    await Promise.all([one.stop(), three.stop()]);
  }
}

async function leaderUrl(firstPort: number, nodes: number): Promise<string> {
  for (let i = 0; i < nodes; i += 1) {
    const response = await fetch(`http://127.0.0.1:${firstPort + 1000 + i}/_cluster/status`);
    const status: unknown = await response.json();
    if (isLeader(status)) return `http://127.0.0.1:${firstPort + i}`;
  }
  throw new Error('no node says that it leads');
}

function isLeader(status: unknown): boolean {
  return (
    typeof status === 'object' && status !== null && 'role' in status && status.role === 'leader'
  );
}
