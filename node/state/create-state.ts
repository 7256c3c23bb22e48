import { APPLY_VERSION } from '../entry/index.ts';
import { neededBySchema } from './apply-version.ts';
import { StateError } from './errors.ts';
import { MemberTable } from './member-table.ts';
import { ReplicatedState, type StateOptions } from './state.ts';
import type { InitialState, StateHead } from './types.ts';

/**
 * The state that a cluster begins with.
 *
 * @throws StateError `apply_version` where its model needs a later one than it is to begin with
 */
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
  const needed = neededBySchema(head.schema);
  if (needed > head.applyVersion) {
    const text = `the model needs apply version ${needed}, the cluster begins at ${head.applyVersion}`;
    throw new StateError('apply_version', text);
  }
  return new ReplicatedState(head, new MemberTable(initial.members, []), options);
}
