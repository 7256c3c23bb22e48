import { hex } from './describe.ts';
import { becomeFollower } from './election.ts';
import { MessageError } from './errors.ts';
import { newMessage } from './messages.ts';
import type { Raft } from './raft.ts';
import { handleReadAck, handleReadIndex, releasePendingReads } from './read-index.ts';
import {
  broadcastAppend,
  broadcastHeartbeat,
  maybeCommit,
  maybeSendAppend,
} from './replication.ts';
import type { Progress } from './tracker/index.ts';
import { ProgressState } from './tracker/index.ts';
import type { Message } from './types.ts';
import { MessageType, NONE } from './types.ts';

/** Handles a message of the current term on the leader. */
export function stepLeader(raft: Raft, message: Message): void {
  switch (message.type) {
    case MessageType.Beat:
      return broadcastHeartbeat(raft);
    case MessageType.CheckQuorum:
      return checkQuorum(raft);
    case MessageType.ReadIndex:
      return handleReadIndex(raft, message);
    case MessageType.ForgetLeader:
      return;
    default:
      return stepMember(raft, message);
  }
}

/** Everything else comes from, or is about, a member. */
function stepMember(raft: Raft, message: Message): void {
  const member = raft.tracker.get(message.from);
  if (member === undefined) {
    raft.logger.debug`${hex(raft.id)} no progress available for ${hex(message.from)}`;
    return;
  }
  switch (message.type) {
    case MessageType.AppResp:
      checkAcknowledged(raft, message.index);
      member.recentActive = true;
      if (message.reject) handleRejection(raft, member, message);
      else handleAcknowledgement(raft, member, message.index);
      return;
    case MessageType.HeartbeatResp:
      return handleHeartbeatResponse(raft, member, message);
    case MessageType.SnapStatus:
      return handleSnapshotStatus(raft, member, message);
    case MessageType.Unreachable:
      return handleUnreachable(raft, member);
    case MessageType.TransferLeader:
      return transferLeader(raft, member);
    default:
      return;
  }
}

/** In its term a leader's log is the longest: nobody can have, or refuse, what it has not sent. */
function checkAcknowledged(raft: Raft, index: number): void {
  const last = raft.log.lastIndex();
  if (index <= last) return;
  throw new MessageError(`message field index has the impossible value ${index}, beyond ${last}`);
}

/** Steps down unless a quorum was active lately (Raft thesis, section 6.2), and starts anew. */
function checkQuorum(raft: Raft): void {
  if (!raft.tracker.quorumActive()) {
    raft.logger.warning`${hex(raft.id)} stepped down to follower since quorum is not active`;
    becomeFollower(raft, raft.term, NONE);
  }
  for (const member of raft.tracker.members) {
    if (member.id !== raft.id) member.recentActive = false;
  }
}

/**
 * Finds the next position to probe. The follower's hint is the largest index at
 * which it could match; where the leader's terms are larger than the hint's term,
 * the logs cannot match either, and whole terms are skipped.
 */
function handleRejection(raft: Raft, member: Progress, message: Message): void {
  raft.logger
    .debug`${hex(raft.id)} received MsgAppResp(rejected, hint: (index ${message.rejectHint}, term ${message.logTerm})) from ${hex(message.from)} for index ${message.index}`;
  const hint =
    message.logTerm > 0
      ? raft.log.findConflictByTerm(message.rejectHint, message.logTerm)
      : message.rejectHint;
  if (!member.maybeDecrTo(message.index, hint)) return;
  raft.logger.debug`${hex(raft.id)} decreased progress of ${hex(message.from)} to [${member}]`;
  if (member.state === ProgressState.Replicate) member.becomeProbe();
  maybeSendAppend(raft, member, true);
}

function handleAcknowledgement(raft: Raft, member: Progress, index: number): void {
  // A probe that confirms what is known already still ends the probing.
  const probed = member.state === ProgressState.Probe && member.match === index;
  if (!member.maybeUpdate(index) && !probed) return;
  resumeReplication(raft, member, index);

  if (maybeCommit(raft)) {
    releasePendingReads(raft);
    broadcastAppend(raft);
  } else if (member.id !== raft.id && member.canBumpCommit(raft.log.committed)) {
    maybeSendAppend(raft, member, true);
  }
  if (member.id !== raft.id) {
    // The acknowledgement may have made room for several messages.
    while (maybeSendAppend(raft, member, false));
  }
  if (member.id === raft.leadTransferee && member.match === raft.log.lastIndex()) {
    raft.logger
      .info`${hex(raft.id)} sent MsgTimeoutNow to ${hex(member.id)} after received MsgAppResp`;
    sendTimeoutNow(raft, member.id);
  }
}

