import type { BasicStatus, ConfState } from '../src/index.ts';
import type { Disk } from './disk.ts';
import type { FlowWatch } from './flow-watch.ts';
import type { Ledger } from './ledger.ts';
import type { LogView } from './log-view.ts';
import type { MemberPlan, Plan } from './plan.ts';
import type { Trace } from './trace.ts';

/** What is known of a running member from outside. */
export interface View {
  readonly id: number;
  readonly status: BasicStatus;
  readonly leads: boolean;
  /** The configuration that the core has to be in. */
  readonly conf: ConfState;
  /** The member's log as its Readys have told it. */
  readonly mirror: LogView;
  readonly memberPlan: MemberPlan;
  readonly flow: FlowWatch;
  /** Whether there was at most one step since the last Ready, so that `mirror` was right before it. */
  readonly exact: boolean;
}

/** What the checks of one member may know about the others and about the run. */
export interface Surroundings {
  readonly plan: Plan;
  readonly ledger: Ledger;
  readonly trace: Trace;
  /** The number of the event that is happening. */
  readonly event: number;
  disk(id: number): Disk | undefined;
  /** The checks of another member, if it is running. */
  watch(id: number): View | undefined;
}

/** A status for people. */
export function describeStatus(status: BasicStatus): string {
  const { term, vote, commit, applied, lastIndex, lead } = status;
  return (
    `[term ${term} vote ${vote} lead ${lead} applied ${applied} commit ${commit} ` +
    `last ${lastIndex} role ${status.raftState}]`
  );
}
