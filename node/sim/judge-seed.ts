import { type RunReport, runSeed } from './run.ts';

/** Seeds of which one is run twice, to see that nothing but the seed decides what happens. */
const TWICE_EVERY = 20;

/** Runs a seed, some of them twice. */
export async function judgeSeed(seed: number): Promise<RunReport> {
  const report = await runSeed(seed);
  if (seed % TWICE_EVERY !== 0) return report;
  const again = await runSeed(seed);
  if (again.traceHash === report.traceHash) return report;
  const failure = `determinism: once the trace is ${report.traceHash}, once ${again.traceHash}`;
  return { ...report, failure };
}
