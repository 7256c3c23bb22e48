/** What a member lacks; null parts are not known. */
export interface Lag {
  /** Bytes of the log, about. */
  readonly bytes: number;
  /** How long the oldest entry that it lacks has been there, milliseconds. */
  readonly ms: number;
}

/** When the log had come to an index, and how many bytes were written by then. */
interface Mark {
  readonly index: number;
  readonly bytes: number;
  readonly atMs: number;
}

const NO_LAG: Lag = { bytes: 0, ms: 0 };
/** Closer marks would tell nothing that anybody looks at. */
const LEAST_PAUSE_MS = 10;
/** Above so many, old ones are dropped. */
const MOST_MARKS = 4096;

/**
 * Tells how far behind an index is in bytes and time, from marks made while entries are applied.
 * Memory is bounded; of what is older than the first mark, the least that it can be is told.
 */
export class LagHistory {
  #marks: Mark[] = [];
  #last: Mark = { index: 0, bytes: 0, atMs: Number.NEGATIVE_INFINITY };

  /** Entries up to `index` are applied; `bytes` of the log were written so far. */
  onApplied(index: number, bytes: number, nowMs: number): void {
    const last = this.#last;
    this.#last = { index, bytes, atMs: nowMs };
    // The first entry behind a pause is a mark, and then one every while.
    const marked = this.#marks.at(-1);
    if (marked !== undefined && nowMs - marked.atMs < LEAST_PAUSE_MS) return;
    if (marked !== undefined && last.index > marked.index) this.#marks.push(last);
    this.#marks.push(this.#last);
    if (this.#marks.length > MOST_MARKS) this.#marks = thinned(this.#marks, nowMs);
  }

  /** What somebody lacks who holds everything up to `match`. */
  behind(match: number, nowMs: number): Lag {
    if (match >= this.#last.index) return NO_LAG;
    const at = this.#firstAbove(match);
    const lacking = this.#marks[at] ?? this.#last;
    const held = this.#marks[at - 1] ?? lacking;
    return { bytes: this.#last.bytes - held.bytes, ms: Math.max(0, nowMs - lacking.atMs) };
  }

  #firstAbove(match: number): number {
    let [low, high] = [0, this.#marks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#marks[middle]?.index ?? 0) > match) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Lags stay known to one part in a hundred, so that marks grow with the logarithm of time. */
const PRECISION = 0.01;

/** Leaves marks out whose neighbours are close together for their age. */
function thinned(marks: readonly Mark[], nowMs: number): Mark[] {
  const kept: Mark[] = [];
  for (const [at, mark] of marks.entries()) {
    const before = kept.at(-1);
    const next = marks[at + 1];
    const isNeeded =
      before === undefined ||
      next === undefined ||
      next.atMs - before.atMs > (nowMs - mark.atMs) * PRECISION;
    if (isNeeded) kept.push(mark);
  }
  return kept;
}
