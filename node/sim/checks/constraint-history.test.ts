import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConstraintHistory } from './constraint-history.ts';
import { gather } from './evidence.ts';
import { history } from './testing/histories.ts';
import {
  create,
  ITEM,
  ok,
  operation,
  put,
  remove,
  row,
  shows,
  tokenOf,
  UNKNOWN,
} from './testing/operations.ts';
import type { Operation } from './types.ts';

const CONSTRAINTS = [
  { kind: 'unique', model: ITEM, field: 'sku' },
  { kind: 'reference', model: ITEM, field: 'parent', to: ITEM },
] as const;

function messages(...operations: Operation[]): string {
  const evidence = gather(history(operations, [], CONSTRAINTS));
  return checkConstraintHistory(evidence)
    .map(({ message }) => message)
    .join('\n');
}

const [one, two] = [row('x', '1', { sku: 's' }), row('y', '2', { sku: 's' })];
const first = operation(1, 2, create(one), shows(1, one, 10));
const second = operation(7, 8, create(two), shows(1, two, 14));

test('two aggregates never have a unique value at the same index', () => {
  assert.match(messages(first, second), /Item\/x and Item\/y both have sku "s" at index 14/);
});

test('a unique value is free once its aggregate is gone or has another', () => {
  const gone = operation(3, 4, remove('x'), ok({ token: tokenOf(12) }));
  assert.equal(messages(first, gone, second), '');
  const other = row('x', '3', { sku: 't' });
  assert.equal(messages(first, operation(3, 4, put(other), shows(2, other, 12)), second), '');
});

test('a write of unknown outcome may have freed a unique value', () => {
  assert.equal(messages(first, operation(3, 0, remove('x'), UNKNOWN), second), '');
});

test('a reference never points to what is not there', () => {
  const child = row('c', '4', { parent: 'x' });
  const born = operation(3, 4, create(child), shows(1, child, 11));
  assert.equal(messages(first, born), '');
  const gone = operation(5, 6, remove('x'), ok({ token: tokenOf(12) }));
  assert.match(
    messages(first, born, gone),
    /Item\/c has parent "x" at index 12, where there is no/,
  );
  const early = operation(0, 1, create(child), shows(1, child, 9));
  assert.match(messages(early, first), /at index 9, where there is no Item\/x/);
});
