import { type Clock, EngineError } from '../ports/index.ts';
import type { Exchange } from './exchange.ts';
import type { OperationContext } from './operations/operation.ts';

/** How long a disk may take, and by which clock. */
interface Patience {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/**
 * Waits for the row that is asked for where it is on the disk, no longer than the request may take;
 * null where there is nothing to wait for. The row may be another one when this resolves.
 *
 * @throws EngineError `unavailable`: the disk does not answer
 */
export function readAhead(
  context: OperationContext,
  { id, modelRoute }: Exchange,
  patience: Patience,
): Promise<void> | null {
  const reading = context.state().model(modelRoute.model.name)?.readAhead(id) ?? null;
  return reading === null ? null : inTime(reading, 'the row', patience);
}

/** Waits for what is read ahead. @throws EngineError `unavailable`: the disk does not answer */
export function inTime(
  reading: Promise<void>,
  what: string,
  { clock, timeoutMs }: Patience,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => {
      const text = `the disk did not bring ${what} within ${timeoutMs} ms`;
      reject(new EngineError('unavailable', text));
    });
    reading.then(resolve, reject).finally(() => timer.cancel());
  });
}
