/** Where plans meet the world: reads what is there, does what the plan says, writes the status. */
export { Caches } from './caches.ts';
export { Reconciler, type ReconcilerOptions } from './reconciler.ts';
