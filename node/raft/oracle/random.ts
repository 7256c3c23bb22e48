/** A seeded source of choices: the same seed gives the same choices on every machine. */
export class Random {
  #state: number;

  /** `stream` tells apart independent sequences of one seed. */
  constructor(seed: number, stream: number) {
    this.#state = mix(mix(seed) ^ Math.imul(stream + 1, 0x9e3779b1));
  }

  /** An integer from 0 to `bound - 1`. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    return Math.floor((mix(this.#state) / 2 ** 32) * bound);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(first: T, ...others: readonly T[]): T {
    const at = this.below(others.length + 1);
    return at === 0 ? first : (others[at - 1] ?? first);
  }
}

/** Spreads a 32-bit integer over all 32-bit integers. */
function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
