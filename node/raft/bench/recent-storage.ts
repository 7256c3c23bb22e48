import type { ConfState, Entry, HardState, InitialState, Snapshot, Storage } from '../src/index.ts';
import { NO_BYTES, StorageError } from '../src/index.ts';

/** How many of the last entries are kept whole; a power of two. */
const RECENT = 8192;
const TERMS_PER_PAGE = 65_536;

/**
 * A Storage like one on disk: the last entries are at hand, of all others only the term.
 * What it costs does not depend on the length of the log, so that what is measured with
 * it is the core. The group is founded by a snapshot at index 1, term 1.
 */
export class RecentStorage implements Storage {
  readonly #confState: ConfState;
  readonly #recent: (Entry | undefined)[] = Array.from({ length: RECENT });
  readonly #pages: Float64Array[] = [];
  #hardState: HardState | null = null;
  #first = 2;
  #last = 1;

  constructor(confState: ConfState) {
    this.#confState = confState;
    this.#setTerm(1, 1);
  }

  initialState(): InitialState {
    return { hardState: this.#hardState, confState: this.#confState };
  }

  /** Without regard to a limit of bytes: the benchmark sets none. */
  entries(lo: number, hi: number): Entry[] {
    if (lo < this.#first) throw new StorageError('COMPACTED');
    const entries = [this.#entry(lo)];
    for (let index = lo + 1; index < hi; index++) entries.push(this.#entry(index));
    return entries;
  }

  #entry(index: number): Entry {
    const entry = this.#recent[index & (RECENT - 1)];
    if (entry?.index !== index) throw new StorageError('UNAVAILABLE');
    return entry;
  }

  term(index: number): number {
    if (index < this.#first - 1) throw new StorageError('COMPACTED');
    const term = this.#pages[Math.floor(index / TERMS_PER_PAGE)]?.[index % TERMS_PER_PAGE];
    if (index > this.#last || term === undefined) throw new StorageError('UNAVAILABLE');
    return term;
  }

  firstIndex(): number {
    return this.#first;
  }

  lastIndex(): number {
    return this.#last;
  }

  snapshot(): Snapshot {
    const index = this.#first - 1;
    const metadata = { confState: this.#confState, index, term: this.term(index) };
    return { data: NO_BYTES, metadata };
  }

  setHardState(state: HardState): void {
    this.#hardState = state;
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#recent[entry.index & (RECENT - 1)] = entry;
      this.#setTerm(entry.index, entry.term);
      this.#last = entry.index;
    }
  }

  compact(index: number): void {
    this.#first = index + 1;
  }

  #setTerm(index: number, term: number): void {
    const number = Math.floor(index / TERMS_PER_PAGE);
    const page = this.#pages[number] ?? new Float64Array(TERMS_PER_PAGE);
    this.#pages[number] = page;
    page[index % TERMS_PER_PAGE] = term;
  }
}
