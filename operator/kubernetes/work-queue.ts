/** What a worker says when it is done with a key: ask again after this time, or only on a change. */
export interface Outcome {
  readonly againAfterMs: number | null;
}

/** How a queue works. */
export interface WorkQueueOptions {
  readonly work: (key: string) => Promise<Outcome>;
  readonly onError: (key: string, error: unknown, retryInMs: number) => void;
  /** Keys worked on at the same time; one key never twice at once. */
  readonly concurrency: number;
  readonly firstRetryMs?: number;
  readonly lastRetryMs?: number;
}

type Timer = ReturnType<typeof setTimeout>;

/**
 * A keyed queue: a key that is added while it waits is worked on once, one that is added while it
 * is worked on is worked on once more. A failing key backs off exponentially; success resets it.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #dirty = new Set<string>();
  readonly #timers = new Map<string, Timer>();
  readonly #failures = new Map<string, number>();
  #idle: (() => void) | null = null;
  #running = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Keys that wait now, with no timer left to run. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** Starts working; what was added before waits until then. */
  start(): void {
    this.#running = true;
    this.#fill();
  }

  /** Takes on nothing more and resolves when what is worked on is done. */
  async stop(): Promise<void> {
    this.#running = false;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    if (this.#working.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Asks for a key to be worked on as soon as possible. */
  add(key: string): void {
    this.#cancelTimer(key);
    if (this.#working.has(key)) this.#dirty.add(key);
    else this.#waiting.add(key);
    this.#fill();
  }

  /** Asks for a key after a while, unless it comes up before. */
  addAfter(key: string, delayMs: number): void {
    this.#cancelTimer(key);
    this.#timers.set(
      key,
      setTimeout(() => this.add(key), delayMs),
    );
  }

  #cancelTimer(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }

  #fill(): void {
    for (const key of this.#waiting) {
      if (!this.#running || this.#working.size >= this.#options.concurrency) return;
      this.#waiting.delete(key);
      this.#working.add(key);
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    try {
      const { againAfterMs } = await this.#options.work(key);
      this.#failures.delete(key);
      this.#done(key, againAfterMs);
    } catch (error) {
      const delayMs = this.#backOffMs(key);
      this.#options.onError(key, error, delayMs);
      this.#done(key, delayMs);
    }
  }

  #backOffMs(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const { firstRetryMs = 250, lastRetryMs = 60_000 } = this.#options;
    return Math.min(firstRetryMs * 2 ** failures, lastRetryMs);
  }

  #done(key: string, againAfterMs: number | null): void {
    this.#working.delete(key);
    if (!this.#running) {
      if (this.#working.size === 0) this.#idle?.();
      return;
    }
    // A change that came in meanwhile does not skip the back-off of a key that fails.
    const changed = this.#dirty.delete(key);
    if (changed && !this.#failures.has(key)) this.add(key);
    else if (againAfterMs !== null) this.addAfter(key, againAfterMs);
    this.#fill();
  }
}
