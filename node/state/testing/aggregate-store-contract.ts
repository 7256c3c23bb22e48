/** What every implementation of `AggregateStore` must do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AggregateRecord } from '../../ports/index.ts';
import type { AggregateStore } from '../aggregate-store.ts';

function record(id: string, version: number): AggregateRecord {
  return { id, version, json: JSON.stringify({ id, version, note: 'é' }), keys: [id, ''] };
}

export function describeAggregateStore(name: string, make: () => AggregateStore): void {
  void describe(`${name}, as a store of aggregates`, () => {
    void it('gives back what was put in, and nothing else', () => {
      const store = make();
      assert.equal(store.get('a'), undefined);
      store.set(record('a', 1));
      assert.deepEqual(store.get('a'), record('a', 1));
      assert.equal(store.get('A'), undefined);
      assert.equal(store.delete('b'), false);
      assert.equal(store.delete('a'), true);
      assert.equal(store.size, 0);
    });

    void it('keeps a replaced row in its place and puts one that comes again at the end', () => {
      const store = make();
      for (const id of ['c', 'a', 'b']) store.set(record(id, 1));
      store.set(record('c', 2));
      store.delete('a');
      store.set(record('a', 3));
      assert.deepEqual(store.rows(), [record('c', 2), record('b', 1), record('a', 3)]);
    });

    void it('gives rows that later changes do not touch', () => {
      const store = make();
      store.set(record('a', 1));
      const rows = store.rows();
      const [first] = rows;
      store.set(record('a', 2));
      store.set(record('b', 1));
      store.delete('a');
      assert.deepEqual(rows, [record('a', 1)]);
      assert.deepEqual(first, record('a', 1));
    });

    void it('does as a list of rows does, whatever is put in and deleted', () => {
      const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.boolean(), id)), (steps) => {
          const store = make();
          const list: AggregateRecord[] = [];
          for (const [at, [isSet, each]] of steps.entries()) {
            const place = list.findIndex((row) => row.id === each);
            if (isSet) {
              store.set(record(each, at));
              list.splice(
                place === -1 ? list.length : place,
                place === -1 ? 0 : 1,
                record(each, at),
              );
            } else {
              assert.equal(store.delete(each), place !== -1);
              if (place !== -1) list.splice(place, 1);
            }
          }
          assert.equal(store.size, list.length);
          assert.deepEqual(store.rows(), list);
          for (const row of list) assert.deepEqual(store.get(row.id), row);
        }),
      );
    });
  });
}
