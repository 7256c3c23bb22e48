import type { Clock, Logger, Random, TimerHandle } from '../../ports/index.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time, turns of the event loop and randomness that a test owns. Nothing waits for real time. */
export class VirtualWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly lines: string[] = [];
  #nowMs = 0;
  #order = 0;
  #timers: Timer[] = [];
  #deferred: (() => void)[] = [];
  #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.clock = {
      nowMs: () => 1_900_000_000_000 + this.#nowMs,
      monotonicMs: () => this.#nowMs,
      after: (delayMs, callback) => this.#after(delayMs, callback),
    };
    this.random = {
      fill: (target) => target.map(() => Math.floor(this.#fraction() * 256)),
      fraction: () => this.#fraction(),
    };
  }

  /** Runs a callback in the next turn. */
  readonly defer = (callback: () => void): void => {
    this.#deferred.push(callback);
  };

  logger(name: string): Logger {
    const line =
      (level: string) =>
      (fields: object, message: string): void => {
        this.lines.push(`${this.#nowMs} ${name} ${level} ${message} ${JSON.stringify(fields)}`);
      };
    return { debug: () => {}, info: line('info'), warn: line('warn'), error: line('error') };
  }

  /** Lets `ms` of virtual time pass. */
  async run(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await this.#settle();
    for (;;) {
      const timer = this.#takeDue(endMs);
      if (timer === null) break;
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.callback();
      await this.#settle();
    }
    this.#nowMs = endMs;
  }

  /** Lets time pass until the condition holds; fails with the log after `maxMs`. */
  async until(what: string, condition: () => boolean, maxMs = 20_000): Promise<void> {
    const endMs = this.#nowMs + maxMs;
    while (!condition()) {
      if (this.#nowMs >= endMs) throw new Error(`not in time: ${what}\n${this.lines.join('\n')}`);
      await this.run(10);
    }
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

  #after(delayMs: number, callback: () => void): TimerHandle {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  #takeDue(endMs: number): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      if (next === null || timer.dueMs < next.dueMs) next = timer;
    }
    if (next !== null) this.#timers = this.#timers.filter((timer) => timer !== next);
    return next;
  }

  /** Runs turns until nothing is left to do at this moment. */
  async #settle(): Promise<void> {
    for (let idle = 0; idle < 2; ) {
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.#deferred;
      this.#deferred = [];
      for (const callback of batch) callback();
      idle = batch.length === 0 ? idle + 1 : 0;
    }
  }

  #fraction(): number {
    this.#seed = (this.#seed * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return this.#seed / 4_294_967_296;
  }
}
