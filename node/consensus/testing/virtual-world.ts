import type { Clock, Logger, Random } from '../../ports/index.ts';
import { MachineClock, Process, Scheduler, SeededRandom, Trace } from '../../sim/world/index.ts';

/** The simulator's time and chances for tests of a room: one machine that never fails. */
export class VirtualWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly lines: string[] = [];
  readonly #process = new Process('test');
  readonly #scheduler = new Scheduler(new Trace());

  constructor(seed: number) {
    this.clock = new MachineClock(this.#scheduler, 1, 0).of(this.#process);
    this.random = new SeededRandom(seed);
  }

  /** Runs a callback in the next turn. */
  readonly defer = (callback: () => void): void => {
    this.#scheduler.after(0, 'turn', this.#process, callback);
  };

  logger(name: string): Logger {
    const line =
      (level: string) =>
      (fields: object, message: string): void => {
        const nowMs = this.#scheduler.nowMs;
        this.lines.push(`${nowMs} ${name} ${level} ${message} ${JSON.stringify(fields)}`);
      };
    return { debug: () => {}, info: line('info'), warn: line('warn'), error: line('error') };
  }

  /** Lets `ms` of virtual time pass. */
  run(ms: number): Promise<void> {
    return this.#scheduler.runUntil(this.#scheduler.nowMs + ms);
  }

  /** Lets time pass until the condition holds; fails with the log after `maxMs`. */
  async until(what: string, condition: () => boolean, maxMs = 20_000): Promise<void> {
    await this.#scheduler.runUntil(this.#scheduler.nowMs + maxMs, condition);
    if (!condition()) throw new Error(`not in time: ${what}\n${this.lines.join('\n')}`);
  }

  /** Lets time pass until the promise is settled, and gives its outcome. */
  async settled<T>(promise: Promise<T>, maxMs = 20_000): Promise<T> {
    let over = false;
    promise
      .finally(() => {
        over = true;
      })
      .catch(() => {});
    await this.until('a promise is settled', () => over, maxMs);
    return await promise;
  }
}
