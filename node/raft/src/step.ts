import { hex, messageTypeName } from './describe.ts';
import {
  becomeFollower,
  describeOwnLog,
  describeVoteRequest,
  handleVoteRequest,
  hup,
  isTransferVote,
} from './election.ts';
import { newMessage } from './messages.ts';
import { propose } from './proposal.ts';
import type { Raft } from './raft.ts';
import type { StepResult } from './ready.ts';
import { reduceUncommittedSize } from './replication.ts';
import { stepCandidate } from './step-candidate.ts';
import { forwardProposal, stepFollower } from './step-follower.ts';
import { stepLeader } from './step-leader.ts';
import type { Message, Snapshot } from './types.ts';
import { EntryType, MessageType, NO_BYTES, NONE, StateType } from './types.ts';

/**
 * Advances the state machine by one message: first its term, which may end the
 * current role (Raft paper, section 5.1), then its content.
 */
export function step(raft: Raft, message: Message): StepResult {
  // Term 0: from this member itself, or a request that is not bound to a term.
  if (message.term !== 0 && message.term !== raft.term) {
    if (message.term < raft.term) {
      handleLowerTerm(raft, message);
      return 'ok';
    }
    if (!admitHigherTerm(raft, message)) return 'ok';
  }
  if (message.type === MessageType.Prop) return stepProposal(raft, message);
  stepContent(raft, message);
  return 'ok';
}

/** A leader takes proposals into its log, a follower forwards them, a candidate knows no leader. */
function stepProposal(raft: Raft, message: Message): StepResult {
  if (raft.isLeader) return propose(raft, message);
  if (raft.state === StateType.Follower) return forwardProposal(raft, message);
  raft.logger.info`${hex(raft.id)} no leader at term ${raft.term}; dropping proposal`;
  return 'proposal-dropped';
}

function stepContent(raft: Raft, message: Message): void {
  switch (message.type) {
    case MessageType.Hup:
      return hup(raft, raft.config.preVote ? 'pre-election' : 'election');
    case MessageType.StorageAppendResp:
      return writesDone(raft, message);
    case MessageType.StorageApplyResp:
      return entriesApplied(raft, message);
    case MessageType.Vote:
    case MessageType.PreVote:
      return handleVoteRequest(raft, message);
    default:
      return stepByRole(raft, message);
  }
}

function stepByRole(raft: Raft, message: Message): void {
  switch (raft.state) {
    case StateType.Leader:
      return stepLeader(raft, message);
    case StateType.Follower:
      return stepFollower(raft, message);
    default:
      return stepCandidate(raft, message);
  }
}

/** Enters a higher term if the message calls for it; false when the message is to be ignored. */
function admitHigherTerm(raft: Raft, message: Message): boolean {
  const { type } = message;
  if (type === MessageType.Vote || type === MessageType.PreVote) {
    if (inLease(raft) && !isTransferVote(message)) {
      logLeaseRefusal(raft, message);
      return false;
    }
  }
  // A pre-vote, and its grant, are about a term that is only being considered.
  if (type === MessageType.PreVote) return true;
  if (type === MessageType.PreVoteResp && !message.reject) return true;
  raft.logger
    .info`${hex(raft.id)} [term: ${raft.term}] received a ${messageTypeName(type)} message with higher term from ${hex(message.from)} [term: ${message.term}]`;
  const fromLeader =
    type === MessageType.App || type === MessageType.Heartbeat || type === MessageType.Snap;
  becomeFollower(raft, message.term, fromLeader ? message.from : NONE);
  return true;
}

/**
 * While a leader was heard from within the minimum election timeout, nobody can
 * make this member move on: a removed or partitioned member must not disturb the
 * cluster (Raft thesis, section 4.2.3), and leases rest on it (section 6.4.1).
 */
function inLease(raft: Raft): boolean {
  return (
    raft.config.checkQuorum && raft.lead !== NONE && raft.electionElapsed < raft.config.electionTick
  );
}

