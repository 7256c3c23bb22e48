/**
 * `make raft-sim SEEDS=2000`: clusters of the core alone among faults, one for each
 * seed; ends in `N passed, N failed`.
 */
import { parseArgs } from 'node:util';
import { describeFailure, describeTotals, spread } from './report.ts';
import type { Length, Outcome } from './run.ts';
import { DEFAULT_LENGTH, runSeed } from './run.ts';
import { Totals } from './totals.ts';

const HELP = `Usage: make raft-sim [SEEDS=2000] [FIRST=1] [SEED=number] [STEPS=${DEFAULT_LENGTH.steps}]

Runs clusters of the consensus core in virtual time, with faults drawn from a seed, and checks the
properties of Raft after every step.

  --seeds N   how many seeds to run (2000)
  --first N   the first of them (1)
  --seed N    run this seed only, and show the end of what happened
  --steps N   events with faults, at least; a run goes on until ${DEFAULT_LENGTH.commits} commits (${DEFAULT_LENGTH.steps})
  --stop      stop at the first seed that fails
  --help      show this text`;

/** One seed in so many is run twice, and has to do the same again. */
const REPEATED = 50;
const SHOWN_FAILURES = 3;
/** Totals so far are printed this often. */
const PROGRESS_MS = 30_000;

process.exitCode = main();

function main(): number {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: 'string', default: '2000' },
        first: { type: 'string', default: '1' },
        seed: { type: 'string', default: '' },
        steps: { type: 'string', default: String(DEFAULT_LENGTH.steps) },
        stop: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      return 0;
    }
    const length = { ...DEFAULT_LENGTH, steps: integer('--steps', values.steps, 1) };
    if (values.seed !== '') return runOne(integer('--seed', values.seed, 0), length);
    const first = integer('--first', values.first, 0);
    return runMany(first, integer('--seeds', values.seeds, 1), length, values.stop);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    console.error(text.replaceAll('\n', ' '));
    return 2;
  }
}

function integer(option: string, text: string, least: number): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && value >= least && value < 2 ** 32) return value;
  throw new Error(`${option}: "${text}" is not an integer from ${least} to ${2 ** 32 - 1}`);
}

function runOne(seed: number, length: Length): number {
  const outcome = runSeed(seed, length, true);
  if (outcome.violation === null) {
    for (const line of outcome.lines) console.log(line);
    console.log(describeTotals(outcome.totals));
    console.log(`trace ${outcome.hash}`);
  } else console.log(describeFailure(outcome, length));
  return report([outcome]);
}

function runMany(first: number, count: number, length: Length, stop: boolean): number {
  const outcomes: Outcome[] = [];
  const totals = new Totals();
  const start = performance.now();
  let shown = 0;
  let told = start;
  let repeated = 0;
  let differing = 0;
  for (let seed = first; seed < first + count; seed++) {
    const outcome = runSeed(seed, length);
    outcomes.push({ ...outcome, lines: [] });
    totals.add(outcome.totals);
    if (seed % REPEATED === first % REPEATED) {
      repeated++;
      if (!repeats(outcome, length)) differing++;
    }
    if (outcome.violation !== null && shown++ < SHOWN_FAILURES) {
      console.log(describeFailure(runSeed(seed, length, true), length));
    }
    if (stop && outcome.violation !== null) break;
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      console.log(`${outcomes.length} of ${count} seeds, ${totals.commits} commits`);
    }
  }
  const seconds = (performance.now() - start) / 1000;
  console.log(describeTotals(totals));
  console.log(`commits per seed: ${spread(outcomes.map((outcome) => outcome.totals.commits))}`);
  console.log(`recovery in election timeouts: ${spread(outcomes.map(({ recovery }) => recovery))}`);
  console.log(`${repeated} seeds run twice, ${differing} with another trace`);
  console.log(
    `${seconds.toFixed(1)} s, ${((60 * outcomes.length) / seconds).toFixed(0)} seeds per minute`,
  );
  return Math.max(report(outcomes), differing > 0 ? 1 : 0);
}

function repeats(outcome: Outcome, length: Length): boolean {
  const again = runSeed(outcome.seed, length);
  if (again.hash === outcome.hash && again.events === outcome.events) return true;
  console.log(`seed ${outcome.seed} is not deterministic: ${outcome.hash}, then ${again.hash}`);
  return false;
}

function report(outcomes: readonly Outcome[]): number {
  const failed = outcomes.filter(({ violation }) => violation !== null);
  for (const { seed, violation } of failed) {
    console.log(`FAILED: make raft-sim SEED=${seed} (${violation?.property})`);
  }
  console.log(`${outcomes.length - failed.length} passed, ${failed.length} failed`);
  return failed.length > 0 ? 1 : 0;
}
