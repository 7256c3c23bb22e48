import type { ClusterStatus } from '@lithair/crds/contract';

/** Where a node stands on the way to serving, in the order that it passes through. */
export type StartupPhase = 'opening' | 'restoring' | 'joining' | 'catching-up' | 'ready' | 'failed';

/** What the ops port and `/readyz` tell. */
export interface NodeHealth {
  readonly phase: StartupPhase;
  /** A sentence for a person: why it is not ready, or what failed. */
  readonly detail: string;
  status(): ClusterStatus | null;
}