function resumeReplication(raft: Raft, member: Progress, index: number): void {
  switch (member.state) {
    case ProgressState.Probe:
      member.becomeReplicate();
      return;
    case ProgressState.Replicate:
      member.inflights.freeLE(index);
      return;
    case ProgressState.Snapshot:
      // Whichever snapshot it was, and wherever from: the log continues after it.
      if (member.match + 1 < raft.log.firstIndex()) return;
      raft.logger
        .debug`${hex(raft.id)} recovered from needing snapshot, resumed sending replication messages to ${hex(member.id)} [${member}]`;
      member.becomeProbe();
      member.becomeReplicate();
  }
}

function handleHeartbeatResponse(raft: Raft, member: Progress, message: Message): void {
  member.recentActive = true;
  member.msgAppFlowPaused = false;
  if (member.match < raft.log.lastIndex() || member.state === ProgressState.Probe) {
    maybeSendAppend(raft, member, true);
  }
  handleReadAck(raft, message);
}

/**
 * The snapshot has arrived or got lost. Either way nothing follows before the next
 * word of the follower: its acknowledgement, or the answer to a heartbeat.
 */
function handleSnapshotStatus(raft: Raft, member: Progress, message: Message): void {
  if (member.state !== ProgressState.Snapshot) return;
  if (message.reject) member.pendingSnapshot = 0;
  member.becomeProbe();
  raft.logger
    .debug`${hex(raft.id)} snapshot ${message.reject ? 'failed' : 'succeeded'}, resumed sending replication messages to ${hex(message.from)} [${member}]`;
  member.msgAppFlowPaused = true;
}

/** What was sent optimistically is probably lost. */
function handleUnreachable(raft: Raft, member: Progress): void {
  if (member.state === ProgressState.Replicate) member.becomeProbe();
  raft.logger
    .debug`${hex(raft.id)} failed to send message to ${hex(member.id)} because it is unreachable [${member}]`;
}

/** Hands leadership over (Raft thesis, section 3.10), within one election timeout. */
function transferLeader(raft: Raft, to: Progress): void {
  if (to.isLearner) {
    raft.logger.debug`${hex(raft.id)} is learner. Ignored transferring leadership`;
    return;
  }
  if (!replaceTransfer(raft, to.id)) return;
  if (to.id === raft.id) {
    raft.logger.debug`${hex(raft.id)} is already leader. Ignored transferring leadership to self`;
    return;
  }
  raft.logger
    .info`${hex(raft.id)} [term ${raft.term}] starts to transfer leadership to ${hex(to.id)}`;
  raft.electionElapsed = 0;
  raft.leadTransferee = to.id;
  if (to.match !== raft.log.lastIndex()) {
    maybeSendAppend(raft, to, true);
    return;
  }
  sendTimeoutNow(raft, to.id);
  raft.logger
    .info`${hex(raft.id)} sends MsgTimeoutNow to ${hex(to.id)} immediately as ${hex(to.id)} already has up-to-date log`;
}

/** Ends a transfer to someone else; false when the same one is under way already. */
function replaceTransfer(raft: Raft, to: number): boolean {
  const previous = raft.leadTransferee;
  if (previous === NONE) return true;
  if (previous === to) {
    raft.logger
      .info`${hex(raft.id)} [term ${raft.term}] transfer leadership to ${hex(to)} is in progress, ignores request to same node ${hex(to)}`;
    return false;
  }
  raft.leadTransferee = NONE;
  raft.logger
    .info`${hex(raft.id)} [term ${raft.term}] abort previous transferring leadership to ${hex(previous)}`;
  return true;
}

function sendTimeoutNow(raft: Raft, to: number): void {
  raft.send(newMessage(MessageType.TimeoutNow, to));
}
