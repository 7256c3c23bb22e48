/**
 * What is to be done, as a pure function of what is there and what is wanted. No I/O, no clock and
 * no randomness: executors live in `reconcile`, and only they do anything.
 */
export type { Action } from './actions.ts';
export { planChange } from './change.ts';
export { type DeletionState, planDeletion } from './deletion.ts';
export { type Desired, type DesireInput, desire } from './desire.ts';
export { type Identity, type IdentitySources, resolveIdentity } from './identity.ts';
export { type Observed, objectKey, type PodView, viewPod } from './observed.ts';
export { FINALIZER, plan } from './plan.ts';
export { settling } from './settling.ts';
export {
  type Change,
  isAtRest,
  type MemberFact,
  type Progress,
  type Situation,
  type VolumeFact,
} from './situation.ts';
export {
  groupsInForce,
  heldSpec,
  type SpecInForce,
  sameGroups,
  TOPOLOGY_ANNOTATION,
  withSelectors,
  writeTopology,
} from './topology.ts';
