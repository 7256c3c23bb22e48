import type { TestCase } from '../conformance/datadriven.ts';
import { parseFile } from '../conformance/datadriven.ts';
import { runText } from '../conformance/runner.ts';
import type { Config } from '../src/index.ts';
import { OracleError } from './errors.ts';

const STOPPED = 'oracle stopped: ';

/** `left-out`: the same up to where the Go module panics or never ends, for the reason given. */
export type Verdict =
  | { readonly kind: 'same' }
  | { readonly kind: 'left-out'; readonly reason: string }
  | { readonly kind: 'different'; readonly difference: string };

/**
 * Runs what the Go module answered with ours.
 *
 * @param answered a data-driven file of the Go module.
 * @throws {OracleError} when the Go module answered nothing.
 */
export function compare(answered: string, jitter: Config['randomElectionJitter']): Verdict {
  const cases = parseFile(answered);
  if (cases.some((test) => test.expected === '')) {
    throw new OracleError(`the Go module did not finish the script:\n${answered}`);
  }
  const stop = cases.find((test) => test.expected.startsWith(STOPPED));
  const difference = differenceIn(stop === undefined ? answered : before(answered, stop), jitter);
  if (difference !== null) return { kind: 'different', difference };
  if (stop === undefined) return { kind: 'same' };
  return { kind: 'left-out', reason: stop.expected.slice(STOPPED.length).trim() };
}

function before(text: string, stop: TestCase): string {
  return text
    .split('\n')
    .slice(0, stop.line - 1)
    .join('\n');
}

function differenceIn(text: string, jitter: Config['randomElectionJitter']): string | null {
  return text.trim() === '' ? null : runText(text, jitter).failure;
}
