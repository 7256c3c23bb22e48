import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSeed } from '../run.ts';
import { BROKEN_DISKS } from './disks.ts';

/** Seeds that a broken disk may go unnoticed for. */
const MOST_SEEDS = 60;

for (const { name, disk } of BROKEN_DISKS) {
  test(`the simulator notices ${name}`, async (t) => {
    for (let seed = 0; seed < MOST_SEEDS; seed++) {
      const { failure } = await runSeed(seed, { sabotage: { disk } });
      if (failure === null) continue;
      t.diagnostic(`seed ${seed}: ${failure.split('\n')[0]?.slice(0, 120)}`);
      return;
    }
    assert.fail(`nothing was noticed in ${MOST_SEEDS} seeds`);
  });
}
