import type { AuditEntry } from './audit.ts';
import type { NodeHealth } from './cluster.ts';
import type { CommandEnvelope, Outcome } from './command.ts';
import type { HistoryReader } from './history.ts';
import type { StateReader } from './state.ts';

/** How fresh a read must be (`Lithair-Consistency`). */
export type Consistency = 'strong' | 'sequential' | 'eventual';

/** A read's demand on freshness. `minIndex` comes from a session token. */
export interface ReadDemand {
  readonly consistency: Consistency;
  readonly minIndex: number;
  readonly timeoutMs: number;
}

/**
 * Why the engine could not answer. `unavailable`: nothing was proposed, retry at will (503);
 * `outcome_unknown`: the write may or may not take effect (504); `overloaded`: queues are full (503);
 * `out_of_space`: nothing was proposed, the leader's disk is below its reserve (507); `internal`: a bug
 * or damage that the leader met, whose log holds the reason (500).
 */
export type EngineErrorCode =
  | 'unavailable'
  | 'outcome_unknown'
  | 'overloaded'
  | 'out_of_space'
  | 'internal';

/** What stands behind the HTTP rooms, on any node: leader, follower or learner. */
export interface Engine {
  readonly health: NodeHealth;
  /** Present state of this node. Null until the first snapshot is restored or created. */
  state(): StateReader | null;
  /** What this node keeps of the past, as of the present state. Null together with it. */
  history(): HistoryReader | null;
  /**
   * Executes a command on the leader and resolves when it is applied (or refused).
   *
   * @throws EngineError with an {@link EngineErrorCode}
   */
  submit(envelope: CommandEnvelope): Promise<Outcome>;
  /**
   * Resolves when `state()` may serve a read of this demand; returns null where it may at once,
   * so that the common case costs no promise.
   *
   * @throws EngineError `unavailable`
   */
  readBarrier(demand: ReadDemand): Promise<void> | null;
  /**
   * Resolves once the entry is durable on this node.
   *
   * @throws EngineError `unavailable`: what must be audited must not be answered
   */
  audit(entry: AuditEntry): Promise<void>;
}
