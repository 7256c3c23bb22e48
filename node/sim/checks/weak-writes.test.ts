import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WeakAttempt } from '../workload/index.ts';
import { checkWeakWrites } from './weak-writes.ts';

function attempt(stamp: string, result: WeakAttempt['result']): WeakAttempt {
  return { model: 'Note', stamp, sentMs: 0, answeredMs: 1, result };
}

const ATTEMPTS = [
  attempt('a', 'early'),
  attempt('b', 'ordered'),
  attempt('c', 'unknown'),
  attempt('d', 'refused'),
];

function check(stamps: readonly string[], isCalm: boolean, odd: readonly string[] = []): string[] {
  return checkWeakWrites({
    attempts: ATTEMPTS,
    odd,
    held: (model) => (model === 'Note' ? stamps : []),
    mayLose: () => !isCalm,
  });
}

test('writes that were answered early are there, or lost with a reason', () => {
  assert.deepEqual(check(['a', 'b'], true), []);
  assert.deepEqual(check(['a', 'b', 'c'], true), []);
  assert.deepEqual(check(['b'], false), []);
  const lost = ['Note a was answered early, nothing came between, and it is gone'];
  assert.deepEqual(check(['b'], true), lost);
});

test('what a majority had stays, nothing is done twice, and nothing comes of what was refused', () => {
  assert.deepEqual(check(['a'], false), ['Note b was ordered by a majority, and is gone']);
  assert.deepEqual(check(['a', 'a', 'b'], false), ['Note a is there 2 times']);
  const found = check(['a', 'b', 'd', 'e'], false);
  assert.deepEqual(found, ['Note d was refused, and is there', 'nobody wrote Note e']);
});

test('answers that promise too much are told', () => {
  assert.deepEqual(check(['a', 'b'], true, ['odd']), ['odd']);
});
