import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from './check-history.ts';
import { checkConstraints } from './constraints.ts';
import { checkAtomic, checkDurable } from './durable.ts';
import { checkReplicas } from './replicas.ts';
import { evidence, history, holding } from './testing/histories.ts';
import {
  create,
  failed,
  ITEM,
  list,
  ok,
  operation,
  put,
  read,
  remove,
  row,
  shows,
  tokenOf,
  UNKNOWN,
} from './testing/operations.ts';
import type { Constraint, FinalState, Operation, Violation } from './types.ts';

const A = row('k', 'a');
const B = row('k', 'b');
const created = operation(1, 2, create(A), shows(1, A, 10));
const replaced = operation(3, 4, put(B), shows(2, B, 11));

function messages(violations: readonly Violation[]): string {
  return violations.map(({ message }) => message).join('\n');
}

function durable(operations: Operation[], state: FinalState): string {
  return messages(checkDurable(evidence(operations, [state])));
}

test('the last acknowledged write of an aggregate is there in the end', () => {
  assert.equal(durable([created, replaced], holding(1, [[2, B]])), '');
  assert.match(durable([created, replaced], holding(1, [[1, A]])), /node 1 holds .* instead of/);
  assert.match(durable([created, replaced], holding(1, [])), /no row instead of/);
  assert.match(durable([created, replaced], holding(1, [[1, B]])), /version 1 where 2/);
});

test('what was deleted is gone in the end', () => {
  const deleted = operation(3, 4, remove('k'), ok({ token: tokenOf(11) }));
  assert.equal(durable([created, deleted], holding(1, [])), '');
  assert.match(durable([created, deleted], holding(1, [[1, A]])), /instead of no row/);
});

test('a write of unknown outcome may be there in the end', () => {
  const lost = operation(3, 0, put(B), UNKNOWN);
  assert.equal(durable([created, lost], holding(1, [[2, B]])), '');
  assert.equal(durable([created, lost], holding(1, [[1, A]])), '');
  assert.match(durable([created, lost], holding(1, [])), /no row instead of/);
});

test('what only the leader had on its disk may be lost', () => {
  const result = ok({ ...shows(2, B, 11), durability: 'leader' });
  const weak = operation(3, 4, put(B), result);
  assert.equal(durable([created, weak], holding(1, [[1, A]])), '');
});

test('a bulk is there as a whole or not at all', () => {
  const bodies = [row('p', '1'), row('q', '2')];
  const lost = operation(1, 0, { kind: 'bulk', model: ITEM, bodies }, UNKNOWN);
  const atomic = (...rows: (typeof A)[]) =>
    checkAtomic(
      evidence(
        [lost],
        [
          holding(
            1,
            rows.map((one) => [1, one]),
          ),
        ],
      ),
    ).length;
  assert.equal(atomic(), 0);
  assert.equal(atomic(...bodies), 0);
  assert.equal(atomic(row('p', '1')), 1);
});

test('replicas hold the same rows at the same index', () => {
  const one = holding(1, [[1, A]]);
  assert.deepEqual(checkReplicas([one, holding(2, [[1, A]])]), []);
  assert.match(messages(checkReplicas([one, holding(2, [[2, A]])])), /nodes 1 and 2 hold/);
  assert.match(messages(checkReplicas([one, holding(2, [])])), /and nothing/);
  assert.match(messages(checkReplicas([one, holding(2, [[1, A]], 99)])), /up to 100 and 99/);
});

const UNIQUE: Constraint = { kind: 'unique', model: ITEM, field: 'sku' };
const REFERENCE: Constraint = { kind: 'reference', model: ITEM, field: 'parent', to: ITEM };

test('unique values are unique in states and in lists', () => {
  const [one, two] = [row('x', '1', { sku: 's' }), row('y', '2', { sku: 's' })];
  const clash = holding(1, [
    [1, one],
    [1, two],
  ]);
  const listed = operation(1, 2, list(), ok({ rows: [one, two] }));
  assert.match(messages(checkConstraints(history([], [clash], [UNIQUE]))), /same sku/);
  assert.match(messages(checkConstraints(history([listed], [], [UNIQUE]))), /a list: .* same sku/);
  const empty = holding(1, [
    [1, row('x', '1', { sku: null })],
    [1, row('y', '2', { sku: null })],
  ]);
  assert.deepEqual(checkConstraints(history([], [empty], [UNIQUE])), []);
});

test('references point to rows that are there', () => {
  const child = row('c', '1', { parent: 'k' });
  const good = holding(1, [
    [1, A],
    [1, child],
  ]);
  assert.deepEqual(checkConstraints(history([], [good], [REFERENCE])), []);
  const bad = holding(1, [[1, child]]);
  assert.match(messages(checkConstraints(history([], [bad], [REFERENCE]))), /refers to "k"/);
});

test('an answer that the request cannot have is a violation', () => {
  assert.match(answered(operation(1, 2, read('k'), failed('internal'))), /with internal/);
  const broken = operation(1, 2, put(A), { kind: 'unknown', reason: 'internal' });
  assert.match(answered(broken), /with internal/);
  assert.match(answered(operation(1, 2, put(A), failed('precondition_failed'))), /with precond/);
  assert.match(answered(operation(1, 2, put(A), failed('idempotency_key_reuse'))), /with idem/);
  assert.equal(answered(operation(1, 2, put(A), failed('not_found'))), '');
  assert.equal(answered(operation(1, 2, read('k'), failed('unavailable'))), '');
});

function answered(operationOf: Operation): string {
  return messages(checkHistory(history([operationOf])).filter(({ check }) => check === 'answers'));
}
