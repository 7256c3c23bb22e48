/** The command `make chaos`; see {@link HELP}. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Checker, type Tally, tally, violations, voids } from './checks/index.ts';
import { HELP, type Options, parseOptions } from './options.ts';
import { type RunPlan, runOnce } from './run.ts';
import { buildProgram } from './testing/build-program.ts';
import { type HistoryRecord, readHistory } from './workload/history.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
process.exit(await main(process.argv.slice(2)));

async function main(words: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(words);
  } catch (error) {
    console.error(`chaos: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const checker = new Checker();
  try {
    if (options.check === null) return await runAll(options, checker);
    return judge(checker, options.check, readHistory(options.check)).failures.length === 0 ? 0 : 1;
  } finally {
    checker.close();
  }
}

async function runAll(options: Options, checker: Checker): Promise<number> {
  const built = mkdtempSync(join(tmpdir(), 'lithair-chaos-program-'));
  try {
    const program = await buildProgram(options.broken ?? 'product', built);
    return await runUntil(options, program, checker);
  } finally {
    rmSync(built, { recursive: true, force: true });
  }
}

async function runUntil(options: Options, program: string, checker: Checker): Promise<number> {
  const { hours, runs, seed } = options;
  const endMs = hours === null ? null : performance.now() + hours * 3_600_000;
  const counts = { passed: 0, failed: 0 };
  for (let at = 0; endMs === null ? at < runs : performance.now() < endMs; at += 1) {
    const plan: RunPlan = { ...options, seed: seed + at, nodes: nodesOf(options, at) };
    const good = await oneRun(plan, program, options, checker);
    if (stop.signal.aborted) {
      console.error('chaos: stopped');
      return 130;
    }
    counts[good ? 'passed' : 'failed'] += 1;
  }
  console.log(`chaos: ${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

function nodesOf({ nodes, runs, hours }: Options, at: number): number {
  if (nodes !== null) return nodes;
  return (runs > 1 || hours !== null) && at % 2 === 1 ? 5 : 3;
}

async function oneRun(
  plan: RunPlan,
  program: string,
  options: Options,
  checker: Checker,
): Promise<boolean> {
  const { nodes, seconds, seed, broken } = plan;
  console.log(
    `chaos: ${nodes} members, ${seconds} s, seed ${seed}${broken === null ? '' : `, broken: ${broken}`}`,
  );
  const directory = mkdtempSync(join(tmpdir(), 'lithair-chaos-history-'));
  const run = { nodes, seconds, seed, broken };
  const recorder = await runOnce(run, program, directory, stop.signal).catch((error: unknown) => {
    console.log(
      `FAIL the run ended early: ${error instanceof Error ? error.message : String(error)}`,
    );
    return null;
  });
  if (recorder === null || stop.signal.aborted) {
    rmSync(directory, { recursive: true, force: true });
    return false;
  }
  const { failures, broke } = judge(checker, recorder.path, recorder.records);
  if (broken !== null) return judgeBroken(broken, broke, directory);
  if (failures.length === 0 && !options.keep) {
    rmSync(directory, { recursive: true, force: true });
    return true;
  }
  console.log(`  kept: ${directory} (${readdirSync(directory).join(', ')})`);
  console.log(`  to check it again: make chaos CHECK=${recorder.path}`);
  return failures.length === 0;
}

/** A broken build has to be found out, by its history alone. */
function judgeBroken(broken: string, broke: boolean, directory: string): boolean {
  if (!broke) {
    console.log(`FAIL the build with ${broken} was not caught; history: ${directory}`);
    return false;
  }
  console.log(`  the build with ${broken} was caught, as it must be`);
  rmSync(directory, { recursive: true, force: true });
  return true;
}

/** Checks a history, and says what it found; `broke`: a promise, not only the rules of a run. */
function judge(
  checker: Checker,
  path: string,
  records: readonly HistoryRecord[],
): { failures: string[]; broke: boolean } {
  const picture = join(dirname(path), 'history.html');
  const verdict = checker.check(path, picture);
  printTally(tally(records));
  const broken = violations(records);
  const keys = verdict.keys.join(', ');
  if (verdict.verdict === 'Illegal') broken.unshift(`not linearizable: ${keys} (${picture})`);
  const failures = [...broken, ...voids(records)];
  if (verdict.verdict === 'Unknown') failures.unshift(`undecided: ${keys} (${picture})`);
  for (const failure of failures) console.log(`FAIL ${failure}`);
  const seconds = verdict.seconds.toFixed(2);
  const word = failures.length === 0 ? ' ok ' : 'FAIL';
  console.log(
    `${word} ${verdict.operations} operations checked in ${seconds} s: ${verdict.verdict}`,
  );
  return { failures, broke: broken.length > 0 };
}

function printTally(told: Tally): void {
  const { operations, ok, refused, none, unknown, unknownShare, longestGap, faults } = told;
  const share = (unknownShare * 100).toFixed(1);
  const known = `${ok} ok, ${refused} refused, ${none} without effect`;
  console.log(`  ${operations} operations: ${known}, ${unknown} unknown (${share} %)`);
  console.log(`  longest time without an acknowledged write: ${longestGap.toFixed(1)} s`);
  const list = Array.from(faults, ([name, count]) => `${name} ${count}`).join(', ');
  console.log(`  faults: ${list || 'none'}`);
}
