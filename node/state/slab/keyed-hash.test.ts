import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyedHash } from './keyed-hash.ts';

const KEY = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7]);
const INPUT = Uint8Array.from({ length: 64 }, (_, at) => at);

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

describe('the keyed hash', () => {
  it('gives the published results of HalfSipHash-2-4', () => {
    const hash = new KeyedHash(KEY, { perWord: 2, final: 4 });
    const published = [0x5b9f35a9, 0xb85a4727, 0x03a662fa];
    assert.deepEqual(
      published.map((_, length) => hash.of(viewOf(INPUT), length)),
      published,
    );
  });

  it('depends on every byte, on the length and on the key', () => {
    const hash = new KeyedHash(KEY);
    const seen = new Set<number>();
    for (let length = 0; length <= 64; length++) seen.add(hash.of(viewOf(INPUT), length));
    for (let at = 0; at < 64; at++) {
      const changed = INPUT.slice();
      changed[at] = 200;
      seen.add(hash.of(viewOf(changed), 64));
    }
    seen.add(new KeyedHash(KEY.toReversed()).of(viewOf(INPUT), 64));
    assert.equal(seen.size, 65 + 64 + 1);
  });

  it('takes a key of 8 bytes', () => {
    assert.throws(() => new KeyedHash(new Uint8Array(7)), RangeError);
  });
});
