import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkSessions } from './sessions.ts';
import { evidence } from './testing/histories.ts';
import {
  create,
  list,
  ok,
  operation,
  put,
  read,
  remove,
  row,
  shows,
  UNKNOWN,
} from './testing/operations.ts';
import type { Operation } from './types.ts';

const A = row('k', 'a');
const B = row('k', 'b');
const inSession = { session: 7 };
const created = operation(1, 2, create(A), shows(1, A));
const replaced = operation(3, 4, put(B), shows(2, B), inSession);
const old = operation(5, 6, read('k', 'sequential'), shows(1, A), inSession);

function violations(...operations: Operation[]): string[] {
  return checkSessions(evidence(operations)).map(({ message }) => message);
}

test('a session reads its own writes', () => {
  assert.deepEqual(violations(created, replaced, old), [
    'Item/k: session 7 met version 2, and then version 1',
  ]);
  const fresh = operation(5, 6, read('k', 'sequential'), shows(2, B), inSession);
  assert.deepEqual(violations(created, replaced, fresh), []);
});

test('a session never goes back behind what it read, nor behind what it listed', () => {
  const seen = operation(3, 4, read('k', 'sequential'), shows(2, B), inSession);
  assert.equal(violations(created, seen, old).length, 1);
  const elsewhere = operation(3, 4, put(B), shows(2, B));
  const listed = operation(5, 6, list('sequential'), ok({ rows: [A] }), inSession);
  assert.equal(violations(created, elsewhere, seen, listed).length, 1);
});

test('others may read what is older', () => {
  const other = operation(5, 6, read('k', 'eventual'), shows(1, A), { session: 8 });
  assert.deepEqual(violations(created, replaced, other), []);
});

test('what a session saw is only gone where somebody deleted it', () => {
  const gone = operation(9, 10, read('k', 'sequential'), ok(), inSession);
  assert.deepEqual(violations(created, replaced, gone), [
    'Item/k: session 7 met version 2, and then nothing',
  ]);
  const deleting = operation(7, 0, remove('k'), UNKNOWN);
  assert.deepEqual(violations(created, replaced, deleting, gone), []);
});

test('a session that saw a row gone never sees it again as it was', () => {
  const deleting = operation(3, 0, remove('k'), UNKNOWN);
  const seen = operation(3, 4, read('k', 'sequential'), shows(1, A), inSession);
  const gone = operation(5, 6, read('k', 'sequential'), ok(), inSession);
  const back = operation(7, 8, read('k', 'sequential'), shows(1, A), inSession);
  assert.deepEqual(violations(created, deleting, seen, gone), []);
  assert.equal(violations(created, deleting, seen, gone, back).length, 1);
});

test('seeing twice that a row is gone tells of one delete', () => {
  const deleting = operation(3, 0, remove('k'), UNKNOWN);
  const seen = operation(3, 4, read('k', 'sequential'), shows(1, A), inSession);
  const gone = operation(5, 6, read('k', 'sequential'), ok(), inSession);
  const again = operation(7, 8, read('k', 'sequential'), ok(), inSession);
  const back = operation(9, 10, read('k', 'sequential'), shows(3, B), inSession);
  assert.deepEqual(violations(created, deleting, seen, gone, again, back), []);
});

test('a session never sees what it deleted', () => {
  const deleted = operation(5, 6, remove('k'), ok(), inSession);
  const back = operation(7, 8, read('k', 'sequential'), shows(2, B), inSession);
  assert.equal(violations(created, replaced, deleted, back).length, 1);
  const again = operation(7, 8, read('k', 'sequential'), shows(4, A), inSession);
  assert.deepEqual(violations(created, replaced, deleted, again), []);
});

test('one session goes back where some answer shows less than one before it', () => {
  const versions = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(versions, (shown) => {
      const reads = shown.map((version, at) =>
        operation(
          at * 2,
          at * 2 + 1,
          read('k'),
          shows(version, row('k', String(version))),
          inSession,
        ),
      );
      const isBackwards = shown.some((now, at) => shown.slice(0, at).some((then) => then > now));
      assert.equal(violations(...reads).length > 0, isBackwards);
    }),
  );
});
