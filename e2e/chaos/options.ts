import { parseArgs } from 'node:util';
import { BROKEN_KINDS, type Broken } from './run.ts';

export const HELP = `Real processes under faults: their histories must be linearizable.

Usage: make chaos [VARIABLE=VALUE …]   or   node e2e/chaos/main.ts [--option value …]

  RUNS     --runs N       runs, one after the other (default 1)
  SECONDS  --seconds N    how long faults are injected in each (default 60)
  HOURS    --hours N      as many runs as begin within so many hours
  NODES    --nodes N      3 or 5 voters, and a learner (default 3; several runs: 3 and 5 in turn)
  SEED     --seed N       of the first run; each further run takes the next (default: by chance)
  BROKEN   --broken KIND  run a build that is broken on purpose, for 30 s: passes when that is found.
                          stale-reads: reads wait for nobody;
                          stale-sessions: session tokens are not looked at;
                          repeated-writes: idempotency keys are not looked up;
                          lost-local-writes: an outbox loses some of what it took;
                          arrival-order: of local writes the one that is ordered last wins
  CHECK    --check FILE   check a kept history again
           --keep         keep the histories of good runs too
           --help

Needs Go, for the checker. Where a run fails, its history, the picture of a key that has no order
(HTML) and the last lines of all members stay, and their paths are printed. A run in which too
little succeeded, or too many outcomes are unknown, says nothing and is done again, twice at most.
Exit code 0: all good, 1: a promise was broken, or a run says nothing, 2: the command line is wrong.
`;

/** What was asked for on the command line. */
export interface Options {
  readonly runs: number;
  readonly seconds: number;
  readonly hours: number | null;
  readonly nodes: number | null;
  readonly seed: number;
  readonly broken: Broken | null;
  readonly check: string | null;
  readonly keep: boolean;
  readonly help: boolean;
}

const BROKEN_SECONDS = 30;

/** @throws Error with what is wrong, in a sentence */
export function parseOptions(words: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      runs: text,
      seconds: text,
      hours: text,
      nodes: text,
      seed: text,
      broken: text,
      check: text,
      keep: flag,
      help: flag,
    },
  });
  const { broken = null } = values;
  if (!isBroken(broken)) {
    throw new Error(`--broken takes ${BROKEN_KINDS.join(' or ')}, not ${broken}`);
  }
  const nodes = integer('nodes', values.nodes, 3, 5);
  if (nodes === 4) throw new Error('--nodes takes 3 or 5, not 4');
  return {
    runs: integer('runs', values.runs, 1, 100_000) ?? 1,
    seconds: integer('seconds', values.seconds, 5, 3600) ?? (broken === null ? 60 : BROKEN_SECONDS),
    hours: positive('hours', values.hours),
    nodes,
    seed: integer('seed', values.seed, 0, 2 ** 32 - 1) ?? Math.floor(Math.random() * 1e9),
    broken,
    check: values.check ?? null,
    keep: values.keep,
    help: values.help,
  };
}

function isBroken(kind: string | null): kind is Broken | null {
  return kind === null || BROKEN_KINDS.some((known) => known === kind);
}

function integer(name: string, text: string | undefined, from: number, to: number): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (Number.isInteger(value) && value >= from && value <= to && text.trim() !== '') return value;
  throw new Error(`--${name} takes a whole number from ${from} to ${to}, not ${text}`);
}

function positive(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} takes a number above 0, not ${text}`);
}
