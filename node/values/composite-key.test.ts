import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { behindComposite, compositeKey, hasNullPart, NULL_KEY } from './index.ts';

/** Parts full of what the encoding uses itself. */
const part = fc.oneof(
  fc.string({ unit: fc.constantFrom('\u0000', '\u0001', '\u0002', 'a', '\uffff'), maxLength: 4 }),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const parts = fc.array(part, { minLength: 2, maxLength: 2 });

function compare(a: readonly string[], b: readonly string[]): number {
  for (const [at, mine] of a.entries()) {
    const other = b[at] ?? '';
    if (mine !== other) return mine < other ? -1 : 1;
  }
  return 0;
}

test('composite keys compare as their parts do, first part first', () => {
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const [left, right] = [compositeKey(a), compositeKey(b)];
      const order = left === right ? 0 : left < right ? -1 : 1;
      assert.equal(order, compare(a, b));
    }),
  );
});

test('the keys that begin with some parts lie between the key of those and the place behind it', () => {
  fc.assert(
    fc.property(part, parts, (first, other) => {
      const key = compositeKey(other);
      const isWithin = compositeKey([first]) <= key && key < behindComposite([first]);
      assert.equal(isWithin, other[0] === first);
    }),
  );
});

test('a part that is null is known from the key alone', () => {
  fc.assert(
    fc.property(parts, (some) => {
      assert.equal(hasNullPart(compositeKey(some)), some.includes(NULL_KEY));
    }),
  );
});
