import type { Entry } from '../src/index.ts';

/**
 * An entry as the whole simulation knows it: there is one for each (index, term), so
 * that logs are compared by identity.
 */
export interface Known {
  readonly entry: Entry;
  /** The entry before it; null where that was not known any more. */
  readonly previous: Known | null;
}

/** A log from some index on: what a member holds in memory, or what its disk holds. */
export class LogView {
  #entries: Known[] = [];
  #first = 1;

  /** The index of the first entry that is held. */
  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#first + this.#entries.length - 1;
  }

  at(index: number): Known | undefined {
    return this.#entries[index - this.#first];
  }

  /** Starts anew with the entry that a snapshot stands at. */
  reset(known: Known): void {
    this.#entries = [known];
    this.#first = known.entry.index;
  }

  /** Puts `entries` in place of everything from their first index on. */
  replace(entries: readonly Known[]): void {
    const index = entries[0]?.entry.index;
    if (index === undefined) return;
    // What lies before the first entry is compacted already.
    const skip = Math.max(0, this.#first - index);
    if (skip >= entries.length) return;
    this.#entries.length = index + skip - this.#first;
    for (let i = skip; i < entries.length; i++) {
      const known = entries[i];
      if (known !== undefined) this.#entries.push(known);
    }
  }

  /** Drops everything before `index`. */
  compact(index: number): void {
    if (index <= this.#first) return;
    this.#entries = this.#entries.slice(index - this.#first);
    this.#first = index;
  }

  /** The entries after `index`. */
  after(index: number): readonly Known[] {
    return this.#entries.slice(Math.max(0, index + 1 - this.#first));
  }

  copy(): LogView {
    const view = new LogView();
    view.#entries = this.#entries.slice();
    view.#first = this.#first;
    return view;
  }
}
