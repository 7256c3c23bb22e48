import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyedHash } from './keyed-hash.ts';
import { SlabStore } from './slab-store.ts';

const hasher = new KeyedHash(new Uint8Array(8));

const row = (n: number, version = 1) => {
  const id = `id-${n}`;
  const keys = [n % 7 === 0 ? '' : `unique-${n}`];
  return { id, version, json: `{"id":"${id}"}`, keys, timestampMs: 5, sequence: n };
};

const padded = (n: number, version: number) => {
  return { ...row(n, version), json: `{"id":"id-${n}","pad":"${'x'.repeat(250)}"}` };
};

describe('a store of many rows', () => {
  it('finds each by its id and its unique key, while it grows and while keys go', () => {
    const store = new SlabStore(['unique'], hasher);
    const count = 40_000;
    for (let n = 0; n < count; n++) store.put(row(n));
    for (let n = 0; n < count; n += 3) {
      store.bury({ id: `id-${n}`, version: 2, timestampMs: 6, sequence: 0 });
    }
    for (let n = 0; n < count; n++) {
      const isGone = n % 3 === 0;
      assert.deepEqual(store.get(`id-${n}`), isGone ? undefined : row(n));
      if (n % 7 === 0) continue;
      assert.equal(store.holder(0, `unique-${n}`), isGone ? undefined : `id-${n}`);
    }
    assert.equal(store.size, count - Math.ceil(count / 3));
  });

  it('takes about as much memory after many updates as before', () => {
    const store = new SlabStore(['unique'], hasher);
    const count = 20_000;
    for (let n = 0; n < count; n++) store.put(padded(n, 1));
    const before = store.statistics();
    for (let n = 0; n < count * 10; n++) store.put(padded((n * 7919) % count, n));
    const after = store.statistics();
    assert.equal(after.liveBytes, before.liveBytes);
    assert.ok(after.deadBytes < before.liveBytes / 4, `${after.deadBytes} bytes are dead`);
    const whole = ({ liveBytes, deadBytes, indexBytes }: typeof after) =>
      liveBytes + deadBytes + indexBytes;
    assert.ok(whole(after) < whole(before) * 1.5, `${whole(after)} of ${whole(before)} bytes`);
    for (let n = 0; n < count; n++)
      assert.equal(store.get(`id-${n}`)?.json.length, padded(n, 1).json.length);
  });

  it('shows of its rows the keys that its model knows of, while others are being prepared', () => {
    const store = new SlabStore(['ordered'], hasher);
    store.put(row(1));
    store.prepare([{ kind: 'ordered', source: (json) => `of ${json}` }]);
    store.put(row(2));
    for (const shown of store.scan({ descending: false })) {
      const { id, json, keys } = shown;
      assert.deepEqual({ id, json, keys }, { id, json, keys: store.get(id)?.keys });
      assert.deepEqual([keys.length, shown.keyAt?.(1)], [1, undefined], id);
    }
    assert.equal(store.size, 2);
  });
});
