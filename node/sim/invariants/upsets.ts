import { type Told, tellsOfLeader } from './elections.ts';

/**
 * For so long a leader may still answer that others have replaced, or that was stopped meanwhile:
 * CheckQuorum lets it stand down within two election timeouts, of 300 ms each, by its own clock.
 */
export const STALE_LEADER_MS = 1000;

/** When leaders and processes came to an end: what alone can take an early answer back. */
export class Upsets {
  #term = 0;
  #lastLeaderMs = Number.NEGATIVE_INFINITY;
  #lastResumeMs = Number.NEGATIVE_INFINITY;
  readonly #crashesMs: number[] = [];

  /** What only a leader sends tells of a new one. */
  onSend({ term, type }: Pick<Told, 'term' | 'type'>, nowMs: number): void {
    if (term <= this.#term || !tellsOfLeader(type)) return;
    this.#term = term;
    this.#lastLeaderMs = nowMs;
  }

  onCrash(nowMs: number): void {
    this.#crashesMs.push(nowMs);
  }

  /** A stopped process goes on, as what it was. */
  onResume(nowMs: number): void {
    this.#lastResumeMs = nowMs;
  }

  /**
   * Whether a write that was sent then may have met a leader that is none any more: one began to
   * lead, or a stopped one went on, shortly before or at any time later, or a process ended.
   */
  mayHaveCost(sentMs: number): boolean {
    const fromMs = sentMs - STALE_LEADER_MS;
    const isStale = this.#lastLeaderMs >= fromMs || this.#lastResumeMs >= fromMs;
    return isStale || this.crashedBetween(sentMs, Infinity);
  }

  crashedBetween(fromMs: number, toMs: number): boolean {
    return this.#crashesMs.some((ms) => ms >= fromMs && ms <= toMs);
  }
}
