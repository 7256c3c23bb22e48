import type { Entry } from 'etcd-raft-ts';

/**
 * The most recent entries of the log, as they were saved: always its end, up to a bound in bytes.
 * Entries that are not on disk yet can be read from nowhere else and are kept above the bound.
 */
export class EntryCache {
  readonly #limit: number;
  /** `#entries[i]` is the entry at `#first + i`; the front is cut off now and then. */
  #entries: (Entry | undefined)[] = [];
  #offset = 0;
  #first = 1;
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** Of the payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  get(index: number): Entry | undefined {
    if (index < this.#first) return undefined;
    return this.#entries[index - this.#first + this.#offset];
  }

  /** The next entry of the log. */
  append(entry: Entry): void {
    if (this.#length() === 0) this.#restart(entry.index);
    this.#entries.push(entry);
    this.#bytes += entry.data.length;
  }

  /** Drops the entry at `index` and all behind it. */
  truncateFrom(index: number): void {
    while (this.#length() > 0 && this.#first + this.#length() > index) {
      this.#bytes -= this.#entries.pop()?.data.length ?? 0;
    }
  }

  clear(): void {
    this.#restart(1);
  }

  /** Drops the oldest entries until the bound holds, but none above `durableIndex`. */
  evict(durableIndex: number): void {
    while (this.#bytes > this.#limit && this.#first <= durableIndex) this.#shift();
  }

  /** Drops entries up to `index`. */
  dropThrough(index: number): void {
    while (this.#length() > 0 && this.#first <= index) this.#shift();
  }

  #shift(): void {
    this.#bytes -= this.#entries[this.#offset]?.data.length ?? 0;
    this.#entries[this.#offset] = undefined;
    this.#offset += 1;
    this.#first += 1;
    // Cutting half at a time keeps the cost per entry constant.
    if (this.#offset < 1024 || this.#offset * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#offset);
    this.#offset = 0;
  }

  #length(): number {
    return this.#entries.length - this.#offset;
  }

  #restart(first: number): void {
    this.#entries = [];
    this.#offset = 0;
    this.#first = first;
    this.#bytes = 0;
  }
}
