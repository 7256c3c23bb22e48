/**
 * `make raft-fuzz SCRIPTS=1000 SEED=1`: random scripts, run by the Go module's own
 * interaction environment and by ours; ends in `N passed, N failed`.
 */
import { parseArgs } from 'node:util';
import { parseJitter } from '../conformance/jitter.ts';
import { findUpstream } from '../conformance/upstream.ts';
import type { Outcome, Selection } from './fuzz.ts';
import { describeFinding, fuzz } from './fuzz.ts';
import { GoOracle, ORACLE_JITTER } from './go-oracle.ts';

const HELP = `Usage: make raft-fuzz [SCRIPTS=1000] [SEED=1] [FIRST=0]

Has random scripts run by the upstream Go module and by this package, and compares every line.

  --scripts N   how many scripts (1000)
  --seed N      what they are drawn from (1)
  --first N     the number of the first of them (0)
  --help        show this text`;

process.exitCode = main();

function main(): number {
  try {
    const selection = readSelection();
    if (selection !== null) return run(selection);
    console.log(HELP);
    return 0;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    console.error(text.replaceAll('\n', ' '));
    return 2;
  }
}

/** null when only help is asked for. */
function readSelection(): Selection | null {
  const { values } = parseArgs({
    options: {
      scripts: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      first: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  return {
    count: integer('--scripts', values.scripts, 1),
    seed: integer('--seed', values.seed, 0),
    first: integer('--first', values.first, 0),
  };
}

function integer(option: string, text: string, least: number): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && value >= least && value < 2 ** 32) return value;
  throw new Error(`${option}: "${text}" is not an integer from ${least} to ${2 ** 32 - 1}`);
}

function run(selection: Selection): number {
  const upstream = findUpstream();
  if (!upstream.found) {
    const required = process.env['LITHAIR_REQUIRE_GO'] === '1';
    console.log(`raft-fuzz ${required ? 'failed' : 'skipped'}: ${upstream.reason}`);
    return required ? 1 : 0;
  }
  const oracle = new GoOracle(upstream);
  try {
    return report(fuzz(oracle, parseJitter(ORACLE_JITTER), selection), selection);
  } finally {
    oracle.close();
  }
}

function report(outcome: Outcome, { seed }: Selection): number {
  const { passed, failed, stopped, directives, lines, finding } = outcome;
  if (finding !== null) console.log(describeFinding(finding));
  for (const index of failed) {
    console.log(`FAILED: make raft-fuzz SCRIPTS=1 SEED=${seed} FIRST=${index}`);
  }
  for (const [reason, count] of counted(stopped)) {
    console.log(`the same up to where both stop: ${count} x ${reason}`);
  }
  console.log(
    `${directives} directives, ${lines} lines; both stop early on ${stopped.length} scripts`,
  );
  console.log(`${passed} passed, ${failed.length} failed`);
  return failed.length > 0 || passed === 0 ? 1 : 0;
}

/** Reasons that differ in numbers only are one. */
function counted(reasons: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const reason of reasons) {
    const kind = reason.replaceAll(/[0-9]+/g, 'N').slice(0, 120);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}
