import { COUNTER_LIMIT, STAMP_MEMBER_LIMIT, type Stamp } from '../entry/index.ts';
import type { Mark } from './aggregate-store.ts';

/**
 * Rows of an eventual model keep the stamp of the write that won in the place of log time and event
 * sequence: the time in the one, counter (16 bits) and member (32 bits) in the other.
 */
export function markOf(stamp: Stamp): Omit<Mark, 'version'> {
  const { wallMs, counter, memberId } = stamp;
  if (counter >= COUNTER_LIMIT || memberId >= STAMP_MEMBER_LIMIT) {
    throw new RangeError(`the stamp of member ${memberId} with counter ${counter} does not fit`);
  }
  return { timestampMs: wallMs, sequence: counter * STAMP_MEMBER_LIMIT + memberId };
}

/** The stamp that a row of an eventual model keeps. */
export function stampOf({ timestampMs, sequence }: Omit<Mark, 'version'>): Stamp {
  const counter = Math.floor(sequence / STAMP_MEMBER_LIMIT);
  return { wallMs: timestampMs, counter, memberId: sequence % STAMP_MEMBER_LIMIT };
}
