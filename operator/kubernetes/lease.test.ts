import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LeaseRecord, leaseDecision } from './index.ts';

const HELD: LeaseRecord = {
  holder: 'other',
  renewTime: '2026-01-01T00:00:00.000000Z',
  seenAtMs: 1_000,
  durationMs: 15_000,
};

const ROWS: readonly [string, Partial<LeaseRecord>, number, ReturnType<typeof leaseDecision>][] = [
  ['our own lease', { holder: 'me' }, 99_000, 'renew'],
  ['a lease that was given up', { holder: '' }, 1_000, 'take'],
  ['a lease that was renewed a moment ago', {}, 1_001, 'wait'],
  ['a lease seen unchanged for just under its duration', {}, 15_999, 'wait'],
  ['a lease seen unchanged for its duration', {}, 16_000, 'take'],
];

for (const [name, changes, nowMs, expected] of ROWS) {
  test(`${name}: ${expected}`, () => {
    assert.equal(leaseDecision({ ...HELD, ...changes }, 'me', nowMs), expected);
  });
}

test('the holder`s clock plays no part', () => {
  const far = { ...HELD, renewTime: '2099-01-01T00:00:00.000000Z' };
  assert.equal(leaseDecision(far, 'me', 16_000), 'take');
});
