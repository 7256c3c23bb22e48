import type { TrackedConfiguration } from './confchange/index.ts';
import {
  Changer,
  confChangePath,
  restoreConfiguration,
  sameConfState,
} from './confchange/index.ts';
import { confStateFields, describeConfState, hex } from './describe.ts';
import { becomeFollower } from './election.ts';
import { ConfChangeError } from './errors.ts';
import { newMessage } from './messages.ts';
import type { Raft } from './raft.ts';
import { broadcastAppend, maybeCommit, maybeSendAppend } from './replication.ts';
import { ProgressTracker } from './tracker/index.ts';
import type { ConfChangeV2, ConfState, Message, Snapshot } from './types.ts';
import { MessageType, NONE, StateType } from './types.ts';

/**
 * Puts a membership change into force. Unlike in the Raft thesis (section 4.1) that
 * happens when it is applied, not when it is appended; one change at a time keeps
 * this safe.
 */
export function applyConfChange(raft: Raft, change: ConfChangeV2): ConfState {
  const changer = new Changer(raft.tracker, raft.log.lastIndex());
  return switchToConfiguration(raft, computeChange(changer, change));
}

function computeChange(changer: Changer, change: ConfChangeV2): TrackedConfiguration {
  switch (confChangePath(change)) {
    case 'simple':
      return changer.simple(change.changes);
    case 'enter-joint':
      return changer.enterJoint(false, change.changes);
    case 'enter-joint-auto-leave':
      return changer.enterJoint(true, change.changes);
    case 'leave-joint':
      return changer.leaveJoint();
  }
}

/**
 * Restores the membership that a Storage names, and nothing else.
 *
 * @throws {ConfChangeError} when the ConfState contradicts itself.
 */
export function restoreMembership(raft: Raft, confState: ConfState): void {
  switchToConfiguration(raft, membershipOf(raft, raft.log.lastIndex(), confState));
}

function membershipOf(raft: Raft, lastIndex: number, confState: ConfState): TrackedConfiguration {
  const restored = restoreConfiguration(raft.tracker, lastIndex, confState);
  const result = restored.config.toConfState();
  if (sameConfState(confState, result)) return restored;
  throw new ConfChangeError(
    `ConfStates not equivalent: [${describeConfState(confState)}] and [${describeConfState(result)}]`,
  );
}

function switchToConfiguration(raft: Raft, next: TrackedConfiguration): ConfState {
  raft.tracker.install(next.config, next.progress);
  raft.logger.info`${hex(raft.id)} switched to configuration ${next.config}`;
  const confState = raft.tracker.confState();
  if (!raft.isLeader) return confState;
  const own = raft.tracker.get(raft.id);
  if (own === undefined || own.isLearner) {
    // A leader that is no voter any more does not count itself, but can still
    // lead until the change is committed (Raft thesis, section 4.2.2).
    if (raft.config.stepDownOnRemoval) becomeFollower(raft, raft.term, NONE);
    return confState;
  }
  if (confState.voters.length > 0) informMembers(raft);
  return confState;
}

/** A different quorum may commit more; new members hear from the leader at once. */
function informMembers(raft: Raft): void {
  if (maybeCommit(raft)) {
    broadcastAppend(raft);
  } else {
    for (const member of raft.tracker.members) {
      if (member.id !== raft.id) maybeSendAppend(raft, member, false);
    }
  }
  const transferee = raft.leadTransferee;
  if (transferee !== NONE && !raft.tracker.config.voters.has(transferee)) {
    raft.leadTransferee = NONE;
  }
}

/** Handles InstallSnapshot (Raft paper, section 7). */
export function handleSnapshot(raft: Raft, message: Message): void {
  const response = newMessage(MessageType.AppResp, message.from);
  const snapshot = message.snapshot;
  const installed = snapshot !== null && restore(raft, snapshot);
  const { index, term } = snapshot?.metadata ?? { index: 0, term: 0 };
  raft.logger
    .info`${hex(raft.id)} [commit: ${raft.log.committed}] ${installed ? 'restored' : 'ignored'} snapshot [index: ${index}, term: ${term}]`;
  response.index = installed ? raft.log.lastIndex() : raft.log.committed;
  raft.send(response);
}

/** Replaces log and membership by a snapshot; false when there is no need to, or no right. */
function restore(raft: Raft, snapshot: Snapshot): boolean {
  const { index, term, confState } = snapshot.metadata;
  if (index <= raft.log.committed) return false;
  if (raft.state !== StateType.Follower) {
    raft.logger
      .warning`${hex(raft.id)} attempted to restore snapshot as leader; should never happen`;
    becomeFollower(raft, raft.term + 1, NONE);
    return false;
  }
  if (!isMember(raft.id, confState)) {
    raft.logger
      .warning`${hex(raft.id)} attempted to restore snapshot but it is not in the ConfState ${confStateFields(confState)}; should never happen`;
    return false;
  }
  if (raft.log.matchTerm(index, term)) {
    fastForward(raft, index, term);
    return false;
  }
  // A ConfState that contradicts itself is found out before anything is replaced.
  const membership = membershipOf(raft, index, confState);
  raft.log.restore(snapshot);
  raft.tracker = new ProgressTracker(raft.config.maxInflightMsgs, raft.config.maxInflightBytes);
  switchToConfiguration(raft, membership);
  raft.logger.info`${describeLogEnd(raft)} restored snapshot [index: ${index}, term: ${term}]`;
  return true;
}

/** The log holds everything the snapshot does; it only was not known to be committed. */
function fastForward(raft: Raft, index: number, term: number): void {
  raft.logger
    .info`${describeLogEnd(raft)} fast-forwarded commit to snapshot [index: ${index}, term: ${term}]`;
  raft.log.commitTo(index);
}

function describeLogEnd(raft: Raft): string {
  return (
    `${hex(raft.id)} [commit: ${raft.log.committed}, lastindex: ${raft.log.lastIndex()}, ` +
    `lastterm: ${raft.log.lastTerm()}]`
  );
}

/** Those in `learnersNext` are outgoing voters too. */
function isMember(id: number, confState: ConfState): boolean {
  return (
    confState.voters.includes(id) ||
    confState.learners.includes(id) ||
    confState.votersOutgoing.includes(id)
  );
}
