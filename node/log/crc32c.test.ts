import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c } from './crc32c.ts';

const whole = (bytes: Uint8Array) => crc32c(bytes, 0, bytes.length, 0);

test('the checksum of "123456789" is the check value of CRC-32C', () => {
  assert.equal(whole(new TextEncoder().encode('123456789')), 0xe3069283);
});

test('32 zeros and 32 ones have the checksums of RFC 3720, appendix B.4', () => {
  assert.equal(whole(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(whole(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
});

test('the checksum of a whole is that of its end, seeded with that of its start', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, at) => {
      const cut = Math.min(at, bytes.length);
      assert.equal(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut, 0)), whole(bytes));
    }),
  );
});

test('a range outside the bytes is refused', () => {
  assert.throws(() => crc32c(new Uint8Array(4), 0, 5, 0), RangeError);
});
