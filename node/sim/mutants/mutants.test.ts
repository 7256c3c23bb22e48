import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawPlan } from '../plan.ts';
import { type RunReport, runSeed } from '../run.ts';
import { BROKEN_DISKS } from './disks.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

/** Seeds that a mutant may survive. */
const MOST_SEEDS = 150;

for (const { name, disk } of BROKEN_DISKS) {
  test(`the simulator notices ${name}`, async (t) => {
    t.diagnostic(await firstFailure((seed) => runSeed(seed, { sabotage: { disk } })));
  });
}

for (const mutant of MUTANTS) {
  test(`the simulator notices that ${mutant.name}`, async (t) => {
    const mend = mutant.plant();
    try {
      t.diagnostic(`by ${await noticedBy(mutant)}`);
    } finally {
      mend();
    }
  });
}

/** What the first seed says that notices; fails where none does. */
async function firstFailure(
  run: (seed: number) => Promise<{ readonly failure: string | null }>,
): Promise<string> {
  for (let seed = 0; seed < MOST_SEEDS; seed++) {
    const { failure } = await run(seed);
    if (failure !== null) return `seed ${seed}: ${failure.split('\n')[0]?.slice(0, 160)}`;
  }
  assert.fail(`nothing was noticed in ${MOST_SEEDS} seeds`);
}

/** Each check that should notice a mutant must do so, whatever else did before. */
async function noticedBy(mutant: Mutant): Promise<string> {
  const noticed = new Set<string>();
  for (let seed = 0, tried = 0; tried < MOST_SEEDS; seed++) {
    if (mutant.concerns?.(drawPlan(seed)) === false) continue;
    tried++;
    for (const check of checksIn(await runSeed(seed))) noticed.add(check);
    if (mutant.noticedBy.every((check) => noticed.has(check))) return [...noticed].join(', ');
  }
  assert.fail(`noticed by ${[...noticed].join(', ')}, not by ${mutant.noticedBy.join(', ')}`);
}

function checksIn({ failure }: RunReport): string[] {
  const found = failure?.matchAll(/^([a-z][a-z -]*): /gm) ?? [];
  return Array.from(found, ([, check]) => check ?? '');
}
