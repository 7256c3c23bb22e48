import { ConfChangeError } from '../errors.ts';
import { MajorityConfig } from '../quorum/index.ts';
import type { ConfChange, ConfChangeSingle, ConfChangeV2, ConfState } from '../types.ts';
import { ConfChangeTransition, NO_BYTES } from '../types.ts';

/** The change that leaves a joint configuration. */
export const LEAVE_JOINT: ConfChangeV2 = {
  transition: ConfChangeTransition.Auto,
  changes: [],
  context: NO_BYTES,
};

/** Tells the two forms of a membership change apart. */
export function isConfChangeV2(change: ConfChange | ConfChangeV2): change is ConfChangeV2 {
  return 'changes' in change;
}

/** The same change in the general form. */
export function toConfChangeV2(change: ConfChange | ConfChangeV2): ConfChangeV2 {
  if (isConfChangeV2(change)) return change;
  const single: ConfChangeSingle = { type: change.type, nodeId: change.nodeId };
  return { transition: ConfChangeTransition.Auto, changes: [single], context: change.context };
}

/** How a change is carried out. */
export type ConfChangePath = 'simple' | 'enter-joint' | 'enter-joint-auto-leave' | 'leave-joint';

/**
 * Joint consensus is used when asked for, and for more than one change.
 *
 * @throws {ConfChangeError} when the transition is none.
 */
export function confChangePath(change: ConfChangeV2): ConfChangePath {
  if (change.transition === ConfChangeTransition.JointExplicit) return 'enter-joint';
  if (change.transition === ConfChangeTransition.JointImplicit) return 'enter-joint-auto-leave';
  if (change.transition !== ConfChangeTransition.Auto) {
    throw new ConfChangeError(`unexpected transition ${String(change.transition)}`);
  }
  if (change.changes.length === 0) return 'leave-joint';
  return change.changes.length === 1 ? 'simple' : 'enter-joint-auto-leave';
}

/** Whether two ConfStates name the same members, in whatever order. */
export function sameConfState(a: ConfState, b: ConfState): boolean {
  return (
    a.autoLeave === b.autoLeave &&
    sameIds(a.voters, b.voters) &&
    sameIds(a.learners, b.learners) &&
    sameIds(a.votersOutgoing, b.votersOutgoing) &&
    sameIds(a.learnersNext, b.learnersNext)
  );
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return (
    a.length === b.length && new MajorityConfig(a).toString() === new MajorityConfig(b).toString()
  );
}
