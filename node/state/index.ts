/**
 * The state room: what the log amounts to. It applies entries, keeps rows with their indexes, the
 * member table and the outcomes of retried requests, and writes and restores snapshots. Pure.
 */

export { neededBySchema } from './apply-version.ts';
export { type Conflict, findConflicts, type RowsView, rejectionOf } from './conflicts.ts';
export { createState } from './create-state.ts';
export { type DedupRecord } from './dedup.ts';
export { StateError, type StateErrorCode } from './errors.ts';
export { MAX_AHEAD_MS } from './local-writes.ts';
export { stampOf } from './marks.ts';
export { isShareable, type ModelPlan, type PlannedIndex, type Referrer } from './model-plan.ts';
export type { ModelState } from './model-state.ts';
export { keyReuse, replay, schemaChanged } from './repeated.ts';
export { restoreState, schemasOfSnapshot } from './restore.ts';
export { completeField, compute, isAbsent, parseRow, rowKeys } from './row.ts';
export { type BodyFile, HASH_KEY_BYTES } from './slab/index.ts';
export { StateSnapshot, stateHash } from './snapshot.ts';
export { ReplicatedState, type StateOptions } from './state.ts';
export type {
  ApplyResult,
  DedupLimits,
  EventSink,
  InitialState,
  LocalWritesOutcome,
  MemberOutcome,
  PendingChange,
  Preparation,
  SchemaOutcome,
  StateEvent,
} from './types.ts';
export { currentRow, upgradeValue } from './upgrade.ts';
