/** 10 bits and 7 probes for each id: about one id in a hundred is taken for one that is there. */
const BITS_PER_ID = 10;
const PROBES = 7;
const FIRST_SEED = 0x811c9dc5;
const SECOND_SEED = 0x9747b28c;

/** A set of ids that may say yes where it should say no, and never the other way round. */
export class BloomFilter {
  readonly bytes: Uint8Array;

  /** Over bytes that an earlier filter had. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** An empty filter with room for a number of ids. */
  static sizedFor(ids: number): BloomFilter {
    return new BloomFilter(new Uint8Array(Math.max(8, Math.ceil((ids * BITS_PER_ID) / 8))));
  }

  add(id: string): void {
    const bits = this.bytes.length * 8;
    const [first, second] = [hash(id, FIRST_SEED), hash(id, SECOND_SEED) | 1];
    for (let at = 0; at < PROBES; at++) {
      const bit = probe(first, second, at, bits);
      this.bytes[bit >>> 3] = (this.bytes[bit >>> 3] ?? 0) | (1 << (bit & 7));
    }
  }

  mayHold(id: string): boolean {
    const bits = this.bytes.length * 8;
    const [first, second] = [hash(id, FIRST_SEED), hash(id, SECOND_SEED) | 1];
    for (let at = 0; at < PROBES; at++) {
      const bit = probe(first, second, at, bits);
      if (((this.bytes[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }
}

/** Double hashing: two independent hashes of the id give all probes. */
function probe(first: number, second: number, at: number, bits: number): number {
  return ((first + at * second) >>> 0) % bits;
}

/** FNV-1a over code units with a final mix; part of the file format. */
function hash(text: string, seed: number): number {
  let value = seed;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
