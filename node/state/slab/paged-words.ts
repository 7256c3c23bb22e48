const SHIFT = 12;
/** Words of one page. */
export const PAGE_WORDS = 1 << SHIFT;
const MASK = PAGE_WORDS - 1;

/**
 * A growing array of 32-bit words in pages. A frozen copy costs one reference for each page; from
 * then on a page is copied before it is first written to, so that the frozen one stays as it is.
 */
export class PagedWords {
  /** Owned here: others only read. */
  readonly pages: Uint32Array[] = [];
  /** The freeze before which a page was made or copied last. */
  private readonly epochs: number[] = [];
  private epoch = 0;

  get bytes(): number {
    return this.pages.length * PAGE_WORDS * 4;
  }

  get(at: number): number {
    return this.pages[at >>> SHIFT]?.[at & MASK] ?? 0;
  }

  set(at: number, value: number): void {
    const page = this.writable(at >>> SHIFT);
    page[at & MASK] = value;
  }

  /** A page that may be written to, until the next freeze; a new one is full of zeros. */
  writable(page: number): Uint32Array {
    while (page >= this.pages.length) {
      this.pages.push(new Uint32Array(PAGE_WORDS));
      this.epochs.push(this.epoch);
    }
    const present = pageOf(this.pages, page);
    if (this.epochs[page] === this.epoch) return present;
    const copy = present.slice();
    this.pages[page] = copy;
    this.epochs[page] = this.epoch;
    return copy;
  }

  /** The pages as they are now; they stay so. */
  freeze(): readonly Uint32Array[] {
    this.epoch += 1;
    return this.pages.slice();
  }

  /** An array that begins with the same content; it shares pages until either writes to them. */
  fork(): PagedWords {
    const other = new PagedWords();
    for (const page of this.freeze()) {
      other.pages.push(page);
      other.epochs.push(-1);
    }
    return other;
  }
}

/** @throws RangeError where there is no such page */
export function pageOf(pages: readonly Uint32Array[], page: number): Uint32Array {
  const found = pages[page];
  if (found === undefined) throw new RangeError(`there is no page ${page}`);
  return found;
}

/** The word at a place of frozen pages. */
export function wordAt(pages: readonly Uint32Array[], at: number): number {
  return pages[at >>> SHIFT]?.[at & MASK] ?? 0;
}
