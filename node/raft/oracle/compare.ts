import type { TestCase } from '../conformance/datadriven.ts';
import { parseFile } from '../conformance/datadriven.ts';
import { interactionDriver } from '../conformance/interaction/commands.ts';
import { runCases } from '../conformance/runner.ts';
import type { Config } from '../src/index.ts';
import { OracleError } from './errors.ts';
import { TimeLimitError, withinTime } from './time-limit.ts';

const STOPPED = 'oracle stopped: ';

/**
 * `stopped`: the same up to a directive on which both stop, the Go module for the
 * reason given, ours with an error.
 */
export type Verdict =
  | { readonly kind: 'same' }
  | { readonly kind: 'stopped'; readonly reason: string }
  | { readonly kind: 'different'; readonly difference: string };

/**
 * Where the Go module panics and ours may go on: a follower that is asked, in its own
 * term, to hand over leadership forwards that once again, instead of breaking down.
 */
const GOES_ON = /^term should not be set when sending MsgTransferLeader/;

/** A script takes a few milliseconds. */
const LIMIT_MS = 10_000;

/**
 * Runs what the Go module answered with ours. Where the Go module panics, or never
 * comes to rest, ours has to refuse as well.
 *
 * @param answered a data-driven file of the Go module.
 * @throws {OracleError} when the Go module answered nothing.
 */
export function compare(answered: string, jitter: Config['randomElectionJitter']): Verdict {
  const cases = parseFile(answered);
  if (cases.some((test) => test.expected === '')) {
    throw new OracleError(`the Go module did not finish the script:\n${answered}`);
  }
  try {
    return withinTime(LIMIT_MS, () => runCompared(cases, jitter));
  } catch (error) {
    if (!(error instanceof TimeLimitError)) throw error;
    return { kind: 'different', difference: `ours hangs: ${error.message}` };
  }
}

function runCompared(cases: readonly TestCase[], jitter: Config['randomElectionJitter']): Verdict {
  const run = interactionDriver(jitter);
  const end = cases.findIndex((test) => test.expected.startsWith(STOPPED));
  const difference = runCases(end === -1 ? cases : cases.slice(0, end), run);
  if (difference !== null) return { kind: 'different', difference };
  const stop = cases[end];
  if (stop === undefined) return { kind: 'same' };
  const reason = stop.expected.slice(STOPPED.length).trim();
  if (GOES_ON.test(reason) || refuses(run, stop)) return { kind: 'stopped', reason };
  const goesOn = `line ${stop.line}: ${stop.command}\nthe Go module stops, ours goes on: ${reason}`;
  return { kind: 'different', difference: goesOn };
}

function refuses(run: (test: TestCase) => string, stop: TestCase): boolean {
  try {
    run(stop);
    return false;
  } catch {
    return true;
  }
}
