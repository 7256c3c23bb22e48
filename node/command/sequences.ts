import type { ReplicatedState } from '../state/index.ts';

/** Sequences whose last number is remembered; others are looked up again. */
const MAX_REMEMBERED = 10_000;

/**
 * Gives out numbers, each once while a leadership lasts, from the one behind the last that a row of
 * the state ever had. A number whose write is not taken is not given out again.
 */
export class Sequences {
  readonly #state: Pick<ReplicatedState, 'lastUsedId'>;
  /** Last numbers, by model and by what stands before the number. */
  readonly #last = new Map<string, number>();

  constructor(state: Pick<ReplicatedState, 'lastUsedId'>) {
    this.#state = state;
  }

  /** The next number behind a prefix, in so many digits; null where there are no more. */
  next(model: string, prefix: string, digits: number): string | null {
    const name = `${model}\u0000${prefix}`;
    const next = (this.#last.get(name) ?? this.#stored(model, prefix, digits)) + 1;
    const text = String(next).padStart(digits, '0');
    if (text.length > digits) return null;
    this.#remember(name, next);
    return text;
  }

  #stored(model: string, prefix: string, digits: number): number {
    const [first, last] = ['0', '9'].map((digit) => prefix + digit.repeat(digits));
    const id = this.#state.lastUsedId(model, first ?? prefix, last ?? prefix);
    return id === undefined ? 0 : Number(id.slice(prefix.length));
  }

  /**
   * What was forgotten would be looked up in a state that lacks what is only proposed, so nothing is
   * forgotten singly: the caller begins anew when all is applied.
   */
  #remember(name: string, number: number): void {
    this.#last.set(name, number);
  }

  /** Forgets what the state knows as well, once it is much; nothing may be proposed. */
  settle(): void {
    if (this.#last.size > MAX_REMEMBERED) this.#last.clear();
  }
}
