/**
 * Cuts the power at every operation of the log's workloads and recovers from every state that the
 * disk may be in. `node node/log/testing/main.ts [--workloads all|NAME,…] [--seed N] [--seeds N]
 * [--point N]`; `--point` replays one point of one seed. Exits with 1 at the first wrong recovery.
 */
import { parseArgs } from 'node:util';
import { CrashPointError, type CrashTally, tryEveryCrashPoint } from './crash-points.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

const PROGRESS_MS = 5_000;

const { values } = parseArgs({
  options: {
    workloads: { type: 'string', default: 'all' },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '3' },
    point: { type: 'string' },
  },
});

function chosenWorkloads(words: string): [string, Workload][] {
  const names = words === 'all' ? Object.keys(WORKLOADS) : words.split(',');
  return names.map((name) => {
    const workload = WORKLOADS[name];
    if (workload !== undefined) return [name, workload];
    return fail(`no workload ${name}; there are ${Object.keys(WORKLOADS).join(', ')}`);
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

async function run(name: string, workload: Workload, seed: number, point: number | null) {
  const startedMs = performance.now();
  let reportedMs = startedMs;
  const onProgress = (tally: CrashTally): void => {
    if (performance.now() - reportedMs < PROGRESS_MS) return;
    reportedMs = performance.now();
    console.log(`  ${name} seed ${seed}: step ${tally.point} of ${tally.of}, ${counts(tally)}`);
  };
  const losses = { exhaustiveSectors: 6, samples: 64, secondCrashEvery: 16 };
  try {
    const tally = await tryEveryCrashPoint({ workload, seed, point, onProgress, ...losses });
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`ok ${name} seed ${seed}: ${counts(tally)}, ${seconds} s`);
  } catch (error) {
    console.error(`FAILED ${name} seed ${seed}:`, error);
    if (error instanceof CrashPointError) {
      const replay = `--workloads ${name} --seed ${seed} --seeds 1 --point ${error.point}`;
      console.error(`replay with: node node/log/testing/main.ts ${replay}`);
    }
    process.exit(1);
  }
}

function counts({ points, images, secondCrashes }: CrashTally): string {
  return `${points} points, ${images} images, ${secondCrashes} crashes of recoveries`;
}

const first = numberOf('--seed', values.seed);
const point = values.point === undefined ? null : numberOf('--point', values.point);
for (const [name, workload] of chosenWorkloads(values.workloads)) {
  for (let seed = first; seed < first + numberOf('--seeds', values.seeds); seed++) {
    await run(name, workload, seed, point);
  }
}
