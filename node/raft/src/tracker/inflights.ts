import { assert } from '../errors.ts';

/**
 * The App messages that are under way to one follower: a sliding window that is
 * full when it holds `maxMessages` messages or at least `maxBytes` bytes.
 *
 * A ring whose capacity is a power of two and grows with use, since most
 * followers never come near the limit.
 */
export class Inflights {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  #start = 0;
  #count = 0;
  #bytes = 0;
  #indexes: number[] = [];
  #sizes: number[] = [];

  /** A `maxBytes` of 0 means no limit. */
  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes === 0 ? Number.POSITIVE_INFINITY : maxBytes;
  }

  /** How many messages are under way. */
  get count(): number {
    return this.#count;
  }

  /** How many bytes of entries are under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether nothing more may be sent. */
  get full(): boolean {
    return this.#count === this.#maxMessages || this.#bytes >= this.#maxBytes;
  }

  /**
   * Notes a message whose last entry is `index`, with `bytes` bytes of entries.
   * Indexes must be added in ascending order, and never while the window is full.
   */
  add(index: number, bytes: number): void {
    assert(!this.full, 'cannot add into a full inflights window');
    if (this.#count === this.#indexes.length) this.#grow();
    const at = (this.#start + this.#count) & (this.#indexes.length - 1);
    this.#indexes[at] = index;
    this.#sizes[at] = bytes;
    this.#count++;
    this.#bytes += bytes;
  }

  /** Frees every message whose last entry is at or before `index`. */
  freeLE(index: number): void {
    const mask = this.#indexes.length - 1;
    while (this.#count > 0) {
      if ((this.#indexes[this.#start] ?? 0) > index) return;
      this.#bytes -= this.#sizes[this.#start] ?? 0;
      this.#start = (this.#start + 1) & mask;
      this.#count--;
    }
  }

  /** Frees everything. */
  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  /** A copy that shares nothing. */
  clone(): Inflights {
    const copy = new Inflights(this.#maxMessages, this.#maxBytes);
    copy.#start = this.#start;
    copy.#count = this.#count;
    copy.#bytes = this.#bytes;
    copy.#indexes = this.#indexes.slice();
    copy.#sizes = this.#sizes.slice();
    return copy;
  }

  #grow(): void {
    const capacity = this.#indexes.length;
    const indexes = Array.from({ length: Math.max(1, capacity * 2) }, () => 0);
    const sizes = indexes.slice();
    for (let i = 0; i < this.#count; i++) {
      const at = (this.#start + i) & (capacity - 1);
      indexes[i] = this.#indexes[at] ?? 0;
      sizes[i] = this.#sizes[at] ?? 0;
    }
    this.#start = 0;
    this.#indexes = indexes;
    this.#sizes = sizes;
  }
}
