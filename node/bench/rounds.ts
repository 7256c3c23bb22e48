import { median } from './figures.ts';
import { type LoadRequest, load } from './load.ts';
import type { BenchPlan } from './main.ts';
import { processorSeconds } from './processor-time.ts';

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
  return medianOfEach(await rounds(plan, () => targets, loadProcessor));
}

/** The same, round by round: requests per second of each target of that round. */
export async function rounds(
  plan: BenchPlan,
  targetsOf: (round: number) => readonly LoadRequest[],
  loadProcessor: number | null,
): Promise<number[][]> {
  const rates: number[][] = [];
  for (let round = 0; round < plan.rounds; round += 1) {
    const row: number[] = [];
    for (const target of targetsOf(round)) row.push(await measured(target, plan, loadProcessor));
    rates.push(row);
  }
  return rates;
}

/** A target, and the process that answers it. */
export interface Watched {
  readonly request: LoadRequest;
  readonly pid: number;
}

/** As {@link rounds}, and beside each rate the microseconds of processor time for each request. */
export async function watchedRounds(
  plan: BenchPlan,
  targets: readonly Watched[],
  loadProcessor: number | null,
): Promise<{ rates: number[][]; microseconds: number[][] }> {
  const [rates, microseconds]: [number[][], number[][]] = [[], []];
  for (let round = 0; round < plan.rounds; round += 1) {
    const [rateRow, timeRow]: [number[], number[]] = [[], []];
    for (const { request, pid } of targets) {
      const { rate, each } = await watched({ request, pid }, plan, loadProcessor);
      rateRow.push(rate);
      timeRow.push(each);
    }
    rates.push(rateRow);
    microseconds.push(timeRow);
  }
  return { rates, microseconds };
}

/** Microseconds of a server's processor time for each request: other load on the machine counts less. */
export async function processorMicroseconds(
  target: LoadRequest,
  plan: BenchPlan,
  pid: number,
  loadProcessor: number | null,
): Promise<number> {
  return (await watched({ request: target, pid }, plan, loadProcessor)).each;
}

/** Requests per second, and the microseconds of the server's processor time for each. */
async function watched({ request, pid }: Watched, plan: BenchPlan, loadProcessor: number | null) {
  const before = processorSeconds([pid]);
  const rate = await measured(request, plan, loadProcessor);
  return { rate, each: ((processorSeconds([pid]) - before) * 1e6) / (rate * plan.seconds) };
}

/** The median of each column. */
export function medianOfEach(rows: readonly (readonly number[])[]): number[] {
  return (rows[0] ?? []).map((_, at) => median(rows.map((row) => row[at] ?? Number.NaN)));
}

/** The median of the ratios of one column to the first, round by round. */
export function medianRatio(rows: readonly (readonly number[])[], column: number): number {
  return median(rows.map((row) => (row[column] ?? Number.NaN) / (row[0] ?? Number.NaN)));
}

async function measured(target: LoadRequest, plan: BenchPlan, processor: number | null) {
  const result = await load(target, CONNECTIONS, plan.seconds, processor);
  if (result.failed > 0) throw new Error(`${target.url}: ${result.failed} requests failed`);
  return result.requestsPerSecond;
}
