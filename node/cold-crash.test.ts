import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tryEveryColdCrash } from './test/cold-crash.ts';

for (const encrypted of [false, true]) {
  const what = encrypted ? 'encrypted history' : 'history';
  test(`power that is cut while ${what} moves to the cold store loses nothing and brings nothing back`, async (t) => {
    const losses = { exhaustiveSectors: 1, samples: 3 };
    const plan = { seed: 1, encrypted, pointEvery: 6, goOnEvery: 24, point: null, ...losses };
    const tally = await tryEveryColdCrash({ ...plan, onProgress: () => undefined });
    assert.ok(tally.points > 50 && tally.images > tally.points && tally.goneOn > 5);
    t.diagnostic(
      `${tally.points} points, ${tally.images} images, ${tally.goneOn} went on for days`,
    );
  });
}
