import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type DedupRecord, DedupTable, dedupLimitsOf } from './dedup.ts';
import { KeyedHash } from './slab/index.ts';
import { SHOP } from './testing/shop.ts';

const hasher = new KeyedHash(new Uint8Array(8));

function record(n: number, timeMs: number, size = 10): DedupRecord {
  const json = n % 5 === 0 ? null : JSON.stringify({ n, text: 'ä'.repeat(size) });
  return {
    scope: `scope-${n}`,
    fingerprint: `f${n}`,
    timeMs,
    outcome: {
      kind: 'applied',
      index: n * 1000,
      effect: json === null ? 'deleted' : 'created',
      aggregates: [{ id: `id-${n}`, version: n + 1, json }],
      replayed: false,
    },
  };
}

describe('the table of outcomes', () => {
  it('does as a list that is cut at its old end, whatever the sizes, ages and limits', () => {
    const step = fc.record({ passMs: fc.nat(30), size: fc.nat(3000), limit: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const table = new DedupTable({ maxRecords: 20, maxAgeMs: 200 }, hasher);
        let list: DedupRecord[] = [];
        let nowMs = 5;
        let limit = 20;
        for (const [n, { passMs, size, limit: next }] of steps.entries()) {
          nowMs += passMs;
          table.expire(nowMs);
          list = list.filter(({ timeMs }) => nowMs - timeMs <= 200);
          if (n % 50 === 49) {
            limit = next + 1;
            table.limitTo({ maxRecords: limit, maxAgeMs: 200 });
            list = list.slice(-limit);
          }
          table.add(record(n, nowMs, size));
          list = [...list, record(n, nowMs, size)].slice(-limit);
          assert.equal(table.size, list.length);
          assert.equal(table.find(`scope-${n - limit}`), undefined);
        }
        assert.deepEqual([...table.records()], list);
        for (const each of list) assert.deepEqual(table.find(each.scope), each);
      }),
      { numRuns: 50 },
    );
  });

  it('begins anew where all of it was too old, whatever room is left', () => {
    for (const size of [10, 5000, 8000, 100_000]) {
      const table = new DedupTable({ maxRecords: 100, maxAgeMs: 10 }, hasher);
      for (let n = 1; n < 40; n++) {
        table.expire(n * 100);
        table.add(record(n, n * 100, n % 2 === 0 ? size : 10));
        assert.deepEqual([...table.records()], [record(n, n * 100, n % 2 === 0 ? size : 10)]);
      }
    }
  });

  it('shows its records as they were when they were asked for', () => {
    const table = new DedupTable({ maxRecords: 3000, maxAgeMs: 1e9 }, hasher);
    for (let n = 0; n < 3000; n++) table.add(record(n, n, 300));
    const records = table.records();
    for (let n = 3000; n < 9000; n++) table.add(record(n, n, 300));
    let n = 0;
    for (const each of records) {
      assert.deepEqual(each, record(n, n, 300));
      n += 1;
    }
    assert.equal(n, 3000);
    assert.equal(table.find('scope-5999'), undefined);
    assert.deepEqual(table.find('scope-6000'), record(6000, 6000, 300));
  });

  it('is bounded by what the model says, and otherwise by a day and a hundred thousand', () => {
    const day = 24 * 60 * 60 * 1000;
    assert.deepEqual(dedupLimitsOf(SHOP), { maxRecords: 100_000, maxAgeMs: day });
    const idempotency = { window: '2h', maxOutcomes: 7 };
    assert.deepEqual(dedupLimitsOf({ ...SHOP, store: { ...SHOP.store, idempotency } }), {
      maxRecords: 7,
      maxAgeMs: day / 12,
    });
  });
});
