import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BodyCache } from './body-cache.ts';

/** What the cache counts for a body beside its characters. */
const STRING_BYTES = 32;

/** The same in the simplest way: entries in the order of use. */
class NaiveCache {
  entries: { row: number; json: string; bytes: number }[] = [];
  limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get bytes(): number {
    return this.entries.reduce((sum, { bytes }) => sum + bytes + STRING_BYTES, 0);
  }

  get(row: number): string | undefined {
    const entry = this.entries.find((each) => each.row === row);
    if (entry !== undefined) this.entries = [...this.without(row), entry];
    return entry?.json;
  }

  set(row: number, json: string, bytes: number): void {
    this.entries = this.without(row);
    if (bytes + STRING_BYTES > this.limit) return;
    this.entries.push({ row, json, bytes });
    this.limitTo(this.limit);
  }

  delete(row: number): void {
    this.entries = this.without(row);
  }

  limitTo(limit: number): void {
    this.limit = limit;
    while (this.bytes > limit) this.entries.shift();
  }

  private without(row: number) {
    return this.entries.filter((each) => each.row !== row);
  }
}

type Step =
  | { readonly do: 'get' | 'delete'; readonly row: number }
  | { readonly do: 'set'; readonly row: number; readonly bytes: number }
  | { readonly do: 'limitTo'; readonly bytes: number };

const row = fc.integer({ min: 1, max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('get' as const), row }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), row }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('set' as const), row, bytes: fc.nat({ max: 200 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('limitTo' as const), bytes: fc.nat({ max: 900 }) }),
  },
);

function take(cache: BodyCache | NaiveCache, step: Step, number: number): unknown {
  if (step.do === 'set') return cache.set(step.row, `body ${number}`, step.bytes);
  if (step.do === 'limitTo') return cache.limitTo(step.bytes);
  return cache[step.do](step.row);
}

/** Processor time of reading rows one after the other through a full cache of some size. */
function microsOfMisses(rows: number): number {
  const cache = new BodyCache(rows * (100 + STRING_BYTES));
  for (let row = 1; row <= rows; row++) cache.set(row, 'body', 100);
  const before = process.threadCpuUsage().user;
  for (let row = rows + 1; row <= rows + 100_000; row++) {
    assert.equal(cache.get(row), undefined);
    cache.set(row, 'body', 100);
  }
  return process.threadCpuUsage().user - before;
}

describe('a cache of bodies', () => {
  it('keeps what was asked for last, up to its bound', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 60, maxLength: 200 }), (steps) => {
        const [cache, naive] = [new BodyCache(500), new NaiveCache(500)];
        for (const [number, step] of steps.entries()) {
          assert.equal(take(cache, step, number), take(naive, step, number));
          assert.equal(cache.bytes, naive.bytes);
          for (const { row } of naive.entries) assert.ok(cache.has(row));
        }
        for (let row = 1; row <= 12; row++) assert.equal(cache.get(row), naive.get(row));
      }),
    );
  });

  it('costs no more where it is large', () => {
    const [small, large] = [microsOfMisses(1_000), microsOfMisses(200_000)];
    assert.ok(large < 8 * small, `${large} µs, and ${small} µs where it is small`);
  });

  it('keeps no body that is larger than all of it, and nothing for its sake', () => {
    const cache = new BodyCache(300);
    cache.set(1, 'small', 100);
    cache.set(2, 'large', 400);
    assert.equal(cache.get(1), 'small');
    assert.equal(cache.has(2), false);
  });
});
