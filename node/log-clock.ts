import type { Clock, Logger } from './ports/index.ts';

/** A leader whose clock is further ahead than this of most members' stamps no later than this. */
export const MAX_AHEAD_MS = 10_000;
/** The same is said so often at most. */
const WARN_EVERY_MS = 60_000;

/** The clocks of the other members, as far as they are known. */
export interface MemberClocks {
  /** Ids of the voters, this member included. */
  voters(): readonly number[];
  readonly memberId: number;
  /** What a member's clock shows by now; null where it is not known. */
  clockOf(id: number): number | null;
}

/**
 * The clock that entries are stamped with. Log time never goes back, so a leader whose clock ran
 * far ahead would drag it along for good: outcomes of requests and history would expire early.
 * Therefore a stamp is at most {@link MAX_AHEAD_MS} behind what a majority of the voters' clocks
 * have reached; members tell theirs twice a second.
 */
export class LogClock {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #members: MemberClocks | null = null;
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whose clocks count. */
  attach(members: MemberClocks): void {
    this.#members = members;
  }

  /** Milliseconds since the epoch, to stamp an entry with. */
  nowMs(): number {
    const ownMs = this.#clock.nowMs();
    const mostMs = this.#reachedByMost(ownMs);
    if (mostMs === null || ownMs <= mostMs + MAX_AHEAD_MS) return ownMs;
    this.#warn(ownMs - mostMs);
    return Math.floor(mostMs + MAX_AHEAD_MS);
  }

  /** Whether enough of the voters' clocks are known for stamps to be bound. */
  get isBound(): boolean {
    return this.#reachedByMost(this.#clock.nowMs()) !== null;
  }

  /** How far the own clock is ahead of what most voters' clocks have reached; 0 if unknown. */
  get aheadMs(): number {
    const ownMs = this.#clock.nowMs();
    return ownMs - (this.#reachedByMost(ownMs) ?? ownMs);
  }

  /** The latest time that a majority of the voters has reached; null where too few are known. */
  #reachedByMost(ownMs: number): number | null {
    const members = this.#members;
    if (members === null) return null;
    const voters = members.voters();
    const known = voters.flatMap((id) => {
      const clockMs = id === members.memberId ? ownMs : members.clockOf(id);
      return clockMs === null ? [] : [clockMs];
    });
    const majority = Math.floor(voters.length / 2) + 1;
    return known.toSorted((a, b) => b - a)[majority - 1] ?? null;
  }

  #warn(aheadMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#warnedMs < WARN_EVERY_MS) return;
    this.#warnedMs = nowMs;
    const fields = { aheadMs: Math.round(aheadMs), boundMs: MAX_AHEAD_MS };
    this.#logger.warn(
      fields,
      'this clock is far ahead of the other members: entries are stamped earlier',
    );
  }
}
