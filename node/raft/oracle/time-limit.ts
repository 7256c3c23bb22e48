import { createContext, Script } from 'node:vm';

const CALL = new Script('work()');
/** One for all calls: it takes a millisecond to make. */
const context = createContext({ work: () => {} });

/** Thrown for work that did not end in time. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

/**
 * The result of `work`, which is stopped, wherever it is, when it does not end in time:
 * a script that keeps the core busy for ever can be named, and made small, like any
 * other that differs.
 *
 * @throws {TimeLimitError} when it was stopped.
 */
export function withinTime<T>(limitMs: number, work: () => T): T {
  const results: T[] = [];
  try {
    context['work'] = () => void results.push(work());
    CALL.runInContext(context, { timeout: limitMs });
  } catch (error) {
    if (!isTimeout(error)) throw error;
    throw new TimeLimitError(`it did not end within ${limitMs} ms`);
  }
  for (const result of results) return result;
  throw new Error('the work has ended without a result');
}

/** The error is one of the other context, so not an instance of this one's Error. */
function isTimeout(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}
