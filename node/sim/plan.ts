import type { ConsensusOptions } from '../consensus/index.ts';
import type { LogOptions } from '../log/index.ts';
import { SeededRandom } from './world/index.ts';

/** Kinds of faults, by what they hit. */
export const FAULTS = [
  'kill',
  'powerCut',
  'crashAtDisk',
  'blackout',
  'pause',
  'isolate',
  'split',
  'oneWay',
  'lossy',
  'reset',
  'clientLinks',
  'slowNetwork',
  'slowDisk',
  'diskError',
  'diskFull',
  'corrupt',
  'clockJump',
  'transfer',
  'snapshot',
  'modelChange',
] as const;
export type Fault = (typeof FAULTS)[number];

/** Everything about a run that is decided before it begins. */
export interface Plan {
  readonly seed: number;
  readonly nodes: number;
  readonly sectorBytes: number;
  /** Small batches of the log are written within the callback that brings them, and begin at once. */
  readonly writesNow: boolean;
  readonly consensus: Partial<ConsensusOptions>;
  readonly log: Omit<LogOptions, 'codec'>;
  readonly codec: (typeof CODECS)[number];
  /** Faults of this run with their weights; the others do not happen. */
  readonly faults: readonly { readonly fault: Fault; readonly weight: number }[];
  /** Mean pause between two faults. */
  readonly faultEveryMs: number;
  /** How long clients and faults go on. */
  readonly durationMs: number;
  /** Clients stop after so many operations. */
  readonly maxOperations: number;
  readonly latencyMs: number;
  /** Faults happen before the cluster is complete, too. */
  readonly faultsFromStart: boolean;
  /** There is a model that every node writes by itself, with clients of its own. */
  readonly eventual: boolean;
  /** The models keep the past of their rows. */
  readonly history: boolean;
  /** There are models whose writes are answered early, with clients of their own. */
  readonly weak: boolean;
  /** There are models whose rows have declared lives, with clients of their own. */
  readonly lives: boolean;
  /** Some machines begin with the program before, and get this one at their second restart. */
  readonly mixedVersions: boolean;
  readonly growth: Growth;
}

/** What becomes of the membership during a run. */
export interface Growth {
  /** Machines beyond `nodes`, which join as learners in another region. */
  readonly learners: number;
  /** Mean pause between two changes of the membership; 0 for none. */
  readonly churnEveryMs: number;
  /** In the end all voters are lost, and a learner's region takes over. */
  readonly promotesRegion: boolean;
}

/** How members write payloads. */
const CODECS = ['binary', 'mixed', 'json'] as const;

/** Chosen so that the kept seeds draw no growth: they show what they were kept for. */
const GROWTH_STREAM = 7_000_000_000;

/** Kinds of faults that one run has at most. */
const MAX_KINDS = 10;

/** Remainders of seeds by 8: with history, and without. */
const LIVE_SEEDS: ReadonlySet<number> = new Set([3, 5, 6]);

/** Remainders of seeds by 7; those of the kept seeds are others, which must stay what they were. */
const HASTY_SEEDS: ReadonlySet<number> = new Set([1, 5, 6]);

/** The program before knows nothing of rows with declared lives. */
function isMixed(seed: number): boolean {
  return seed % 5 === 2;
}

/** Draws the plan of a seed. */
export function drawPlan(seed: number): Plan {
  const random = new SeededRandom(seed);
  const nodes = random.pick([1, 3, 3, 3, 3, 5]);
  const snapshotEvery = random.pick([10, 25, 60, 200]);
  return {
    seed,
    nodes,
    // Not drawn: the other seeds stay what they were before there was such a model.
    eventual: seed % 3 === 0,
    history: seed % 4 === 1,
    weak: seed % 4 === 0,
    lives: LIVE_SEEDS.has(seed % 8) && !isMixed(seed),
    mixedVersions: isMixed(seed),
    writesNow: HASTY_SEEDS.has(seed % 7),
    sectorBytes: random.pick([512, 4096]),
    consensus: {
      snapshotEvery,
      snapshotTail: random.pick([0, 5, 20]),
      batchSize: random.pick([1, 5, 100]),
      maxAppendBytes: random.pick([2048, 1024 * 1024]),
      maxInflightAppends: random.pick([2, 256]),
    },
    log: {
      segmentBytes: random.pick([16, 16, 32, 64]) * 1024,
      cacheBytes: random.pick([0, 4096, 1024 * 1024]),
      maxBatchBytes: random.pick([2048, 4 * 1024 * 1024]),
    },
    // Not drawn, so that it moves no other draw. `mixed` is as after changes of the model.
    codec: CODECS[seed % 3] ?? 'json',
    faults: drawFaults(random, nodes),
    faultEveryMs: random.pick([60, 200, 600, 1500, 4000]),
    durationMs: random.between(5, 40) * 1000,
    maxOperations: random.between(100, 600),
    latencyMs: random.pick([0.2, 0.5, 2, 10]),
    faultsFromStart: random.chance(0.2),
    growth: seed % 3 === 0 ? eventualGrowth(seed, nodes) : drawGrowth(seed, nodes),
  };
}

const NO_GROWTH: Growth = { learners: 0, churnEveryMs: 0, promotesRegion: false };

/** A region that takes over does not have what the others took by themselves. */
function eventualGrowth(seed: number, nodes: number): Growth {
  return seed % 6 === 3 ? { ...drawGrowth(seed, nodes), promotesRegion: false } : NO_GROWTH;
}

/** Has draws of its own, so that it moves no other; seeds that draw none are as they were before. */
function drawGrowth(seed: number, nodes: number): Growth {
  const random = new SeededRandom(seed + GROWTH_STREAM);
  const learners = random.pick([0, 0, 0, 1, 1, 2]);
  const churns = random.chance(0.4) && nodes + learners > 1;
  return {
    learners,
    churnEveryMs: churns ? random.pick([400, 1500, 4000]) : 0,
    promotesRegion: learners > 0 && random.chance(0.4),
  };
}

function drawFaults(random: SeededRandom, nodes: number): Plan['faults'] {
  const alone: readonly Fault[] = [
    'isolate',
    'split',
    'oneWay',
    'lossy',
    'reset',
    'corrupt',
    'transfer',
  ];
  const possible = FAULTS.filter((fault) => nodes > 1 || !alone.includes(fault));
  const kinds = random.between(0, MAX_KINDS);
  const chosen = new Set<Fault>();
  for (let at = 0; at < kinds; at++) chosen.add(random.pick(possible));
  return [...chosen].map((fault) => ({ fault, weight: 0.2 + random.fraction() }));
}
