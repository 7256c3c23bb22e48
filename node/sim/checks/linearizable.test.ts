import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byKey, type KeyOperation, type KeyState, NEVER_CREATED, step } from './key-model.ts';
import { checkLinearizable, linearize } from './linearizable.ts';
import {
  create,
  failed,
  ITEM,
  ok,
  operation,
  patch,
  put,
  read,
  remove,
  row,
  shows,
  UNKNOWN,
} from './testing/operations.ts';
import type { Call, Operation, Result } from './types.ts';

const A = row('k', 'a');
const B = row('k', 'b');
const C = row('k', 'c');

const created = operation(1, 2, create(A), shows(1, A));

function isGood(...operations: Operation[]): void {
  assert.deepEqual(checkLinearizable(byKey(operations)), []);
}

function isBad(...operations: Operation[]): void {
  const [violation] = checkLinearizable(byKey(operations));
  assert.equal(violation?.check, 'linearizable');
  assert.deepEqual(violation?.key, { model: ITEM, id: 'k' });
}

test('a read after an answered write shows it', () => {
  isGood(created, operation(3, 4, read('k'), shows(1, A)));
  isBad(created, operation(3, 4, read('k'), ok()));
  isBad(created, operation(3, 4, put(B), shows(2, B)), operation(5, 6, read('k'), shows(1, A)));
});

test('a read beside a write shows either state, and never goes back', () => {
  const writing = operation(3, 10, put(B), shows(2, B));
  isGood(
    created,
    writing,
    operation(4, 5, read('k'), shows(1, A)),
    operation(6, 7, read('k'), shows(2, B)),
  );
  isBad(
    created,
    writing,
    operation(4, 5, read('k'), shows(2, B)),
    operation(6, 7, read('k'), shows(1, A)),
  );
});

test('only strong reads must be linearizable', () => {
  const writing = operation(3, 4, put(B), shows(2, B));
  isGood(created, writing, operation(5, 6, read('k', 'eventual'), shows(1, A)));
});

test('a write of unknown outcome may take effect late, or never', () => {
  const lost = operation(3, 0, put(B), UNKNOWN);
  const old = operation(5, 6, read('k'), shows(1, A));
  isGood(created, lost, old);
  isGood(created, lost, old, operation(7, 8, read('k'), shows(2, B)));
  isBad(
    created,
    lost,
    operation(5, 6, read('k'), shows(2, B)),
    operation(7, 8, read('k'), shows(1, A)),
  );
});

test('a write of unknown outcome takes effect once', () => {
  isBad(
    created,
    operation(3, 0, put(B), UNKNOWN),
    operation(4, 5, read('k'), shows(2, B)),
    operation(6, 7, put(C), shows(3, C)),
    operation(8, 9, read('k'), shows(4, B)),
  );
});

test('a failed write has no effect', () => {
  isBad(
    created,
    operation(3, 4, put(B), failed('unavailable')),
    operation(5, 6, read('k'), shows(2, B)),
  );
});

test('no version is given out twice, and none is left out', () => {
  isBad(created, operation(3, 4, put(B), shows(2, B)), operation(3, 5, put(C), shows(2, C)));
  isBad(created, operation(3, 4, put(B), shows(3, B)));
});

test('versions go on where a deleted aggregate is created again', () => {
  const deleted = operation(3, 4, remove('k'), ok());
  isGood(created, deleted, operation(5, 6, create(B), shows(3, B)));
  isBad(created, deleted, operation(5, 6, create(B), shows(1, B)));
  isBad(created, deleted, operation(5, 6, read('k'), shows(1, A)));
});

test('of two writes with the same If-Match one takes effect', () => {
  const first = operation(3, 6, put(B, 1), shows(2, B));
  isGood(created, first, operation(4, 7, put(C, 1), failed('precondition_failed')));
  isBad(created, first, operation(4, 7, put(C, 1), shows(3, C)));
});

test('a refusal must have a state that is a reason for it', () => {
  isBad(created, operation(3, 4, put(B, 1), failed('precondition_failed')));
  isBad(created, operation(3, 4, remove('k'), failed('not_found')));
  isBad(operation(1, 2, create(A), failed('already_exists')));
  isGood(created, operation(3, 4, create(B), failed('already_exists')));
  isGood(created, operation(3, 4, put(B), failed('unique_conflict')));
});

test('a patch changes what it names', () => {
  const start = row('k', 'a', { amount: 1 });
  const both = row('k', 'b', { amount: 1 });
  const first = operation(1, 2, create(start), shows(1, start));
  isGood(first, operation(3, 4, patch('k', { stamp: 'b' }), shows(2, both)));
  isBad(first, operation(3, 4, patch('k', { stamp: 'b' }), shows(2, row('k', 'b', { amount: 2 }))));
});

test('a search that takes too long is undecided', () => {
  const items = [...byKey([created, operation(3, 4, read('k'), shows(1, A))]).values()].flat();
  assert.equal(linearize(items, 0).kind, 'undecided');
  assert.equal(linearize(items).kind, 'linearizable');
});

