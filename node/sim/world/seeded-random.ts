import type { Random } from '../../ports/index.ts';

/** Reproducible randomness (sfc32). Everything that is left to chance in a run comes from one seed. */
export class SeededRandom implements Random {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    this.#state = Uint32Array.of(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, 0x9e37_79b9, 1);
    for (let round = 0; round < 16; round++) this.#draw();
  }

  /** A source of its own, so that what one part draws does not change what others do. */
  fork(): SeededRandom {
    return new SeededRandom(this.#draw() * 2 ** 21 + (this.#draw() & 0x1f_ffff));
  }

  fraction(): number {
    return this.#draw() / 2 ** 32;
  }

  /** An integer from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const found = list[Math.floor(this.fraction() * list.length)];
    if (found === undefined) throw new RangeError('nothing to pick from');
    return found;
  }

  fill(target: Uint8Array): Uint8Array {
    for (let at = 0; at < target.length; at++) target[at] = this.#draw() >>> 24;
    return target;
  }

  #draw(): number {
    const [a = 0, b = 0, c = 0, counter = 0] = this.#state;
    const result = (a + b + counter) >>> 0;
    this.#state[3] = counter + 1;
    this.#state[0] = b ^ (b >>> 9);
    this.#state[1] = c + (c << 3);
    this.#state[2] = ((c << 21) | (c >>> 11)) + result;
    return result;
  }
}
