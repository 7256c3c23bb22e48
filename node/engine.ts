import type { AuditLog } from './audit/index.ts';
import type { Consensus } from './consensus/index.ts';
import type { Health } from './health.ts';
import type { Outbox } from './outbox/index.ts';
import {
  type AuditEntry,
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
  #outbox: Outbox | null = null;
  #history: () => HistoryReader | null = () => null;

  readonly #audit: AuditLog;

  constructor(health: Health, audit: AuditLog) {
    this.health = health;
    this.#audit = audit;
  }

  /** The node takes part in its cluster from now on. */
  attach(
    consensus: Consensus<ApplyResult, ReplicatedState>,
    outbox: Outbox,
    history: () => HistoryReader | null,
  ): void {
    this.#consensus = consensus;
    this.#outbox = outbox;
    this.#history = history;
  }

  state(): StateReader | null {
    const state = this.#consensus?.state ?? null;
    return state === null || this.#outbox === null ? state : this.#outbox.view(state);
  }

  history(): HistoryReader | null {
    return this.#history();
  }

  submit(envelope: CommandEnvelope): Promise<Outcome> {
    const consensus = this.#present();
    const outbox = this.#outbox;
    const model = consensus.state?.model(envelope.command.model);
    if (model?.schema.consistency !== 'eventual' || outbox === null) {
      return consensus.submit(envelope);
    }
    const replayed = consensus.waitReplayed(envelope.timeoutMs);
    return replayed === null
      ? outbox.submit(envelope)
      : replayed.then(() => outbox.submit(envelope));
  }

  readBarrier(demand: ReadDemand): Promise<void> | null {
    return this.#present().readBarrier(demand);
  }

  audit(entry: AuditEntry): Promise<void> {
    return this.#audit.record(entry);
  }

  #present(): Consensus<ApplyResult, ReplicatedState> {
    if (this.#consensus !== null) return this.#consensus;
    throw new EngineError('unavailable', `${this.health.phase}: ${this.health.detail}`);
  }
}
