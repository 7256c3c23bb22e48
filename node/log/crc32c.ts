/** CRC-32C (Castagnoli), reflected polynomial; RFC 3720, appendix B.4. */
const POLYNOMIAL = 0x82f63b78;

// Slicing-by-8: Tk[b] is the effect of byte b followed by k zero bytes. Eight tables fit in the
// first-level cache; sixteen were slower for record headers and no faster for records.
const T0 = new Int32Array(256).map((_, byte) => eightBits(byte));
const T1 = followedByZero(T0);
const T2 = followedByZero(T1);
const T3 = followedByZero(T2);
const T4 = followedByZero(T3);
const T5 = followedByZero(T4);
const T6 = followedByZero(T5);
const T7 = followedByZero(T6);

function eightBits(byte: number): number {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
}

function followedByZero(table: Int32Array): Int32Array {
  return table.map((crc) => (crc >>> 8) ^ at(T0, crc & 0xff));
}

/** An element that exists: callers keep the position inside the array. */
function at(array: Int32Array | Uint8Array, position: number): number {
  return array[position] as number;
}

/**
 * CRC-32C of `bytes[start, end)`, as an unsigned number. `seed` is the checksum so far: the
 * checksum of a + b is that of b seeded with that of a.
 *
 * @throws RangeError where the range is not inside `bytes`
 */
export function crc32c(bytes: Uint8Array, start: number, end: number, seed: number): number {
  if (start < 0 || start > end || end > bytes.length) throw new RangeError('range outside bytes');
  let crc = ~seed;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    const low = at(bytes, i) | (at(bytes, i + 1) << 8) | (at(bytes, i + 2) << 16);
    const word = crc ^ (low | (at(bytes, i + 3) << 24));
    crc =
      at(T7, word & 0xff) ^
      at(T6, (word >>> 8) & 0xff) ^
      at(T5, (word >>> 16) & 0xff) ^
      at(T4, word >>> 24) ^
      at(T3, at(bytes, i + 4)) ^
      at(T2, at(bytes, i + 5)) ^
      at(T1, at(bytes, i + 6)) ^
      at(T0, at(bytes, i + 7));
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ at(T0, (crc ^ at(bytes, i)) & 0xff);
  return ~crc >>> 0;
}
