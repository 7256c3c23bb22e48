/** 10 bits and 7 probes for each key: about one key in a hundred is taken for one that is there. */
const BITS_PER_KEY = 10;
const PROBES = 7;
const WORD_BITS = 32;
const FIRST_CAPACITY = 1024;

/** A Bloom filter of a fixed size. */
class Layer {
  readonly capacity: number;
  readonly words: Uint32Array;
  count = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.words = new Uint32Array(Math.ceil((capacity * BITS_PER_KEY) / WORD_BITS));
  }

  add(hash: number): void {
    this.count += 1;
    for (let at = 0; at < PROBES; at++) {
      const bit = this.bitOf(hash, at);
      this.words[bit >>> 5] = (this.words[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
  }

  mayHold(hash: number): boolean {
    for (let at = 0; at < PROBES; at++) {
      const bit = this.bitOf(hash, at);
      if (((this.words[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  /** Double hashing: a hash and what a mixer makes of it give all places. */
  private bitOf(hash: number, at: number): number {
    return ((hash + at * (mixed(hash) | 1)) >>> 0) % (this.words.length * WORD_BITS);
  }
}

/**
 * A set of hashes that may say yes where it should say no, and never the other way round. It grows
 * by layers, each twice as large as all before it (Almeida and others, "Scalable Bloom Filters",
 * Information Processing Letters 101, 2007), so that nothing is ever moved.
 */
export class KeyFilter {
  private readonly layers: Layer[] = [new Layer(FIRST_CAPACITY)];
  private held = 0;

  /** Hashes that were added and were not there yet, as far as it can tell. */
  get count(): number {
    return this.held;
  }

  get bytes(): number {
    return this.layers.reduce((sum, { words }) => sum + words.byteLength, 0);
  }

  add(hash: number): void {
    if (this.mayHold(hash)) return;
    this.held += 1;
    const last = this.layers.at(-1);
    if (last !== undefined && last.count < last.capacity) return last.add(hash);
    const next = new Layer((last?.capacity ?? FIRST_CAPACITY) * 2);
    this.layers.push(next);
    next.add(hash);
  }

  mayHold(hash: number): boolean {
    return this.layers.some((layer) => layer.mayHold(hash));
  }
}

/** The finalizer of MurmurHash3: every bit of the result follows from every bit. */
function mixed(hash: number): number {
  let value = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
