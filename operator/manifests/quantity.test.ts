import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuantity, sameQuantity } from './index.ts';

const VALUES: readonly [string, number | null][] = [
  ['1', 1],
  ['100m', 0.1],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['10k', 10_000],
  ['1e3', 1_000],
  ['.5', 0.5],
  ['', null],
  ['Gi', null],
  ['1 Gi', null],
];

for (const [text, value] of VALUES) {
  test(`the quantity "${text}" is ${value}`, () => {
    assert.equal(parseQuantity(text), value);
  });
}

test('amounts are compared, not the ways to write them', () => {
  assert.equal(sameQuantity('0.5', '500m'), true);
  assert.equal(sameQuantity('1024Mi', '1Gi'), true);
  assert.equal(sameQuantity('1Gi', '1G'), false);
  assert.equal(sameQuantity('what', 'what'), true);
});
