/**
 * A hybrid logical time (Kulkarni et al., Logical Physical Clocks, 2014): a wall clock that never
 * goes back, a counter for what happened within one millisecond or while the clock stood still, and
 * the member that took the write, so that no two writes of a cluster have the same stamp.
 */
export interface Stamp {
  /** Epoch milliseconds. */
  readonly wallMs: number;
  /** Below {@link COUNTER_LIMIT}. */
  readonly counter: number;
  readonly memberId: number;
}

/** Counters stay below this; where one would reach it, the millisecond after is used. */
export const COUNTER_LIMIT = 2 ** 16;
/** Below this, member ids fit beside a counter into what a row keeps. */
export const STAMP_MEMBER_LIMIT = 2 ** 32;

/** Negative where `a` is before `b`. Of two writes to one row, the later stamp wins. */
export function compareStamps(a: Stamp, b: Stamp): number {
  return a.wallMs - b.wallMs || a.counter - b.counter || a.memberId - b.memberId;
}

/** The first stamp of a member that is behind `last` and not before `nowMs`. */
export function nextStamp(last: Omit<Stamp, 'memberId'>, nowMs: number, memberId: number): Stamp {
  const wallMs = Math.floor(nowMs);
  if (wallMs > last.wallMs) return { wallMs, counter: 0, memberId };
  const counter = last.counter + 1;
  if (counter < COUNTER_LIMIT) return { wallMs: last.wallMs, counter, memberId };
  return { wallMs: last.wallMs + 1, counter: 0, memberId };
}
