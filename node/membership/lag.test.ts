import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LagHistory } from './lag.ts';

test('whoever holds everything lacks nothing', () => {
  const history = new LagHistory();
  assert.deepEqual(history.behind(0, 0), { bytes: 0, ms: 0 });
  history.onApplied(1, 100, 0);
  assert.deepEqual(history.behind(1, 5_000), { bytes: 0, ms: 0 });
});

test('a lag is as old as the oldest entry that is lacking, and counts the bytes from there', () => {
  const history = new LagHistory();
  history.onApplied(1, 100, 0);
  history.onApplied(2, 300, 1_000);
  history.onApplied(3, 600, 2_000);
  assert.deepEqual(history.behind(2, 2_500), { bytes: 300, ms: 500 });
  assert.deepEqual(history.behind(1, 2_500), { bytes: 500, ms: 1_500 });
});

test('entries that come close together share a mark', () => {
  const history = new LagHistory();
  for (let index = 1; index <= 100; index++) history.onApplied(index, index * 10, index);
  history.onApplied(101, 1_010, 10_000);
  assert.deepEqual(history.behind(100, 10_500), { bytes: 10, ms: 500 });
  const { ms, bytes } = history.behind(50, 10_500);
  assert.ok(ms >= 10_430 && ms <= 10_470, String(ms));
  assert.ok(bytes >= 500 && bytes <= 700, String(bytes));
});

test('however long it goes on, old lags stay known, more coarsely', () => {
  const history = new LagHistory();
  const count = 100_000;
  for (let index = 1; index <= count; index++) history.onApplied(index, index, index * 1_000);
  const { ms } = history.behind(count / 2, count * 1_000);
  assert.ok(Math.abs(ms / (count * 500) - 1) < 0.02, String(ms));
});
