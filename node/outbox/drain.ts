import { type LocalWritesEntry } from '../entry/index.ts';
import type { Clock, Logger, TimerHandle } from '../ports/index.ts';
import type { OrderAnswer } from './order-request.ts';

/** Between two attempts that brought nothing. */
const RETRY_MS = 200;
const ATTEMPT_MS = 5_000;

/** What is drained, and where to. */
export interface DrainParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The next writes to be ordered, behind what is known to be; null where there are none. */
  next(): LocalWritesEntry | null;
  /** Has the leader order them. Throws where there is none that answers. */
  order(writes: LocalWritesEntry, timeoutMs: number): Promise<OrderAnswer>;
}

/**
 * Brings local writes to the leader, one batch at a time, for as long as there are any. What was
 * ordered is heard from the log, not from answers, so that an answer that gets lost does no harm.
 */
export class Drain {
  readonly #parts: DrainParts;
  #running = false;
  #stopped = false;
  #wake: (() => void) | null = null;
  #timer: TimerHandle | null = null;

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  /** There may be something to do. */
  kick(): void {
    if (!this.#stopped && !this.#running) void this.#run();
  }

  /** Something was ordered here. */
  progress(): void {
    this.#wake?.();
    this.kick();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      for (let writes = this.#parts.next(); writes !== null; writes = this.#parts.next()) {
        if (this.#stopped) return;
        await this.#attempt(writes);
      }
    } finally {
      this.#running = false;
    }
  }

  async #attempt(writes: LocalWritesEntry): Promise<void> {
    const { logger } = this.#parts;
    try {
      const answer = await this.#parts.order(writes, ATTEMPT_MS);
      if (answer === 'not_a_member') {
        logger.error(
          { writes: writes.writes.length },
          'the cluster orders no writes of this member',
        );
      }
      if (answer === 'ordered' && this.#parts.next()?.firstSequence !== writes.firstSequence)
        return;
    } catch (error) {
      logger.debug({ reason: String(error) }, 'local writes could not be ordered yet');
    }
    await this.#pause();
  }

  /** Until something was ordered here, or for a while. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#timer?.cancel();
        this.#wake = null;
        resolve();
      };
      this.#wake = done;
      this.#timer = this.#parts.clock.after(RETRY_MS, done);
    });
  }
}
