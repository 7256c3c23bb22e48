import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REGRESSIONS } from './regressions.ts';
import { runSeed } from './run.ts';
import { runInWorkers } from './workers.ts';

test('promises are kept under all kinds of faults', async () => {
  for (let seed = 0; seed < 15; seed++) {
    const { failure, acknowledged } = await runSeed(seed);
    assert.equal(failure, null, `seed ${seed}`);
    assert.ok(acknowledged > 0, `seed ${seed} got nothing done`);
  }
});

test('the same seed has the same trace, also in another process', async () => {
  const seeds = [3, 4, 5];
  const hashes = new Map<number, string>();
  for (const seed of seeds) hashes.set(seed, (await runSeed(seed)).traceHash);
  assert.equal(new Set(hashes.values()).size, seeds.length);
  await runInWorkers(seeds, 1, ({ seed, traceHash }) => {
    assert.equal(traceHash, hashes.get(seed), `seed ${seed}`);
  });
});

for (const { seed, why } of REGRESSIONS) {
  test(`seed ${seed} does not fail again: ${why}`, async () => {
    assert.equal((await runSeed(seed)).failure, null);
  });
}
