import type { Consensus } from './consensus/index.ts';
import type { Health } from './health.ts';
import {
  type CommandEnvelope,
  type Engine,
  EngineError,
  type HistoryReader,
  type Outcome,
  type ReadDemand,
  type StateReader,
} from './ports/index.ts';
import type { ApplyResult, ReplicatedState } from './state/index.ts';

/** What stands behind the HTTP rooms, from the first moment of the process on. */
export class NodeEngine implements Engine {
  readonly health: Health;
  #consensus: Consensus<ApplyResult, ReplicatedState> | null = null;
  #history: () => HistoryReader | null = () => null;

  constructor(health: Health) {
    this.health = health;
  }

  /** The node takes part in its cluster from now on. */
  attach(
    consensus: Consensus<ApplyResult, ReplicatedState>,
    history: () => HistoryReader | null,
  ): void {
    this.#consensus = consensus;
    this.#history = history;
  }

  state(): StateReader | null {
    return this.#consensus?.state ?? null;
  }

  history(): HistoryReader | null {
    return this.#history();
  }

  submit(envelope: CommandEnvelope): Promise<Outcome> {
    return this.#present().submit(envelope);
  }

  readBarrier(demand: ReadDemand): Promise<void> | null {
    return this.#present().readBarrier(demand);
  }

  #present(): Consensus<ApplyResult, ReplicatedState> {
    if (this.#consensus !== null) return this.#consensus;
    throw new EngineError('unavailable', `${this.health.phase}: ${this.health.detail}`);
  }
}
