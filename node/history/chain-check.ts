import type { Evidence, VersionRecord } from '../ports/index.ts';
import { brokenBy, type ChainEnd } from './evidence.ts';

/** What of a link is remembered until all are seen. */
interface SeenLink extends Evidence {
  readonly timeMs: number;
}

/** How far back a chain must be whole. */
export interface ChainBounds {
  /** Events up to this log time may be gone by retention; -Infinity: none. */
  readonly expiredToMs: number;
  /** Whether the chain may begin in its middle, as in a restored cluster. */
  readonly mayBeginLater: boolean;
}

/**
 * Checks the hash chain of one model: that each version is what was recorded, and that none is
 * missing in between. Versions may come in any order, and more than once.
 */
export class ChainCheck {
  readonly #model: string;
  readonly #seen = new Map<number, SeenLink>();
  #broken: string | null = null;

  constructor(model: string) {
    this.#model = model;
  }

  /** Links seen. */
  get length(): number {
    return this.#seen.size;
  }

  add(record: VersionRecord): void {
    const { evidence, timeMs } = record;
    if (evidence === null) return;
    this.#broken ??= brokenBy(this.#model, record);
    this.#seen.set(evidence.position, { ...evidence, timeMs });
  }

  /** The first break, in words; null where the chain is whole up to `end`. */
  breakUpTo(end: ChainEnd, bounds: ChainBounds): string | null {
    if (this.#broken !== null) return this.#broken;
    let next: Pick<Evidence, 'position' | 'link'> & { readonly timeMs: number } = {
      position: end.position + 1,
      link: '',
      timeMs: Infinity,
    };
    let wanted = end.link;
    for (const link of [...this.#seen.values()].sort((a, b) => b.position - a.position)) {
      const isNeighbour = link.position === next.position - 1;
      if (isNeighbour && link.link !== wanted)
        return this.#at(link.position, 'is not the one that the next one follows');
      if (!isNeighbour && link.timeMs > bounds.expiredToMs)
        return this.#at(next.position - 1, 'is missing');
      next = link;
      wanted = link.previous;
    }
    return this.#beginBreak(next, bounds);
  }

  /** What is missing before the first link that is there. */
  #beginBreak(
    first: { readonly position: number; readonly timeMs: number },
    { expiredToMs, mayBeginLater }: ChainBounds,
  ): string | null {
    if (first.position === 1 || mayBeginLater || expiredToMs > -Infinity) return null;
    return this.#at(first.position - 1, 'is missing');
  }

  #at(position: number, what: string): string {
    return `event ${position} in the chain of ${this.#model} ${what}`;
  }
}
