import type { ModelSchema } from '@lithair/crds';
import type { Exchange } from './exchange.ts';
import { Problem } from './problems.ts';

/** Whether nodes take the writes of a model by themselves. */
export function isEventual({ consistency }: ModelSchema): boolean {
  return consistency === 'eventual';
}

/**
 * A condition on what is there can be kept only where writes are in one order before they are
 * answered; a client that relies on one must not be told that it was met.
 *
 * @throws Problem `not_kept`
 */
export function refuseConditions({ req: { headers, method }, modelRoute }: Exchange): void {
  const { model } = modelRoute;
  if (!isEventual(model)) return;
  const isWrite = method !== 'GET' && method !== 'HEAD';
  const header =
    headers['if-match'] === undefined
      ? isWrite && headers['if-none-match'] !== undefined && 'If-None-Match'
      : 'If-Match';
  if (header === false) return;
  throw new Problem(
    'not_kept',
    `${header} cannot be kept: ${model.name} has consistency eventual, the last write wins.`,
  );
}
