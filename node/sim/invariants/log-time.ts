import { MAX_AHEAD_MS } from '../../log-clock.ts';
import { BrokenPromise } from './errors.ts';

/**
 * Clocks run apart by up to four in a hundred, and a leader carries on by its own what it was told
 * of another's, for as long as their connection seems to be there.
 */
const DRIFT_MS = 2_000;

/** A stamp that a leader gives an entry. */
export interface Stamped {
  readonly by: string;
  readonly stampMs: number;
  /** The leader knows the clocks of too few voters, so nothing bounds its stamps. */
  readonly isBound: boolean;
  /** What the clock of each voter has reached at the furthest; null where nobody can tell. */
  readonly reachedMs: readonly (number | null)[];
}

/**
 * A leader stamps no further ahead than what a majority of the voters' clocks has reached, and ten
 * seconds: one clock that is wrong does not drag log time along.
 *
 * @throws BrokenPromise
 */
export function requireBoundStamp({ by, stampMs, isBound, reachedMs }: Stamped): void {
  if (!isBound) return;
  const furthest = reachedMs.map((ms) => ms ?? Infinity).sort((a, b) => b - a);
  const mostMs = furthest[Math.floor(reachedMs.length / 2)] ?? Infinity;
  const aheadMs = Math.round(stampMs - mostMs);
  if (aheadMs <= MAX_AHEAD_MS + DRIFT_MS) return;
  const text = `${by} stamps an entry ${aheadMs} ms ahead of what most clocks have reached`;
  throw new BrokenPromise('log-time', text);
}
