import type { ClusterStatus } from '@lithair/crds/contract';

/**
 * Where a node stands on the way to serving, in the order that it passes through: whose directory it
 * is, its place in the cluster, what the log holds, the snapshot, the entries behind it, the known
 * outcomes of requests, the indexes, the API.
 */
export type StartupPhase =
  | 'metadata'
  | 'joining'
  | 'log'
  | 'snapshot'
  | 'replay'
  | 'dedup'
  | 'indexes'
  | 'http'
  | 'ready'
  | 'failed';

/** What the ops port and `/readyz` tell. */
export interface NodeHealth {
  readonly phase: StartupPhase;
  /** A sentence for a person: why it is not ready, or what failed. */
  readonly detail: string;
  status(): ClusterStatus | null;
}
