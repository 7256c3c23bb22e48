import type { Condition, ConditionType, LithairModelStatus } from '@lithair/crds';
import type { EventNote } from '../kubernetes/index.ts';

type Status = LithairModelStatus | undefined;

/**
 * What a person should know of the change from one status to the next. It depends on the two alone,
 * so an operator that starts again repeats nothing.
 */
export function notesOf(before: Status, after: LithairModelStatus): readonly EventNote[] {
  const notes = [
    ...created(before, after),
    ...refused(before, after),
    ...blocked(before, after),
    ...became(before, after, 'Ready', 'True', 'Normal'),
    ...quorum(before, after),
    ...leaderChanged(before, after),
    ...schema(before, after),
    ...became(before, after, 'Degraded', 'True', 'Warning'),
    ...became(before, after, 'ClusterIDMismatch', 'True', 'Warning'),
  ];
  // What blocks also degrades, in the same words.
  const words = notes.map(({ reason, message }) => `${reason} ${message}`);
  return notes.filter((_, i) => words.indexOf(words[i] ?? '') === i);
}

function condition(status: Status, type: ConditionType): Condition | undefined {
  return status?.conditions?.find((candidate) => candidate.type === type);
}

function created(before: Status, after: LithairModelStatus): EventNote[] {
  if (before?.clusterId !== undefined || after.clusterId === undefined) return [];
  const message = `cluster ${after.clusterId} of ${after.nodes?.length ?? 0} members`;
  return [{ type: 'Normal', reason: 'ClusterCreated', message }];
}

/** The spec was refused, for the first time or for other reasons. */
function refused(before: Status, after: LithairModelStatus): EventNote[] {
  const now = condition(after, 'Ready');
  if (now?.reason !== 'InvalidModel' && now?.reason !== 'AuthNotDeclared') return [];
  return changed(condition(before, 'Ready'), now) ? [warning(now)] : [];
}

const TOLD_AS_NORMAL = new Set(['Scaling', 'RollingOut', 'ReplacingMember', 'UpdatePending']);
const NOT_TOLD = new Set([
  'MembersStarting',
  'AsSpecified',
  'Deleting',
  'InvalidModel',
  'AuthNotDeclared',
]);

/** The spec is followed only in part, or not before something else happens. */
function blocked(before: Status, after: LithairModelStatus): EventNote[] {
  const now = condition(after, 'Progressing');
  if (now === undefined || NOT_TOLD.has(now.reason)) return [];
  if (!changed(condition(before, 'Progressing'), now)) return [];
  const type = TOLD_AS_NORMAL.has(now.reason) ? 'Normal' : 'Warning';
  return [{ type, reason: now.reason, message: now.message }];
}

function became(
  before: Status,
  after: LithairModelStatus,
  type: ConditionType,
  status: Condition['status'],
  eventType: EventNote['type'],
): EventNote[] {
  const now = condition(after, type);
  if (now?.status !== status || condition(before, type)?.status === status) return [];
  return [{ type: eventType, reason: now.reason, message: now.message }];
}

function quorum(before: Status, after: LithairModelStatus): EventNote[] {
  const was = condition(before, 'QuorumAvailable')?.status;
  const now = condition(after, 'QuorumAvailable');
  if (now === undefined || was !== 'True' || now.status === 'True') return [];
  return [{ type: 'Warning', reason: 'QuorumLost', message: now.message }];
}

function leaderChanged(before: Status, after: LithairModelStatus): EventNote[] {
  if (after.leader === undefined || after.leader === before?.leader) return [];
  const from = before?.leader === undefined ? '' : ` after ${before.leader}`;
  const message = `${after.leader} leads${from} in term ${after.term ?? 0}`;
  return [{ type: 'Normal', reason: 'LeaderChanged', message }];
}

/** That a model was applied is told with its changes by whoever applied it. */
function schema(before: Status, after: LithairModelStatus): EventNote[] {
  const now = condition(after, 'SchemaApplied');
  if (now?.reason !== 'Refused' || !changed(condition(before, 'SchemaApplied'), now)) return [];
  return [{ type: 'Warning', reason: 'ModelRefused', message: now.message }];
}

function changed(was: Condition | undefined, now: Condition): boolean {
  return was?.status !== now.status || was.reason !== now.reason || was.message !== now.message;
}

function warning({ reason, message }: Condition): EventNote {
  return { type: 'Warning', reason, message };
}
