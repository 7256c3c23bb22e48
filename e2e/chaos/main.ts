/** The command `make chaos`; see {@link HELP}. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  acknowledgedMemos,
  broken as brokenPromise,
  Checker,
  type Tally,
  tally,
  type Violation,
  violations,
  voids,
} from './checks/index.ts';
import { HELP, type Options, parseOptions } from './options.ts';
import { type Broken, CAUGHT_BY, type RunPlan, runOnce } from './run.ts';
import { buildProgram } from './testing/build-program.ts';
import { type HistoryRecord, readHistory } from './workload/history.ts';

/** How a run ended. `void`: nothing was broken, but it says too little to count. */
type Verdict = 'passed' | 'failed' | 'void';

/** A run that says too little, as on a machine that is busy with something else, is done again. */
const MOST_REPEATS = 2;
/** Failures of one run that are printed. */
const MOST_TOLD = 20;

const WORDS: Readonly<Record<Verdict, string>> = { passed: ' ok ', failed: 'FAIL', void: 'void' };

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
    const judged = judge(checker, options.check, readHistory(options.check));
    return judged.verdict === 'passed' ? 0 : 1;
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
  const counts = { passed: 0, failed: 0, void: 0 };
  let repeats = 0;
  for (let at = 0; endMs === null ? at < runs : performance.now() < endMs; at += 1) {
    const plan: RunPlan = {
      ...options,
      seed: (seed + at + repeats) >>> 0,
      nodes: nodesOf(options, at),
    };
    let verdict = await oneRun(plan, program, options, checker);
    for (let again = 0; verdict === 'void' && again < MOST_REPEATS; again += 1) {
      repeats += 1;
      console.log('  void, so with the next seed once more');
      verdict = await oneRun(
        { ...plan, seed: (plan.seed + again + 1) >>> 0 },
        program,
        options,
        checker,
      );
    }
    if (stop.signal.aborted) {
      console.error('chaos: stopped');
      return 130;
    }
    counts[verdict] += 1;
  }
  console.log(`chaos: ${counts.passed} passed, ${counts.failed} failed, ${counts.void} void`);
  return counts.failed + counts.void === 0 && counts.passed > 0 ? 0 : 1;
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
): Promise<Verdict> {
  const { nodes, seconds, seed, broken } = plan;
  console.log(
    `chaos: ${nodes} voters and a learner, ${seconds} s, seed ${seed}${broken === null ? '' : `, broken: ${broken}`}`,
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
    return 'failed';
  }
  const { verdict, found, saysLittle } = judge(checker, recorder.path, recorder.records);
  if (broken !== null) return judgeBroken(broken, found, saysLittle, directory);
  if (verdict !== 'failed' && !options.keep) {
    rmSync(directory, { recursive: true, force: true });
    return verdict;
  }
  console.log(`  kept: ${directory} (${readdirSync(directory).join(', ')})`);
  console.log(`  to check it again: make chaos CHECK=${recorder.path}`);
  return verdict;
}

/** A broken build has to be found out, by its history alone, and by the promise that it breaks. */
function judgeBroken(
  broken: Broken,
  found: readonly Violation[],
  saysLittle: boolean,
  directory: string,
): Verdict {
  const promise = CAUGHT_BY[broken];
  const count = found.filter((violation) => violation.promise === promise).length;
  if (count === 0 && saysLittle) {
    rmSync(directory, { recursive: true, force: true });
    return 'void';
  }
  if (count === 0) {
    console.log(`FAIL the build with ${broken} broke no promise of the kind "${promise}"`);
    console.log(`  history: ${directory}`);
    return 'failed';
  }
  console.log(`  the build with ${broken} was caught, as it must be, by "${promise}" (${count})`);
  rmSync(directory, { recursive: true, force: true });
  return 'passed';
}

/** Checks a history, and says what it found: promises that were broken, not only rules of runs. */
function judge(
  checker: Checker,
  path: string,
  records: readonly HistoryRecord[],
): { verdict: Verdict; found: readonly Violation[]; saysLittle: boolean } {
  const picture = join(dirname(path), 'history.html');
  const checked = checker.check(path, picture);
  printTally(tally(records));
  console.log(`  local writes acknowledged: ${acknowledgedMemos(records)}`);
  const keys = checked.keys.join(', ');
  const orderless = checked.verdict === 'Illegal' ? [`not linearizable: ${keys} (${picture})`] : [];
  const found = [...brokenPromise('linearizability', orderless), ...violations(records)];
  const undecided = checked.verdict === 'Unknown' ? [`undecided: ${keys} (${picture})`] : [];
  const failures = [...undecided, ...found.map(({ text }) => text)];
  const reasons = voids(records);
  for (const failure of failures.slice(0, MOST_TOLD)) console.log(`FAIL ${failure}`);
  if (failures.length > MOST_TOLD) console.log(`  and ${failures.length - MOST_TOLD} more`);
  for (const reason of reasons) console.log(`void ${reason}`);
  const verdict = failures.length > 0 ? 'failed' : reasons.length > 0 ? 'void' : 'passed';
  const seconds = checked.seconds.toFixed(2);
  console.log(
    `${WORDS[verdict]} ${checked.operations} operations checked in ${seconds} s: ${checked.verdict}`,
  );
  return { verdict, found, saysLittle: reasons.length > 0 };
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
