/**
 * Measures a node and a cluster against baselines of the same run: `make bench`. A figure that has
 * an aim is printed with it, and with whether it was met. `--help` lists the scenarios.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureCatchUp } from './catch-up.ts';
import { measureCluster } from './cluster.ts';
import { measureDeclared } from './declared.ts';
import { measureFailover } from './failover.ts';
import { measureLearnerLag } from './learner-lag.ts';
import { buildProgram } from './lithair.ts';
import { measureManyAggregates } from './many-aggregates.ts';
import { measurePages } from './pages.ts';
import { measureReads } from './reads.ts';
import { measureRecovery } from './recovery.ts';
import { measureReplicated } from './replicated.ts';
import { measureSize } from './size.ts';
import { measureStoppedMember } from './stopped-member.ts';
import { measureWrites } from './writes.ts';

/** What every scenario is told. */
export interface BenchPlan {
  readonly seconds: number;
  readonly rounds: number;
  readonly products: number;
  readonly aggregates: number;
  /** Leaders killed. */
  readonly kills: number;
  readonly directory: string;
}

const SCENARIOS = [
  { name: 'reads', run: measureReads },
  { name: 'pages', run: measurePages },
  { name: 'writes', run: measureWrites },
  { name: 'declared', run: measureDeclared },
  { name: 'cluster', run: measureCluster },
  { name: 'size', run: measureSize },
  { name: 'aggregates', run: measureManyAggregates },
  { name: 'recovery', run: measureRecovery },
  { name: 'replicated', run: measureReplicated },
  { name: 'failover', run: measureFailover },
  { name: 'catch-up', run: measureCatchUp },
  { name: 'stopped-member', run: measureStoppedMember },
  { name: 'learner-lag', run: measureLearnerLag },
] as const;

const NAMES: readonly string[] = SCENARIOS.map(({ name }) => name);

const HELP = `Measure a node and a cluster against baselines of the same run.

Usage: make bench [VARIABLE=VALUE …]   or   node node/bench/main.ts [--option value …]

  ONLY        --only NAMES     scenarios, separated by commas: ${NAMES.join(', ')}
  SECONDS     --seconds N      of each load (default 5)
  ROUNDS      --rounds N       that alternate with those of the baseline (default 3)
  PRODUCTS    --products N     rows of the scenario size (default 100000)
  AGGREGATES  --aggregates N   rows of the scenario aggregates (default 1000000)
  KILLS       --kills N        leaders killed in the scenario failover (default 100)

The scenarios replicated and failover compare with etcd, which they build with the go command; the
first time takes minutes. Without Go they go on without it, and say so.`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    products: { type: 'string', default: '100000' },
    aggregates: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '100' },
    only: { type: 'string', default: NAMES.join(',') },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const chosen = values.only.split(',');
const unknown = chosen.find((name) => !NAMES.includes(name));
if (unknown !== undefined) {
  console.error(`bench: ${unknown} is none of ${NAMES.join(', ')}`);
  process.exit(2);
}

function count(name: 'seconds' | 'rounds' | 'products' | 'aggregates' | 'kills'): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`bench: --${name} takes a whole number above 0, not ${values[name]}`);
  process.exit(2);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.setMaxListeners(50);
const directory = mkdtempSync(join(tmpdir(), 'lithair-bench-'));
const plan: BenchPlan = {
  seconds: count('seconds'),
  rounds: count('rounds'),
  products: count('products'),
  aggregates: count('aggregates'),
  kills: count('kills'),
  directory,
};
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
try {
  await buildProgram(join(directory, 'program'));
  for (const scenario of SCENARIOS) {
    if (!chosen.includes(scenario.name)) continue;
    console.log(`\n${scenario.name}`);
    const before = loadavg()[0] ?? 0;
    for (const line of await scenario.run(plan)) console.log(`  ${line}`);
    const [after = 0] = loadavg();
    console.log(`  load of the machine ${before.toFixed(1)} before, ${after.toFixed(1)} after`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