test('a thousand operations, ten at a time, take few steps each', () => {
  const operations: Operation[] = [created];
  for (let n = 2; n < 1000; n++) {
    const next = row('k', String(n));
    // Nine others overlap each write, so that the order is only told by the versions.
    operations.push(operation(n * 2, n * 2 + 18, put(next), shows(n, next)));
    if (n % 7 === 0) operations.push(operation(n * 2 + 1, 0, put(row('k', `lost ${n}`)), UNKNOWN));
  }
  const items = [...byKey(operations).values()].flat();
  assert.equal(linearize(items, 100 * items.length).kind, 'linearizable');
});

test('the search agrees with trying out every order', () => {
  fc.assert(
    fc.property(fc.array(randomOperation, { minLength: 1, maxLength: 6 }), (drafts) => {
      const operations = drafts.map((draft, at) => materialize(draft, at));
      const items = [...byKey(operations).values()].flat();
      const verdict = linearize(items).kind === 'linearizable';
      assert.equal(verdict, someOrderFits(NEVER_CREATED, items));
    }),
    { numRuns: 3000 },
  );
});

test('the search agrees with trying out every order where many writes are of unknown outcome', () => {
  const drafts = fc.array(randomOperation, { minLength: 1, maxLength: 7 });
  fc.assert(
    fc.property(drafts, (some) => {
      const operations = some.map((draft, at) => {
        // Every body is unlike any other, as in a run; reads show any of them.
        const isLost = draft.kind !== 5 && draft.outcome < 4;
        const stamp = draft.kind === 5 ? draft.stamp : at;
        return materialize({ ...draft, stamp, outcome: isLost ? 0 : draft.outcome }, at);
      });
      const items = [...byKey(operations).values()].flat();
      const verdict = linearize(items).kind === 'linearizable';
      assert.equal(verdict, someOrderFits(NEVER_CREATED, items));
    }),
    { numRuns: 2000 },
  );
});

test('a patch may be made of a row that only a lost write can have left', () => {
  const lost = operation(3, 0, put(row('k', 'lost', { amount: 7 })), UNKNOWN);
  const patched = row('k', 'p', { amount: 7 });
  isGood(created, lost, operation(5, 6, patch('k', { stamp: 'p' }), shows(3, patched)));
  isBad(created, lost, operation(5, 6, patch('k', { stamp: 'p', amount: 8 }), shows(3, patched)));
  isBad(created, operation(5, 6, patch('k', { stamp: 'p' }), shows(3, patched)));
});

test('many lost writes do not make the search long', () => {
  const lost = Array.from({ length: 24 }, (_, at) =>
    operation(3 + at, 0, at % 3 === 0 ? remove('k') : put(row('k', `lost ${at}`)), UNKNOWN),
  );
  const last = operation(60, 61, read('k'), shows(14, B));
  const items = [...byKey([created, ...lost, last]).values()].flat();
  const verdict = linearize(items, 20_000);
  assert.equal(verdict.kind, 'broken');
});

interface Draft {
  readonly kind: number;
  readonly from: number;
  readonly length: number;
  readonly version: number;
  readonly stamp: number;
  readonly outcome: number;
}

const randomOperation: fc.Arbitrary<Draft> = fc.record({
  kind: fc.nat(5),
  from: fc.nat(8),
  length: fc.nat(6),
  version: fc.integer({ min: 1, max: 3 }),
  stamp: fc.nat(2),
  outcome: fc.nat(5),
});

/** Moments are spread so that no two are equal. */
function materialize(draft: Draft, at: number): Operation {
  const { from, length } = draft;
  return operation(from * 20 + at, (from + length) * 20 + 10 + at, callOf(draft), resultOf(draft));
}

function callOf({ kind, stamp, version }: Draft): Call {
  const body = row('k', String(stamp));
  const ifMatch = version === 3 ? null : version;
  const calls = [create(body), put(body), put(body, ifMatch), remove('k'), remove('k', ifMatch)];
  return calls[kind] ?? read('k');
}

function resultOf({ kind, version, stamp, outcome }: Draft): Result {
  if (outcome === 0) return kind === 5 ? ok() : UNKNOWN;
  if (outcome === 1 && kind !== 5) {
    return failed(kind === 0 ? 'already_exists' : 'precondition_failed');
  }
  return kind === 3 || kind === 4 ? ok() : shows(version, row('k', String(stamp)));
}

/** The definition: some order that keeps to real time explains all that is known to have happened. */
function someOrderFits(state: KeyState, left: readonly KeyOperation[]): boolean {
  if (left.every(({ completed }) => completed === Number.POSITIVE_INFINITY)) return true;
  const firstEnd = Math.min(...left.map(({ completed }) => completed));
  return left.some((item) => {
    if (item.invoked > firstEnd) return false;
    const next = step(state, item);
    return (
      next !== null &&
      someOrderFits(
        next,
        left.filter((other) => other !== item),
      )
    );
  });
}
