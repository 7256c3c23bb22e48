import type { Consistency, ReadDemand } from '../ports/index.ts';
import type { Parameter } from '../query/index.ts';
import { Problem } from './problems.ts';
import { indexOfToken } from './token.ts';

const LEVELS: readonly Consistency[] = ['strong', 'sequential', 'eventual'];

/** Reads how fresh an answer a request wants; requests that say nothing share one demand. */
export class Freshness {
  readonly #timeoutMs: number;
  readonly #strong: ReadDemand;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#strong = { consistency: 'strong', minIndex: 0, timeoutMs };
  }

  /**
   * The parameter `consistency` goes before the header.
   *
   * @throws Problem `invalid_query`, `bad_header`, `bad_token`
   */
  demandOf(
    header: string | string[] | undefined,
    parameter: Parameter | undefined,
    token: string | string[] | undefined,
    epoch: number,
  ): ReadDemand {
    if (header === undefined && parameter === undefined && token === undefined) return this.#strong;
    const name = parameter?.value ?? header ?? 'strong';
    const consistency = LEVELS.find((level) => level === name);
    if (consistency === undefined) throw wrongLevel(parameter !== undefined);
    const minIndex = token === undefined ? 0 : indexOfToken(String(token), epoch);
    return { consistency, minIndex, timeoutMs: this.#timeoutMs };
  }
}

function wrongLevel(isParameter: boolean): Problem {
  const detail = `must be ${LEVELS.join(', ')}.`;
  if (!isParameter) return new Problem('bad_header', `Lithair-Consistency ${detail}`);
  const error = {
    pointer: '',
    parameter: 'consistency',
    code: 'not_in_values',
    message: `consistency ${detail}`,
  };
  return new Problem('invalid_query', error.message, { errors: [error] });
}
