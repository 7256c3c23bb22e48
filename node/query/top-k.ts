/**
 * The first `capacity` of any number of items, in O(log capacity) each: a binary heap with the
 * last of those that it keeps on top.
 */
export class TopK<T> {
  readonly #capacity: number;
  readonly #compare: (a: T, b: T) => number;
  readonly #heap: T[] = [];

  constructor(capacity: number, compare: (a: T, b: T) => number) {
    this.#capacity = capacity;
    this.#compare = compare;
  }

  get isFull(): boolean {
    return this.#heap.length >= this.#capacity;
  }

  /** The last item that is kept. */
  get last(): T | undefined {
    return this.#heap[0];
  }

  /** Whether the item would be kept. */
  wants(item: T): boolean {
    const { last } = this;
    return !this.isFull || last === undefined || this.#compare(item, last) < 0;
  }

  add(item: T): void {
    if (!this.wants(item)) return;
    if (!this.isFull) {
      this.#heap.push(item);
      this.#rise(this.#heap.length - 1);
      return;
    }
    this.#heap[0] = item;
    this.#sink();
  }

  sorted(): T[] {
    return this.#heap.toSorted(this.#compare);
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfBefore(parent, at)) return;
      at = parent;
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const child = this.#isBefore(left, left + 1) ? left + 1 : left;
      if (!this.#swapIfBefore(at, child)) return;
      at = child;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    return first !== undefined && second !== undefined && this.#compare(first, second) < 0;
  }

  #swapIfBefore(upper: number, lower: number): boolean {
    const [first, second] = [this.#heap[upper], this.#heap[lower]];
    if (first === undefined || second === undefined) return false;
    if (this.#compare(first, second) >= 0) return false;
    this.#heap[upper] = second;
    this.#heap[lower] = first;
    return true;
  }
}
