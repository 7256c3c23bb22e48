import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogClock, MAX_AHEAD_MS } from './log-clock.ts';
import type { Logger } from './ports/index.ts';

const DAY_MS = 86_400_000;

function ignore(): void {}

function clockAmong(ownMs: number, others: readonly (number | null)[], warnings: string[] = []) {
  const clock = { nowMs: () => ownMs, monotonicMs: () => 0, after: () => ({ cancel: () => {} }) };
  const warn = (_fields: object, text: string): void => void warnings.push(text);
  const logger: Logger = { debug: ignore, info: ignore, warn, error: ignore };
  const logClock = new LogClock(clock, logger);
  logClock.attach({
    memberId: 1,
    voters: () => [1, ...others.map((_, at) => at + 2)],
    clockOf: (id) => others[id - 2] ?? null,
  });
  return logClock;
}

test('a clock that agrees with the others stamps as it is', () => {
  assert.equal(clockAmong(5_000, [4_000, 5_900]).nowMs(), 5_000);
  assert.equal(clockAmong(5_000, []).nowMs(), 5_000);
});

test('a clock that is days ahead stamps no later than most of the others, and a little', () => {
  const warnings: string[] = [];
  const clock = clockAmong(5 * DAY_MS, [4_000, 5_000], warnings);
  assert.equal(clock.nowMs(), 5_000 + MAX_AHEAD_MS);
  assert.equal(clock.nowMs(), 5_000 + MAX_AHEAD_MS);
  assert.equal(warnings.length, 1);
  assert.equal(clock.aheadMs, 5 * DAY_MS - 5_000);
});

test('one other member that is as far ahead makes no majority of five', () => {
  const far = 5 * DAY_MS;
  assert.equal(clockAmong(far, [far, 1_000, 2_000, 3_000]).nowMs(), 3_000 + MAX_AHEAD_MS);
  assert.equal(clockAmong(far, [far, far, 2_000, 3_000]).nowMs(), far);
});

test('a clock that is behind stamps as it is: log time waits for it', () => {
  assert.equal(clockAmong(1_000, [DAY_MS, DAY_MS]).nowMs(), 1_000);
});

test('members that are not heard of do not count, and too few of them bound nothing', () => {
  assert.equal(clockAmong(DAY_MS, [null, 1_000]).nowMs(), 1_000 + MAX_AHEAD_MS);
  assert.equal(clockAmong(DAY_MS, [null, null]).nowMs(), DAY_MS);
  assert.equal(clockAmong(DAY_MS, [null, 1_000]).isBound, true);
  assert.equal(clockAmong(DAY_MS, [null, null]).isBound, false);
});
