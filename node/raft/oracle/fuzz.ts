import type { Config } from '../src/index.ts';
import { compare } from './compare.ts';
import { HangError, OracleError } from './errors.ts';
import { generateScript } from './generator.ts';
import type { GoOracle } from './go-oracle.ts';
import type { Script } from './script.ts';
import { renderScript } from './script.ts';
import { shrink } from './shrink.ts';

/** So many scripts are with the Go module at a time; bounds the disk space. */
const BATCH = 250;

/** Which scripts: `count` of a seed, from number `first` on. */
export interface Selection {
  readonly seed: number;
  readonly first: number;
  readonly count: number;
}

/** A script on which the two differ, and the smallest part of it that still does. */
export interface Finding {
  readonly index: number;
  readonly smallest: Script;
  /** What the Go module answers to the smallest, as a data-driven file. */
  readonly answered: string;
  readonly difference: string;
}

/** What became of the scripts; `stopped` are the reasons of those passed that end early, `lines` are the Go module's. */
export interface Outcome {
  readonly passed: number;
  readonly failed: readonly number[];
  readonly stopped: readonly string[];
  readonly directives: number;
  readonly lines: number;
  /** The first difference, made small. */
  readonly finding: Finding | null;
}

/**
 * Runs random scripts with the Go module and with ours, and compares.
 *
 * @throws {OracleError} when the Go module cannot be asked.
 */
export function fuzz(
  oracle: Pick<GoOracle, 'answer'>,
  jitter: Config['randomElectionJitter'],
  { seed, first, count }: Selection,
): Outcome {
  const total = { passed: 0, directives: 0, lines: 0 };
  const failed: number[] = [];
  const stopped: string[] = [];
  for (let start = first; start < first + count; start += BATCH) {
    const size = Math.min(BATCH, first + count - start);
    const scripts = Array.from({ length: size }, (_, at) =>
      generateScript(seed, start + at, jitter),
    );
    for (const [at, answered] of answerAll(oracle, scripts, start).entries()) {
      const verdict = compare(answered, jitter);
      total.directives += scripts[at]?.length ?? 0;
      total.lines += answered.split('\n').length - 1;
      if (verdict.kind === 'different') failed.push(start + at);
      else total.passed++;
      if (verdict.kind === 'stopped') stopped.push(verdict.reason);
    }
  }
  const [index] = failed;
  const finding = index === undefined ? null : explain(oracle, jitter, seed, index);
  return { ...total, failed, stopped, finding };
}

function answerAll(
  oracle: Pick<GoOracle, 'answer'>,
  scripts: readonly Script[],
  first: number,
): string[] {
  try {
    return oracle.answer(scripts);
  } catch (error) {
    if (!(error instanceof HangError)) throw error;
    throw new OracleError(`script ${first + error.at}: ${error.message}`);
  }
}

function explain(
  oracle: Pick<GoOracle, 'answer'>,
  jitter: Config['randomElectionJitter'],
  seed: number,
  index: number,
): Finding | null {
  const found: Finding[] = [];
  const firstDifferent = (candidates: readonly Script[]): Script | null => {
    if (candidates.length === 0) return null;
    for (const [at, answered] of oracle.answer(candidates).entries()) {
      const verdict = compare(answered, jitter);
      const smallest = candidates[at];
      if (verdict.kind !== 'different' || smallest === undefined) continue;
      found.push({ index, smallest, answered, difference: verdict.difference });
      return smallest;
    }
    return null;
  };
  const script = firstDifferent([generateScript(seed, index, jitter)]);
  if (script === null) return null;
  shrink(script, firstDifferent);
  return found.at(-1) ?? null;
}

/** The finding for people: the script to repeat, what differs, and the whole as it should be. */
export function describeFinding({ smallest, answered, difference }: Finding): string {
  return [
    'the smallest script that differs:',
    '',
    renderScript(smallest),
    `what differs (- the Go module, + ours):\n${difference}`,
    '',
    `what the Go module answers:\n\n${answered}`,
  ].join('\n');
}
