/** Bytes of the key of a {@link KeyedHash}. */
export const HASH_KEY_BYTES = 8;

/** Rounds for each word, and at the end. */
interface Rounds {
  readonly perWord: number;
  readonly final: number;
}

/** As for other tables in memory that outsiders fill: HalfSipHash-1-3. */
const TABLE_ROUNDS: Rounds = { perWord: 1, final: 3 };

/**
 * HalfSipHash with a result of 32 bits (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * INDOCRYPT 2012). Keys of rows are chosen by clients: who does not know the key of the hash
 * cannot choose them so that they meet in one place of a table.
 */
export class KeyedHash {
  private readonly k0: number;
  private readonly k1: number;
  private readonly rounds: Rounds;

  /** @param key 8 bytes; need not be the same on all members, nothing that is stored depends on it */
  constructor(key: Uint8Array, rounds: Rounds = TABLE_ROUNDS) {
    if (key.length !== HASH_KEY_BYTES) throw new RangeError('the key of a hash has 8 bytes');
    const view = new DataView(key.buffer, key.byteOffset, HASH_KEY_BYTES);
    this.k0 = view.getInt32(0, true);
    this.k1 = view.getInt32(4, true);
    this.rounds = rounds;
  }

  /** The hash of the first `length` bytes, an unsigned 32-bit number. */
  of(bytes: DataView, length: number): number {
    let v0 = this.k0;
    let v1 = this.k1;
    let v2 = 0x6c796765 ^ this.k0;
    let v3 = 0x74656462 ^ this.k1;
    const whole = length & ~3;
    for (let at = 0; at <= whole; at += 4) {
      const isLast = at === whole;
      const input = isLast ? tail(bytes, whole, length) : bytes.getInt32(at, true);
      v3 ^= input;
      let rounds = this.rounds.perWord;
      for (; rounds > 0; rounds--) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= input;
    }
    v2 ^= 0xff;
    for (let rounds = this.rounds.final; rounds > 0; rounds--) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    return (v1 ^ v3) >>> 0;
  }
}

/** The last word: what is left, and the length in its highest byte. */
function tail(bytes: DataView, from: number, length: number): number {
  let last = (length & 0xff) << 24;
  for (let at = from; at < length; at++) last |= bytes.getUint8(at) << (8 * (at - from));
  return last;
}
