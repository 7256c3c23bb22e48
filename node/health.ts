import type { ClusterStatus } from '@lithair/crds/contract';
import type { Clock, Logger, NodeHealth, StartupPhase } from './ports/index.ts';

/** Where the node stands: written by its start, read by probes and the status routes. */
export class Health implements NodeHealth {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #phase: StartupPhase = 'opening';
  #detail = 'opening the data directory';
  #status: () => ClusterStatus | null = () => null;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  get phase(): StartupPhase {
    return this.#phase;
  }

  get detail(): string {
    return this.#detail;
  }

  status(): ClusterStatus | null {
    return this.#status();
  }

  /** Who answers for the cluster from now on. */
  reportStatusBy(status: () => ClusterStatus | null): void {
    this.#status = status;
  }

  /** Moves on; a node that failed stays failed. */
  enter(phase: StartupPhase, detail: string): void {
    if (this.#phase === 'failed') return;
    const changed = phase !== this.#phase;
    this.#phase = phase;
    this.#detail = detail;
    if (!changed) return;
    const sinceStartMs = Math.round(this.#clock.monotonicMs() - this.#startedMs);
    this.#logger.info({ phase, sinceStartMs }, detail);
  }
}
