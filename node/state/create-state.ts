import { APPLY_VERSION } from '../entry/index.ts';
import { MemberTable } from './member-table.ts';
import { ReplicatedState, type StateHead, type StateOptions } from './state.ts';
import type { InitialState } from './types.ts';

/** The state that a cluster begins with. */
export function createState(initial: InitialState, options: StateOptions = {}): ReplicatedState {
  const head: StateHead = {
    clusterId: initial.clusterId,
    epoch: initial.epoch,
    schema: initial.schema,
    schemaVersion: 1,
    appliedIndex: 0,
    logTimeMs: initial.nowMs,
    eventSequence: 0,
    pendingSchema: null,
    applyVersion: initial.applyVersion ?? options.latestApplyVersion ?? APPLY_VERSION,
  };
  return new ReplicatedState(head, new MemberTable(initial.members, []), options);
}
