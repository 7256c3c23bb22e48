import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asNodeError } from './exit.ts';
import { EXIT } from './exit-codes.ts';
import { LogFailedError, LogFormatError } from './log/index.ts';

test('a write that failed is a disk that failed, and no data that is refused', () => {
  const failed = new LogFailedError('writing 1.seg failed: EIO', new Error('EIO'));
  assert.equal(asNodeError(failed)?.exitCode, EXIT.failStop);
  assert.equal(asNodeError(new LogFormatError('too new'))?.exitCode, EXIT.dataRefused);
});
