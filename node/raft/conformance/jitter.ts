import type { Config } from '../src/index.ts';

/** The expression in force when none is given. */
export const DEFAULT_JITTER = 'id*7+term*13';

/** Thrown for an expression that is not one. */
export class JitterError extends Error {
  override readonly name = 'JitterError';
}

type Evaluate = (id: number, term: number) => number;

/**
 * An election jitter from an arithmetic expression of `id`, `term` and integers with
 * `+`, `-`, `*` and parentheses; its value modulo electionTick is the jitter.
 *
 * @throws {JitterError} when it cannot be parsed.
 */
export function parseJitter(expression: string): Config['randomElectionJitter'] {
  const tokens = expression.match(/id|term|[0-9]+|[-+*()]|[^\s]/g) ?? [];
  const parser = new Parser(tokens);
  const evaluate = parser.sum();
  parser.end();
  return (electionTick, id, term) =>
    ((evaluate(id, term) % electionTick) + electionTick) % electionTick;
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  sum(): Evaluate {
    let left = this.#product();
    for (;;) {
      const sign = this.#tokens[this.#at];
      if (sign !== '+' && sign !== '-') return left;
      this.#at++;
      left = combine(left, sign, this.#product());
    }
  }

  end(): void {
    const rest = this.#tokens[this.#at];
    if (rest !== undefined) throw new JitterError(`unexpected "${rest}" in the jitter expression`);
  }

  #product(): Evaluate {
    let left = this.#atom();
    while (this.#tokens[this.#at] === '*') {
      this.#at++;
      left = combine(left, '*', this.#atom());
    }
    return left;
  }

  #atom(): Evaluate {
    const token = this.#tokens[this.#at++];
    if (token === 'id') return (id) => id;
    if (token === 'term') return (_, term) => term;
    if (token === '(') {
      const inner = this.sum();
      if (this.#tokens[this.#at++] !== ')') throw new JitterError('")" is missing');
      return inner;
    }
    const value = Number(token);
    if (token === undefined || !Number.isSafeInteger(value)) {
      throw new JitterError(`unexpected ${token ?? 'end'} in the jitter expression`);
    }
    return () => value;
  }
}

function combine(left: Evaluate, sign: '+' | '-' | '*', right: Evaluate): Evaluate {
  if (sign === '+') return (id, term) => left(id, term) + right(id, term);
  if (sign === '-') return (id, term) => left(id, term) - right(id, term);
  return (id, term) => left(id, term) * right(id, term);
}
