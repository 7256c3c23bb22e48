import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkExactlyOnce } from './exactly-once.ts';
import { evidence, holding } from './testing/histories.ts';
import {
  create,
  failed,
  ITEM,
  ok,
  operation,
  patch,
  put,
  read,
  row,
  shows,
  UNKNOWN,
} from './testing/operations.ts';
import type { FinalState, Operation } from './types.ts';

const A = row('k', 'a');
const B = row('k', 'b');
const created = operation(1, 2, create(A), shows(1, A, 10));

function isGood(operations: Operation[], states: FinalState[] = []): void {
  assert.deepEqual(checkExactlyOnce(evidence(operations, states)), []);
}

function isBad(message: RegExp, operations: Operation[], states: FinalState[] = []): void {
  const [violation] = checkExactlyOnce(evidence(operations, states));
  assert.match(violation?.message ?? 'no violation', message);
}

test('a retry gets the answer of the first try', () => {
  const first = shows(2, B, 11);
  const again = ok({ ...first, replayed: true });
  const keyed = { idempotencyKey: 'one', earlier: [first] };
  isGood([created, operation(3, 4, put(B), again, keyed)]);
  isBad(/executed 2 times/, [created, operation(3, 4, put(B), first, keyed)]);
  const other = ok({ ...shows(3, B, 12), replayed: true });
  isBad(/2 different answers/, [created, operation(3, 4, put(B), other, keyed)]);
});

test('a write leaves its stamp in one version', () => {
  const lost = operation(3, 0, put(B), UNKNOWN, { idempotencyKey: 'one' });
  const seen = operation(4, 5, read('k'), shows(2, B));
  isGood([created, lost, seen]);
  isBad(/versions 2 and 3/, [created, lost, seen, operation(6, 7, read('k'), shows(3, B))]);
  isBad(/versions 2 and 4/, [created, lost, seen], [holding(1, [[4, B]])]);
});

test('a create without an id makes one row', () => {
  const body = { stamp: 't' };
  const call = { kind: 'create', model: ITEM, id: null, body } as const;
  const first = row('x', 't');
  const second = row('y', 't');
  const made = operation(1, 2, call, shows(1, first));
  isGood([made], [holding(1, [[1, first]])]);
  const both = holding(1, [
    [1, first],
    [1, second],
  ]);
  isBad(/is in Item\/x and in Item\/y/, [made], [both]);
});

test('what was refused is seen nowhere', () => {
  const refused = operation(3, 4, put(B), failed('unavailable'));
  isGood([created, refused]);
  isBad(/was refused, and is there/, [created, refused], [holding(1, [[2, B]])]);
});

test('what is seen was written as it stands', () => {
  const stranger = row('k', 'x');
  isBad(/nobody wrote/, [created, operation(3, 4, read('k', 'eventual'), shows(1, stranger))]);
  const changed = row('k', 'a', { amount: 3 });
  isBad(/not what was written/, [created, operation(3, 4, read('k'), shows(1, changed))]);
});

test('a patched row has what the patch says, and more', () => {
  const patched = row('k', 'p', { amount: 1 });
  const wrong = row('k', 'p', { amount: 2 });
  const call = patch('k', { stamp: 'p', amount: 1 });
  isGood([created, operation(3, 4, call, shows(2, patched))]);
  isBad(/not what was written/, [created, operation(3, 4, call, shows(2, wrong))]);
});
