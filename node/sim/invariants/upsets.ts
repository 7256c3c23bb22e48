import { type Told, tellsOfLeader } from './elections.ts';

/** When leaders and processes came to an end: what alone can take an early answer back. */
export class Upsets {
  #term = 0;
  #lastLeaderMs = 0;
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

  /** Whether anybody began to lead, or a process ended, then or later. */
  anySince(ms: number): boolean {
    return this.#lastLeaderMs >= ms || this.crashedBetween(ms, Infinity);
  }

  crashedBetween(fromMs: number, toMs: number): boolean {
    return this.#crashesMs.some((ms) => ms >= fromMs && ms <= toMs);
  }
}
