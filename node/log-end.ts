import type { LogEnd } from '@lithair/crds/contract';
import type { Log } from './log/index.ts';

/** Where a log ends; 0 and 0 for an empty one. */
export function logEndOf(log: Log | null): LogEnd {
  const index = log?.lastIndex() ?? 0;
  return { index, term: log === null || index === 0 ? 0 : log.term(index) };
}
