import type { Journal } from '../log/index.ts';

/** Up to where the outbox was ordered by an entry. */
interface OrderedThrough {
  readonly sequence: number;
  /** Log index of the entry. */
  readonly index: number;
}

/**
 * Gives up what is ordered, but no sooner than this disk knows that it is: a node that starts
 * again, cut off, must still show what it took. Then either its log has the order, or its outbox
 * has the write.
 */
export class Trimming {
  readonly #onceCommitted: (index: number, done: () => void) => boolean;
  #newest: OrderedThrough | null = null;
  #running = false;
  #stopped = false;

  constructor(onceCommitted: (index: number, done: () => void) => boolean) {
    this.#onceCommitted = onceCommitted;
  }

  add(sequence: number, index: number): void {
    if (sequence > (this.#newest?.sequence ?? 0)) this.#newest = { sequence, index };
  }

  /** Trims where it is time. */
  run(journal: Journal): void {
    const next = this.#newest;
    if (next === null || this.#running || next.sequence <= journal.trimmed) return;
    this.#running = this.#onceCommitted(next.index, () => {
      this.#running = false;
      if (!this.#stopped) journal.trim(next.sequence);
    });
  }

  /** From here on the journal may be closed before the log is, whose news still come. */
  stop(): void {
    this.#stopped = true;
  }
}