function logLeaseRefusal(raft: Raft, message: Message): void {
  const remaining = raft.config.electionTick - raft.electionElapsed;
  raft.logger
    .info`${describeOwnLog(raft)} ignored ${messageTypeName(message.type)} from ${hex(message.from)} ${describeVoteRequest(raft, message)}: lease is not expired (remaining ticks: ${remaining})`;
}

/** Handles a message of a term that is over: mostly by ignoring it. */
function handleLowerTerm(raft: Raft, message: Message): void {
  const { type } = message;
  const { checkQuorum, preVote } = raft.config;
  if ((checkQuorum || preVote) && (type === MessageType.Heartbeat || type === MessageType.App)) {
    // This member may be stuck in a term that nobody else will ever enter, since
    // its vote requests are ignored. An answer with its term makes the old leader
    // step down, and frees both.
    raft.send(newMessage(MessageType.AppResp, message.from));
    return;
  }
  if (type === MessageType.PreVote) {
    refuseOldPreVote(raft, message);
    return;
  }
  if (type === MessageType.StorageAppendResp) {
    handleOldStorageAppendResponse(raft, message);
    return;
  }
  raft.logger
    .info`${hex(raft.id)} [term: ${raft.term}] ignored a ${messageTypeName(type)} message with lower term from ${hex(message.from)} [term: ${message.term}]`;
}

/** The pre-candidate is behind; unless it learns so, two members could wait for each other forever. */
function refuseOldPreVote(raft: Raft, message: Message): void {
  raft.logger
    .info`${describeOwnLog(raft)} rejected ${messageTypeName(message.type)} from ${hex(message.from)} ${describeVoteRequest(raft, message)}`;
  const response = newMessage(MessageType.PreVoteResp, message.from);
  response.term = raft.term;
  response.reject = true;
  raft.send(response);
}

/**
 * Entries written in an earlier term may have been replaced since, by a write that is
 * still in progress. A snapshot is committed state, so it stays valid.
 */
function handleOldStorageAppendResponse(raft: Raft, message: Message): void {
  if (message.index !== 0) {
    raft.logger
      .info`${hex(raft.id)} [term: ${raft.term}] ignored entry appends from a ${messageTypeName(message.type)} message with lower term [term: ${message.term}]`;
  }
  if (message.snapshot !== null) snapshotApplied(raft, message.snapshot);
}

function writesDone(raft: Raft, message: Message): void {
  if (message.index !== 0) raft.log.unstable.stableTo(message.index, message.logTerm);
  if (message.snapshot !== null) snapshotApplied(raft, message.snapshot);
}

function entriesApplied(raft: Raft, message: Message): void {
  const last = message.entries.at(-1);
  if (last === undefined) return;
  appliedTo(raft, last.index, raft.log.sizeToApply(message.entries));
  reduceUncommittedSize(raft, message.entries);
}

function snapshotApplied(raft: Raft, snapshot: Snapshot): void {
  const { index } = snapshot.metadata;
  raft.log.unstable.stableSnapshotTo(index);
  appliedTo(raft, index, 0);
}

/** Notes what has been applied, and leaves a joint configuration once that is possible. */
function appliedTo(raft: Raft, index: number, size: number): void {
  const applied = Math.max(index, raft.log.applied);
  raft.log.appliedTo(applied, size);
  if (!raft.tracker.config.autoLeave || !raft.isLeader || applied < raft.pendingConfIndex) return;
  proposeLeaveJoint(raft);
}

/**
 * An empty change leaves the joint configuration, and is never too large. It may be
 * dropped while leadership is being transferred; then the next applied entry tries
 * again, here or on the new leader.
 */
function proposeLeaveJoint(raft: Raft): void {
  const message = newMessage(MessageType.Prop, 0);
  message.entries = [{ term: 0, index: 0, type: EntryType.ConfChangeV2, data: NO_BYTES }];
  const { config } = raft.tracker;
  if (step(raft, message) === 'ok') {
    raft.logger.info`initiating automatic transition out of joint configuration ${config}`;
    return;
  }
  raft.logger
    .debug`not initiating automatic transition out of joint configuration ${config}: raft proposal dropped`;
}
