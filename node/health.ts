import type { ClusterStatus } from '@lithair/crds/contract';
import type {
  Clock,
  LogFields,
  Logger,
  NodeHealth,
  StartupPhase,
  TimerHandle,
} from './ports/index.ts';

/** A phase that takes longer says how far it is, this often. */
const PROGRESS_MS = 2_000;

/** Where the node stands: written by its start, read by probes and the status routes. */
export class Health implements NodeHealth {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #phase: StartupPhase = 'metadata';
  #detail = 'opening the data directory';
  #enteredMs: number;
  #progress: (() => string) | null = null;
  #timer: TimerHandle | null = null;
  #status: () => ClusterStatus | null = () => null;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    this.#enteredMs = this.#startedMs;
  }

  get phase(): StartupPhase {
    return this.#phase;
  }

  get detail(): string {
    return this.#progress === null ? this.#detail : `${this.#detail}: ${this.#progress()}`;
  }

  status(): ClusterStatus | null {
    return this.#status();
  }

  /** Who answers for the cluster from now on. */
  reportStatusBy(status: () => ClusterStatus | null): void {
    this.#status = status;
  }

  /**
   * Moves on; a node that failed stays failed. `progress` says how far a long phase is: it is part
   * of the detail, and logged now and then.
   */
  enter(phase: StartupPhase, detail: string, progress: (() => string) | null = null): void {
    if (this.#phase === 'failed') return;
    const changed = phase !== this.#phase;
    this.#phase = phase;
    this.#detail = detail;
    this.#progress = progress;
    if (!changed) {
      if (this.#timer === null) this.#reportLater();
      return;
    }
    this.#enteredMs = this.#clock.monotonicMs();
    const sinceStartMs = Math.round(this.#enteredMs - this.#startedMs);
    this.#logger.info({ phase, sinceStartMs }, detail);
    this.#reportLater();
  }

  /** Logs what the present phase came to, and how long it took. */
  finish(counts: LogFields): void {
    const tookMs = Math.round(this.#clock.monotonicMs() - this.#enteredMs);
    this.#logger.info({ phase: this.#phase, tookMs, ...counts }, 'done');
  }

  #reportLater(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#progress === null) return;
    this.#timer = this.#clock.after(PROGRESS_MS, () => {
      this.#logger.info({ phase: this.#phase }, this.detail);
      this.#reportLater();
    });
  }
}
