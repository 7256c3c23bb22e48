import type { Leader } from './leader.ts';
import type { Clock, Logger } from './ports/index.ts';
import type { Preparation, ReplicatedState } from './state/index.ts';

/** How often a long preparation says how far it is. */
const PROGRESS_MS = 2_000;
/** Between two looks at whether a change that is prepared here is in force, or can be made so. */
const RETRY_MS = 50;
const ACTIVATE_TIMEOUT_MS = 10_000;

/** What a {@link ModelPreparation} works with. */
export interface PreparationDependencies {
  readonly state: () => ReplicatedState | null;
  readonly isLeading: () => boolean;
  readonly leader: Leader;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Runs a callback after the events of this turn of the event loop. */
  readonly defer: (callback: () => void) => void;
  /** A row cannot be read: the member must stop. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Builds the indexes that a decided model change needs, a slice at a time beside everything else,
 * on every member; the one that leads then has the change put in force. Crashes and changes of
 * leader need no care: what is decided is part of the state, and whoever has it goes on.
 */
export class ModelPreparation {
  readonly #deps: PreparationDependencies;
  #running = false;
  #stopped = false;
  #toldMs = 0;

  constructor(deps: PreparationDependencies) {
    this.#deps = deps;
  }

  /** Must hear of every applied entry, and of a state that came from a snapshot. */
  onState(): void {
    if (this.#running || this.#stopped || !this.#isPending) return;
    this.#running = true;
    this.#run()
      .catch((error: unknown) => this.#deps.onFailure(error))
      .finally(() => {
        this.#running = false;
      });
  }

  stop(): void {
    this.#stopped = true;
  }

  get #isPending(): boolean {
    return (this.#deps.state()?.pendingChange ?? null) !== null;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#deps;
    const startedMs = clock.monotonicMs();
    this.#tell('preparing a model change');
    for (;;) {
      await this.#turn();
      await readAhead(this.#deps.state());
      const state = this.#deps.state();
      if (this.#stopped || state === null) return;
      if (state.pendingChange === null) break;
      if (!state.prepareSome()) this.#tellNowAndThen();
      else await this.#activate(state.pendingChange.schemaVersion);
    }
    const tookMs = Math.round(clock.monotonicMs() - startedMs);
    const schemaVersion = this.#deps.state()?.schemaVersion;
    logger.info({ schemaVersion, tookMs }, 'the model change is in force');
  }

  async #activate(schemaVersion: number): Promise<void> {
    const { isLeading, leader, logger } = this.#deps;
    if (isLeading()) {
      await leader.activate(schemaVersion, ACTIVATE_TIMEOUT_MS).catch((error: unknown) => {
        logger.warn(
          { schemaVersion, reason: String(error) },
          'a model change waits to be put in force',
        );
      });
    }
    if (this.#isPending) await this.#pause(RETRY_MS);
  }

  #tellNowAndThen(): void {
    if (this.#deps.clock.monotonicMs() - this.#toldMs >= PROGRESS_MS) {
      this.#tell('preparing a model change');
    }
  }

  #tell(message: string): void {
    const { state, clock, logger } = this.#deps;
    const preparation: Preparation | null = state()?.preparation ?? null;
    if (preparation === null) return;
    this.#toldMs = clock.monotonicMs();
    const { schemaVersion, prepared, total } = preparation;
    logger.info({ schemaVersion, prepared, total }, message);
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#deps.defer(resolve));
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#deps.clock.after(delayMs, resolve));
  }
}

/** Has rows that `prepareSome` reads next brought into memory; null where nothing is to wait for. */
function readAhead(state: ReplicatedState | null): Promise<void> | null {
  for (const { name } of state?.schema.models ?? []) {
    const ahead = state?.model(name)?.store.readAheadToPrepare() ?? null;
    if (ahead !== null) return ahead;
  }
  return null;
}
