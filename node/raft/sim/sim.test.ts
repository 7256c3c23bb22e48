import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_LENGTH, runSeed } from './run.ts';
import { Totals } from './totals.ts';

const SEEDS = 60;

/** Seeds that have failed once, and why. */
const REGRESSIONS: readonly (readonly [number, string])[] = [
  [19, 'a single voter that lost its commit index in a crash answers no read too early'],
  [79, 'the same, among membership changes'],
  [200, 'a leader that was removed has its reads confirmed by the one voter that is left'],
  [
    50066,
    'a leader that was removed is stopped once the faults pause, since it takes no proposals',
  ],
];

describe('clusters of the core among faults', () => {
  it(`keep the rules of Raft, and get on, with the seeds 1 to ${SEEDS}`, () => {
    const totals = new Totals();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const outcome = runSeed(seed, DEFAULT_LENGTH);
      assert.equal(outcome.violation, null, `seed ${seed}: ${outcome.violation?.message}`);
      assert.ok(outcome.totals.commits >= DEFAULT_LENGTH.commits || outcome.totals.stuck > 0);
      totals.add(outcome.totals);
    }
    // What never happens is not tested.
    for (const [what, count] of Object.entries(totals)) {
      if (what !== 'stuck') assert.ok(count > SEEDS / 2, `${what}: ${count}`);
    }
  });

  it('do the same again with the same seed, and something else with another', () => {
    const first = runSeed(7, DEFAULT_LENGTH);
    const again = runSeed(7, DEFAULT_LENGTH, true);
    assert.equal(again.hash, first.hash);
    assert.deepEqual(again.totals, first.totals);
    assert.notEqual(runSeed(8, DEFAULT_LENGTH).hash, first.hash);
  });

  it('tell how it ended', () => {
    const { lines } = runSeed(7, { steps: 500, commits: 0 }, true);
    assert.match(lines.join('\n'), /receives MsgAppResp 1->2 term/);
  });

  for (const [seed, reason] of REGRESSIONS) {
    it(`keep the rules with seed ${seed}: ${reason}`, () => {
      const { violation } = runSeed(seed, DEFAULT_LENGTH);
      assert.equal(violation, null, violation?.message);
    });
  }
});
