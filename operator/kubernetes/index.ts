/**
 * Everything the operator asks of an API server: objects as plain JSON, watches that survive errors,
 * events, a lease and a keyed work queue. Nothing here knows what a LithairModel means.
 */
export { type ApiOptions, KubernetesApi, type RemoveOptions } from './api.ts';
export { loadKubeConfig, ownNamespace } from './config.ts';
export { KubernetesError } from './errors.ts';
export { type EventNote, EventRecorder, type EventType } from './events.ts';
export { ResilientInformer } from './informer.ts';
export {
  DEFAULT_LEASE_TIMING,
  LeaderElection,
  type LeaseRecord,
  type LeaseTiming,
  leaseDecision,
} from './lease.ts';
export {
  isRecord,
  type KubeObject,
  keyOf,
  type ObjectKey,
  type ObjectMeta,
} from './object.ts';
export { isKind, type Kind } from './resources.ts';
export { WorkQueue, type WorkQueueOptions } from './work-queue.ts';
