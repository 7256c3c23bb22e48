import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

export const HELP = `Runs whole clusters in a simulated world, one for each seed, and checks that every promise is kept.

  make sim SEEDS=500             seeds 0 to 499, and those that failed once
  make sim SEEDS=500 FIRST=1000  seeds 1000 to 1499
  make sim SEED=123              this seed alone, with all that happened in it

  node node/sim/main.ts [options]
    --seeds N       how many seeds; default 500
    --first N       the first one; default 0
    --seed N        this seed alone; prints its trace
    --quiet         with --seed: no trace
    --processes N   how many at a time; default 2, or the number of processors
    --help          this text

Ends with 1 where a promise was broken: the seed is named, with the command that shows it again.`;

/** What to run. */
export interface SimOptions {
  readonly first: number;
  readonly seeds: number;
  /** One seed alone. */
  readonly seed: number | null;
  readonly quiet: boolean;
  readonly processes: number;
}

/**
 * Reads the arguments; null where help was asked for.
 *
 * @throws Error that says what is wrong
 */
export function readCommandLine(args: readonly string[]): SimOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      first: { type: 'string', default: '0' },
      seeds: { type: 'string', default: '500' },
      seed: { type: 'string' },
      quiet: { type: 'boolean', default: false },
      processes: { type: 'string', default: String(Math.min(2, availableParallelism())) },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  return {
    first: integer('--first', values.first, 0),
    seeds: integer('--seeds', values.seeds, 1),
    seed: values.seed === undefined ? null : integer('--seed', values.seed, 0),
    quiet: values.quiet,
    processes: integer('--processes', values.processes, 1),
  };
}

function integer(option: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`${option} is an integer from ${least}, not ${text}`);
}
