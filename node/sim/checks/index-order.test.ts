import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkIndexOrder } from './index-order.ts';
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
  tokenOf,
  UNKNOWN,
} from './testing/operations.ts';
import type { Operation, Row } from './types.ts';

const A = row('k', 'a', { group: 'g' });
const B = row('k', 'b', { group: 'h' });
const OTHER = row('l', 'o', { group: 'g' });
const created = operation(1, 2, create(A), shows(1, A, 10));
const replaced = operation(3, 4, put(B), shows(2, B, 11));
const lost = operation(3, 0, put(B), UNKNOWN);

function isGood(...operations: Operation[]): void {
  assert.deepEqual(checkIndexOrder(evidence(operations)), []);
}

function isBad(message: RegExp, ...operations: Operation[]): void {
  const messages = checkIndexOrder(evidence(operations)).map((violation) => violation.message);
  assert.match(messages.join('\n'), message);
}

function listed(index: number, ...rows: Row[]) {
  return ok({ rows, token: tokenOf(index) });
}

test('an eventual read shows exactly the state of its index', () => {
  isGood(created, replaced, operation(5, 6, read('k', 'eventual'), shows(1, A, 10)));
  isBad(/instead of/, created, replaced, operation(5, 6, read('k', 'eventual'), shows(1, A, 11)));
  isBad(/instead of/, created, replaced, operation(5, 6, read('k', 'eventual'), shows(2, B, 10)));
});

test('a strong answer is not older than any answer before it, of whatever aggregate', () => {
  const other = operation(5, 6, create(OTHER), shows(1, OTHER, 12));
  isGood(created, other, operation(7, 8, read('k'), shows(1, A, 12)));
  isBad(/has index 11, not 12/, created, other, operation(7, 8, read('k'), shows(1, A, 11)));
  isGood(created, other, operation(5, 8, read('k'), shows(1, A, 11)));
});

test('a sequential answer is not older than its token', () => {
  const [fresh, newer] = [
    read('k', 'sequential', tokenOf(10)),
    read('k', 'sequential', tokenOf(12)),
  ];
  isGood(created, operation(5, 6, fresh, shows(1, A, 10)));
  isBad(/has index 10, not 12/, created, operation(5, 6, newer, shows(1, A, 10)));
});

test('a write takes a place behind all that was seen before it', () => {
  isBad(/has index 9, not 11/, created, operation(3, 4, create(OTHER), shows(1, OTHER, 9)));
});

test('versions rise with indexes', () => {
  isBad(
    /version 1 at index 11 comes after version 2 at 10/,
    operation(1, 9, put(B), shows(2, B, 10)),
    operation(1, 9, create(A), shows(1, A, 11)),
  );
});

test('a list is a consistent cut: each row as of the index', () => {
  const other = operation(5, 6, create(OTHER), shows(1, OTHER, 12));
  const all = [created, replaced, other];
  isGood(...all, operation(7, 8, list('eventual'), listed(10, A)));
  isGood(...all, operation(7, 8, list(), listed(12, B, OTHER)));
  isBad(/no row instead of/, ...all, operation(7, 8, list(), listed(12, OTHER)));
  isBad(/instead of/, ...all, operation(7, 8, list(), listed(12, A, OTHER)));
  isBad(/a row twice/, ...all, operation(7, 8, list(), listed(12, B, B, OTHER)));
});

test('a filtered list has what matches and nothing else', () => {
  const filter = { field: 'group', value: 'g' };
  const other = operation(5, 6, create(OTHER), shows(1, OTHER, 12));
  const all = [created, replaced, other];
  isGood(...all, operation(7, 8, list('strong', filter), listed(12, OTHER)));
  isGood(...all, operation(7, 8, list('eventual', filter), listed(10, A)));
  isBad(/no row instead/, ...all, operation(7, 8, list('strong', filter), listed(12)));
  isBad(
    /not what was asked/,
    ...all,
    operation(7, 8, list('strong', filter), listed(12, B, OTHER)),
  );
});

test('a row is not listed after its delete, nor missing before it', () => {
  const deleted = operation(3, 4, remove('k'), ok({ token: tokenOf(11) }));
  isGood(created, deleted, operation(5, 6, list(), listed(11)));
  isGood(created, deleted, operation(5, 6, list('eventual'), listed(10, A)));
  isBad(/instead of no row/, created, deleted, operation(5, 6, list(), listed(11, A)));
});

test('writes of unknown outcome may or may not be seen', () => {
  isGood(created, lost, operation(5, 6, read('k'), shows(2, B, 12)));
  isGood(created, lost, operation(5, 6, read('k'), shows(1, A, 12)));
  isGood(created, lost, operation(5, 6, list(), listed(12, B)));
  const stranger = row('k', 'x');
  isBad(/instead of/, created, lost, operation(5, 6, read('k'), shows(2, stranger, 12)));
});

test('where versions leave no gap, a write of unknown outcome cannot lie between them', () => {
  const next = row('k', 'c');
  const third = operation(5, 6, put(next), shows(2, next, 12));
  isBad(
    /instead of/,
    created,
    lost,
    third,
    operation(7, 8, read('k', 'eventual'), shows(2, B, 11)),
  );
  const fourth = operation(5, 6, put(next), shows(3, next, 12));
  isGood(created, lost, fourth, operation(7, 8, read('k', 'eventual'), shows(2, B, 11)));
});
