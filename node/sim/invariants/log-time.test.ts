import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_AHEAD_MS } from '../../log-clock.ts';
import { BrokenPromise } from './errors.ts';
import { requireBoundStamp } from './log-time.ts';

const FAR_MS = 600_000;

function stamp(stampMs: number, reachedMs: readonly (number | null)[], isBound = true): void {
  requireBoundStamp({ by: 'n1', stampMs, isBound, reachedMs });
}

test('stamps may follow most clocks, and a little', () => {
  stamp(MAX_AHEAD_MS, [0, 0, FAR_MS]);
  stamp(FAR_MS, [FAR_MS, FAR_MS, 0]);
  stamp(FAR_MS, [FAR_MS]);
});

test('stamps may not follow a few clocks', () => {
  assert.throws(() => stamp(FAR_MS, [0, 0, FAR_MS]), BrokenPromise);
  assert.throws(() => stamp(FAR_MS, [FAR_MS, FAR_MS, 0, 0, 0]), BrokenPromise);
});

test('nothing is said of stamps of who knows too few clocks, and of voters that nobody knows', () => {
  stamp(FAR_MS, [0, 0, 0], false);
  stamp(FAR_MS, [null, null, 0]);
});
