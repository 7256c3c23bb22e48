import type { Consistency, ReadDemand } from '../ports/index.ts';
import type { Parameter } from '../query/index.ts';
import { Problem } from './problems.ts';
import { indexOfToken } from './token.ts';

/** What reads of a model promise that say nothing themselves. */
type ModelConsistency = 'strong' | 'sequential';

const LEVELS: readonly Consistency[] = ['strong', 'sequential', 'eventual'];

/** Reads how fresh an answer a request wants; requests that say nothing share one demand. */
export class Freshness {
  readonly #timeoutMs: number;
  readonly #usual: Readonly<Record<ModelConsistency, ReadDemand>>;
  readonly #eventual: ReadDemand;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#usual = {
      strong: { consistency: 'strong', minIndex: 0, timeoutMs },
      sequential: { consistency: 'sequential', minIndex: 0, timeoutMs },
    };
    this.#eventual = { consistency: 'eventual', minIndex: 0, timeoutMs };
  }

  /**
   * The demand on a model whose writes nodes take by themselves: what this node has, at once, or at
   * least as much of the order as a token tells. Nobody knows of all writes, so strong is refused.
   *
   * @throws Problem `not_kept`, and as {@link demandOf}
   */
  eventualDemandOf(
    model: string,
    header: string | string[] | undefined,
    parameter: Parameter | undefined,
    token: string | string[] | undefined,
    epoch: number,
  ): ReadDemand {
    const isSaid = header !== undefined || parameter !== undefined;
    if (!isSaid && token === undefined) return this.#eventual;
    const demand = this.demandOf(isSaid ? header : 'sequential', parameter, token, epoch);
    if (demand.consistency !== 'strong') return demand;
    const text = `${model} has consistency eventual: no read of it can be strong.`;
    throw new Problem('not_kept', text);
  }

  /**
   * The parameter `consistency` goes before the header, and that before what the model says.
   *
   * @throws Problem `invalid_query`, `bad_header`, `bad_token`
   */
  demandOf(
    header: string | string[] | undefined,
    parameter: Parameter | undefined,
    token: string | string[] | undefined,
    epoch: number,
    usual: ModelConsistency = 'strong',
  ): ReadDemand {
    if (header === undefined && parameter === undefined && token === undefined) {
      return this.#usual[usual];
    }
    const said = header === undefined ? usual : levelOf(header, false);
    const consistency = parameter === undefined ? said : levelOf(parameter.value, true);
    const minIndex = token === undefined ? 0 : indexOfToken(String(token), epoch);
    return { consistency, minIndex, timeoutMs: this.#timeoutMs };
  }
}

function levelOf(name: string | string[], isParameter: boolean): Consistency {
  const found = LEVELS.find((level) => level === name);
  if (found === undefined) throw wrongLevel(isParameter);
  return found;
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
