/**
 * Measures a node against baselines of the same run and prints a table: `make bench`.
 * `--seconds N` per load run (default 5), `--rounds N` (default 3), `--products N` (default 100000).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureCatchUp } from './catch-up.ts';
import { measureCluster } from './cluster.ts';
import { measureFailover } from './failover.ts';
import { buildProgram } from './lithair.ts';
import { measureReads } from './reads.ts';
import { measureReplicated } from './replicated.ts';
import { measureSize } from './size.ts';
import { measureStoppedMember } from './stopped-member.ts';
import { measureWrites } from './writes.ts';

/** What every scenario is told. */
export interface BenchPlan {
  readonly seconds: number;
  readonly rounds: number;
  readonly products: number;
  /** Leaders killed. */
  readonly kills: number;
  readonly directory: string;
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    products: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '100' },
    only: { type: 'string', default: '' },
  },
});

const SCENARIOS = [
  { name: 'reads', run: measureReads },
  { name: 'writes', run: measureWrites },
  { name: 'cluster', run: measureCluster },
  { name: 'size', run: measureSize },
  { name: 'replicated', run: measureReplicated },
  { name: 'failover', run: measureFailover },
  { name: 'catch-up', run: measureCatchUp },
  { name: 'stopped-member', run: measureStoppedMember },
];

const directory = mkdtempSync(join(tmpdir(), 'lithair-bench-'));
const plan: BenchPlan = {
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  products: Number(values.products),
  kills: Number(values.kills),
  directory,
};
try {
  await buildProgram(join(directory, 'program'));
  for (const scenario of SCENARIOS) {
    if (values.only !== '' && values.only !== scenario.name) continue;
    console.log(`\n${scenario.name}`);
    const before = loadavg()[0] ?? 0;
    for (const line of await scenario.run(plan)) console.log(`  ${line}`);
    const [after = 0] = loadavg();
    console.log(`  load of the machine ${before.toFixed(1)} before, ${after.toFixed(1)} after`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
