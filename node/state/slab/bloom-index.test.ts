import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { KeyedHash } from './keyed-hash.ts';
import { SlabStore } from './slab-store.ts';

const hasher = new KeyedHash(new Uint8Array(8));

const row = (id: string, key: string, version = 1) => {
  return { id, version, json: `{"id":"${id}"}`, keys: [key], timestampMs: 5, sequence: 1 };
};

const grave = (id: string) => ({ id, version: 9, timestampMs: 6, sequence: 0 });

/** No key of a row that is there may be denied. */
function requireAllKnown(store: SlabStore, position: number): void {
  for (const { id, keys } of store.scan({ descending: false })) {
    assert.equal(store.lacks(position, keys[position] ?? ''), false, `${id} ${keys[position]}`);
  }
}

/** Of keys that no row ever had, the share that is surely not there. */
function shareDenied(store: SlabStore, position = 0): number {
  const strangers = Array.from({ length: 2000 }, (_, n) => `stranger-${n}`);
  return strangers.filter((key) => store.lacks(position, key)).length / strangers.length;
}

const step = fc.tuple(
  fc.constantFrom('put', 'put', 'bury', 'prepare', 'change'),
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 300 }),
);

describe('an index that knows what is not there', () => {
  it('never denies a key that a row has, whatever was written, prepared and changed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const store = new SlabStore(['ordered', 'bloom'], hasher);
        let shown = 2;
        for (const [kind, n, key] of steps) {
          const keys = Array.from({ length: shown }, () => `k${key}`);
          if (kind === 'put') store.put({ ...row(`r${n}`, ''), keys });
          else if (kind === 'bury') store.bury(grave(`r${n}`));
          else if (kind === 'prepare' && !store.isPreparing) {
            store.prepare([{ kind: 'bloom', source: 0 }]);
            store.prepareSome(n);
          } else if (kind === 'change') {
            const prepared = store.isPreparing ? [{ prepared: 0, kind: 'bloom' as const }] : [];
            const constant = { key: 'constant', kind: 'bloom' as const };
            const kept = [
              { from: 0, kind: 'ordered' as const },
              { from: 1, kind: 'bloom' as const },
            ];
            store.change([...kept, ...prepared, constant], (json) => json);
            shown = 3 + prepared.length;
          }
          for (let at = 1; at < shown; at++) requireAllKnown(store, at);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('denies nearly all keys that no row ever had, while it grows', () => {
    const store = new SlabStore(['bloom'], hasher);
    assert.equal(shareDenied(store), 1, 'an empty one denies everything');
    for (let n = 0; n < 50_000; n++) store.put(row(`id-${n}`, `key-${n}`));
    requireAllKnown(store, 0);
    assert.ok(shareDenied(store) > 0.95, `${shareDenied(store)}`);
  });

  it('forgets keys of rows that changed or are gone, and stays small under updates', () => {
    const [store, plain] = [new SlabStore(['bloom'], hasher), new SlabStore([], hasher)];
    for (const each of [store, plain]) {
      for (let n = 0; n < 500; n++) each.put(row(`id-${n}`, `first-${n}`));
      for (let n = 0; n < 500; n += 2) each.bury(grave(`id-${n}`));
      for (let n = 0; n < 100_000; n++) {
        each.put(row(`id-${2 * (n % 250) + 1}`, `later-${n}`, n));
        if (each === store && n < 20_000 && n % 40 === 0) requireAllKnown(store, 0);
      }
    }
    requireAllKnown(store, 0);
    const forgotten = Array.from({ length: 500 }, (_, n) => store.lacks(0, `first-${n}`));
    assert.ok(forgotten.filter(Boolean).length > 450, 'keys of the beginning are gone');
    const bytes = store.statistics().indexBytes - plain.statistics().indexBytes;
    assert.ok(bytes < 64 * 1024, `${bytes} bytes`);
  });

  it('finds no rows: whoever asks for them made a mistake', () => {
    const store = new SlabStore(['bloom', 'ordered'], hasher);
    store.put({ ...row('a', 'k'), keys: ['k', 'k'] });
    assert.throws(() => [...store.lookup(0, 'k', { descending: false })], RangeError);
    assert.throws(() => store.lacks(1, 'k'), RangeError);
  });
});
