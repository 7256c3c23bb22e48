import type { Parameter } from '../../query/index.ts';
import type { Exchange } from '../exchange.ts';
import { Problem } from '../problems.ts';

export function unknownParameter(parameter: string): Problem {
  const message = `"${parameter.slice(0, 100)}" is not a parameter of this operation.`;
  const error = { pointer: '', parameter, code: 'unknown_parameter', message };
  return new Problem('invalid_query', message, { errors: [error] });
}

/**
 * The one parameter of this name. Of two, neither is more meant than the other.
 *
 * @throws Problem `invalid_query` where it is there twice
 */
export function onlyParameter(
  parameters: readonly Parameter[],
  name: string,
): Parameter | undefined {
  const [first, second] = parameters.filter((parameter) => parameter.name === name);
  if (second === undefined) return first;
  const message = `${name}: is there twice`;
  const error = { pointer: '', parameter: name, code: 'repeated', message };
  throw new Problem('invalid_query', message, { errors: [error] });
}

/** Writes take no parameter: one that is there was meant to change something. */
export function requireNoParameters(exchange: Exchange): void {
  if (exchange.rawQuery === '') return;
  const [first] = exchange.parameters;
  if (first !== undefined) throw unknownParameter(first.name);
}
