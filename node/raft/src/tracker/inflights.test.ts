import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Inflights } from './index.ts';

const step = fc.oneof(
  fc.record({ add: fc.integer({ min: 0, max: 50 }), gap: fc.integer({ min: 1, max: 3 }) }),
  // The first ones, up to an index of theirs or between two of them.
  fc.record({ free: fc.integer({ min: 0, max: 4 }), beyond: fc.integer({ min: 0, max: 1 }) }),
  fc.record({ resetIf: fc.integer({ min: 0, max: 9 }) }),
);

describe('an inflights window', () => {
  it('behaves like a list of the messages under way', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom(0, 0, 120),
        fc.array(step, { maxLength: 60, size: 'max' }),
        (maxMessages, maxBytes, steps) => {
          const window = new Inflights(maxMessages, maxBytes);
          let model: { index: number; bytes: number }[] = [];
          let index = 0;
          for (const action of steps) {
            if ('add' in action) {
              if (window.full) continue;
              index += action.gap;
              window.add(index, action.add);
              model.push({ index, bytes: action.add });
            } else if ('free' in action) {
              const upTo = (model[action.free]?.index ?? 0) + action.beyond;
              window.freeLE(upTo);
              model = model.filter((message) => message.index > upTo);
            } else if (action.resetIf === 0) {
              window.reset();
              model = [];
            }
            const total = model.reduce((sum, message) => sum + message.bytes, 0);
            assert.equal(window.count, model.length);
            assert.equal(window.bytes, total);
            const overBytes = maxBytes > 0 && total >= maxBytes;
            assert.equal(window.full, model.length === maxMessages || overBytes);
          }
        },
      ),
    );
  });

  it('refuses a message while it is full', () => {
    const window = new Inflights(1, 0);
    window.add(1, 10);
    assert.throws(() => window.add(2, 10), /full inflights/);
  });

  it('takes one message however large, so that nothing is stuck', () => {
    const window = new Inflights(10, 5);
    window.add(1, 1000);
    assert.equal(window.full, true);
    window.freeLE(1);
    assert.equal(window.full, false);
  });

  it('has copies that go their own way', () => {
    const window = new Inflights(4, 0);
    window.add(1, 1);
    window.add(2, 1);
    const copy = window.clone();
    window.freeLE(2);
    copy.add(3, 1);
    assert.equal(window.count, 0);
    assert.equal(copy.count, 3);
  });
});
