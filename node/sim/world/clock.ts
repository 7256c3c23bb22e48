import type { Clock } from '../../ports/index.ts';
import type { Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';

/** The wall clock that everybody would show if clocks were right. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** The clocks of one machine: they run a little fast or slow, and the wall clock may jump. */
export class MachineClock {
  readonly #scheduler: Scheduler;
  readonly #rate: number;
  #jumpMs: number;
  #furthestMs: number;

  /** @param rate seconds that it counts in one true second */
  constructor(scheduler: Scheduler, rate: number, offsetMs: number) {
    this.#scheduler = scheduler;
    this.#rate = rate;
    this.#jumpMs = offsetMs;
    this.#furthestMs = offsetMs;
  }

  /** The wall clock is set forward or back; the monotonic one does not notice. */
  jump(ms: number): void {
    this.#jumpMs += ms;
    this.#furthestMs = Math.max(this.#furthestMs, this.#jumpMs);
  }

  /** What the wall clock would show if it had never been set back: whoever was told of it believes that. */
  get reachedMs(): number {
    return EPOCH_MS + this.#furthestMs + this.#scheduler.nowMs * this.#rate;
  }

  /** What the wall clock shows. */
  get nowMs(): number {
    return Math.floor(EPOCH_MS + this.#jumpMs + this.#scheduler.nowMs * this.#rate);
  }

  /** The clock as a process of this machine sees it; its timers end with it. */
  of(process: Process): Clock {
    const monotonicMs = (): number => this.#scheduler.nowMs * this.#rate;
    return {
      nowMs: () => this.nowMs,
      monotonicMs,
      after: (delayMs, callback) =>
        this.#scheduler.after(delayMs / this.#rate, 'timer', process, callback),
    };
  }
}
