import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Place, SortedPairs } from './sorted-pairs.ts';

type Pair = readonly [string, string];

const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd', 'e'), maxLength: 4 });
const pair = fc.tuple(letters, letters);
const steps = fc.array(fc.tuple(fc.boolean(), pair), { maxLength: 900, size: 'max' });
const place: fc.Arbitrary<Place | undefined> = fc.option(
  fc.record({ key: letters, id: fc.option(letters, { nil: undefined }), behind: fc.boolean() }),
  { nil: undefined },
);

const order = (a: Pair, b: Pair) =>
  a[0] === b[0] ? (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0) : a[0] < b[0] ? -1 : 1;

/** Whether a pair stands before a place, in the plainest words. */
function before([key, id]: Pair, at: Place): boolean {
  if (key !== at.key) return key < at.key;
  if (at.id === undefined) return true;
  return id === at.id ? at.behind : id < at.id;
}

function build(operations: readonly (readonly [boolean, Pair])[]) {
  const tree = new SortedPairs();
  const model = new Map<string, Pair>();
  for (const [isInsert, [key, id]] of operations) {
    const name = JSON.stringify([key, id]);
    if (isInsert) {
      assert.equal(tree.insert(key, id), !model.has(name));
      model.set(name, [key, id]);
    } else {
      assert.equal(tree.delete(key, id), model.delete(name));
    }
  }
  return { tree, sorted: Array.from(model.values()).toSorted(order) };
}

const ids = (pairs: readonly Pair[]) => pairs.map(([, id]) => id);

describe('sorted pairs', () => {
  it('hold what a sorted array holds, and scan as it does, both ways and between any places', () => {
    fc.assert(
      fc.property(steps, place, place, (operations, low, high) => {
        const { tree, sorted } = build(operations);
        assert.equal(tree.size, sorted.length);
        const inside = sorted.filter(
          (each) => (low === undefined || !before(each, low)) && (!high || before(each, high)),
        );
        assert.deepEqual([...tree.ascending(low, high)], ids(inside));
        assert.deepEqual([...tree.descending(high, low)], ids(inside.toReversed()));
        for (const key of ['', 'a', 'bc', 'eeee']) {
          assert.equal(tree.first(key), sorted.find((each) => each[0] === key)?.[1]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('hold thousands of pairs through growth in order, growth at random, and decay', () => {
    const tree = new SortedPairs();
    const names = Array.from({ length: 20_000 }, (_, at) => String(at).padStart(6, '0'));
    for (const name of names) tree.insert(name, name);
    assert.deepEqual([...tree.ascending()], names);
    const shuffled = names.toSorted(
      (a, b) => ((Number(a) * 7919) % 20011) - ((Number(b) * 7919) % 20011),
    );
    const gone = new Set(shuffled.slice(0, 15_000));
    for (const name of gone) assert.ok(tree.delete(name, name));
    assert.deepEqual(
      [...tree.ascending()],
      names.filter((name) => !gone.has(name)),
    );
    for (const name of gone) assert.ok(tree.insert(name, name));
    assert.deepEqual([...tree.descending()], names.toReversed());
    for (const name of shuffled) assert.ok(tree.delete(name, name));
    assert.equal(tree.size, 0);
    assert.deepEqual([...tree.ascending()], []);
    assert.deepEqual([...tree.descending()], []);
  });
});
