import { median } from './figures.ts';
import { type LoadRequest, load } from './load.ts';
import type { BenchPlan } from './main.ts';

const CONNECTIONS = 64;

/**
 * Loads the targets in turn, round by round, so that a machine whose speed drifts treats them alike.
 * Returns the median requests per second of each.
 */
export async function interleaved(
  targets: readonly LoadRequest[],
  plan: BenchPlan,
  loadProcessor: number | null,
): Promise<number[]> {
  const rates = targets.map((): number[] => []);
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const [i, target] of targets.entries()) {
      rates[i]?.push(await measured(target, plan, loadProcessor));
    }
  }
  return rates.map(median);
}

async function measured(target: LoadRequest, plan: BenchPlan, processor: number | null) {
  const result = await load(target, CONNECTIONS, plan.seconds, processor);
  if (result.failed > 0) throw new Error(`${target.url}: ${result.failed} requests failed`);
  return result.requestsPerSecond;
}
