/**
 * Cuts the power at every operation of the log's workloads, and of history that moves to a cold
 * store, and recovers from every state that the disk may be in. `node node/log/testing/main.ts [--workloads all|NAME,…] [--seed N] [--seeds N]
 * [--point N]`; `--point` replays one point of one seed. Exits with 1 at the first wrong recovery.
 */
import { parseArgs } from 'node:util';
import { type ColdCrashTally, tryEveryColdCrash } from '../../test/cold-crash.ts';
import { CrashPointError, type CrashTally, tryEveryCrashPoint } from './crash-points.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

const PROGRESS_MS = 5_000;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    workloads: { type: 'string', default: 'all' },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '3' },
    point: { type: 'string' },
  },
});

/** How far a run is, or what it came to. */
interface Told {
  readonly point: number;
  readonly of: number;
  readonly counts: string;
}

interface Asked {
  readonly seed: number;
  readonly point: number | null;
  readonly onProgress: (told: Told) => void;
}

/** Cuts the power at every point of one workload. */
type Run = (asked: Asked) => Promise<Told>;

const LOSSES = { exhaustiveSectors: 6, samples: 64 };
/** A member of a cold store does more between two points than a log: fewer losses of each are tried. */
const COLD_LOSSES = { exhaustiveSectors: 4, samples: 16 };

const RUNS: Readonly<Record<string, Run>> = {
  ...Object.fromEntries(
    Object.entries(WORKLOADS).map(([name, workload]) => [name, runOf(workload)]),
  ),
  cold: runOfCold(false),
  'cold-encrypted': runOfCold(true),
};

function runOf(workload: Workload): Run {
  return async ({ onProgress, ...asked }) => {
    const plan = { workload, ...asked, ...LOSSES, secondCrashEvery: 16 };
    const progress = (tally: CrashTally) => onProgress(toldOf(tally));
    return toldOf(await tryEveryCrashPoint({ ...plan, onProgress: progress }));
  };
}

function toldOf({ point, of, points, images, secondCrashes }: CrashTally): Told {
  const counts = `${points} points, ${images} images, ${secondCrashes} crashes of recoveries`;
  return { point, of, counts };
}

function runOfCold(encrypted: boolean): Run {
  return async ({ onProgress, ...asked }) => {
    const plan = { encrypted, ...asked, ...COLD_LOSSES, pointEvery: 1, goOnEvery: 16 };
    const progress = (tally: ColdCrashTally) => onProgress(toldOfCold(tally));
    return toldOfCold(await tryEveryColdCrash({ ...plan, onProgress: progress }));
  };
}

function toldOfCold({ point, of, points, images, goneOn }: ColdCrashTally): Told {
  return { point, of, counts: `${points} points, ${images} images, ${goneOn} went on for days` };
}

function chosenRuns(words: string): [string, Run][] {
  const names = words === 'all' ? Object.keys(RUNS) : words.split(',');
  return names.map((name) => {
    const run = RUNS[name];
    if (run !== undefined) return [name, run];
    return fail(`no workload ${name}; there are ${Object.keys(RUNS).join(', ')}`);
  });
}

function numberOf(flag: string, text: string): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : fail(`${flag} is not a number`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

async function run(name: string, tryAll: Run, seed: number, point: number | null) {
  const startedMs = performance.now();
  let reportedMs = startedMs;
  const onProgress = ({ point: at, of, counts }: Told): void => {
    if (performance.now() - reportedMs < PROGRESS_MS) return;
    reportedMs = performance.now();
    console.log(`  ${name} seed ${seed}: step ${at} of ${of}, ${counts}`);
  };
  try {
    const { counts } = await tryAll({ seed, point, onProgress });
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`ok ${name} seed ${seed}: ${counts}, ${seconds} s`);
  } catch (error) {
    console.error(`FAILED ${name} seed ${seed}:`, error);
    if (error instanceof CrashPointError) {
      const replay = `--workloads ${name} --seed ${seed} --seeds 1 --point ${error.point}`;
      console.error(`replay with: node node/log/testing/main.ts ${replay}`);
    }
    process.exit(1);
  }
}

if (values.help) {
  console.log(`Cut the power at every disk operation, and recover from every state the disk may be in.

Usage: make crash-test [WORKLOADS=NAME,…] [SEED=N] [SEEDS=N]   or
       node node/log/testing/main.ts [--workloads NAME,…] [--seed N] [--seeds N] [--point N]

  WORKLOADS  ${Object.keys(RUNS).join(', ')}; all (default)
  SEED       the first seed (default 1)
  SEEDS      how many of them (make: 3)
  --point    replays one point of one seed, as a failure names it

A seed takes seconds to minutes, that of encrypted and those of cold the longest.`);
  process.exit(0);
}
const first = numberOf('--seed', values.seed);
const point = values.point === undefined ? null : numberOf('--point', values.point);
for (const [name, tryAll] of chosenRuns(values.workloads)) {
  for (let seed = first; seed < first + numberOf('--seeds', values.seeds); seed++) {
    await run(name, tryAll, seed, point);
  }
}
