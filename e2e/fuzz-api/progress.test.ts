import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgressLines } from './progress.ts';

test('progress is told as it comes, however the text is cut, and is no part of the report', () => {
  const told: string[] = [];
  const lines = new ProgressLines((text) => told.push(text));
  lines.take('a warning\nfuzz-prog');
  assert.deepEqual(told, []);
  lines.take('ress: coverage, 1 of 39\nfuzz-progress: coverage, 2 of 39\nFuzzing');
  assert.deepEqual(told, ['coverage, 1 of 39', 'coverage, 2 of 39']);
  lines.take(': done');
  assert.equal(lines.others(), 'a warning\nFuzzing: done');
});
