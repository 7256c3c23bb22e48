import { hex } from './describe.ts';
import { assert } from './errors.ts';
import { NO_MATCH, payloadsSize, UNKNOWN_TERM } from './log/index.ts';
import { newMessage } from './messages.ts';
import type { Raft } from './raft.ts';
import { StorageError } from './storage.ts';
import type { Progress } from './tracker/index.ts';
import { ProgressState } from './tracker/index.ts';
import type { Entry, Message, Snapshot } from './types.ts';
import { MessageType, NO_LIMIT } from './types.ts';

const NO_ENTRIES: readonly Entry[] = [];

/**
 * Sends a follower the entries it lacks (AppendEntries, Raft paper section 5.3), a
 * snapshot when they are compacted, or nothing while it is paused. Without entries
 * to send, a message that only carries the commit index goes out if `sendIfEmpty`.
 * Returns whether a message was sent.
 */
export function maybeSendAppend(raft: Raft, to: Progress, sendIfEmpty: boolean): boolean {
  if (to.paused) return false;
  const previousIndex = to.next - 1;
  const previousTerm = raft.log.term(previousIndex);
  if (previousTerm === UNKNOWN_TERM) return maybeSendSnapshot(raft, to);

  const entries = entriesFor(raft, to);
  if (entries !== null && entries.length === 0 && !sendIfEmpty) return false;
  if (entries === null) return maybeSendSnapshot(raft, to);

  const message = newMessage(MessageType.App, to.id);
  message.index = previousIndex;
  message.logTerm = previousTerm;
  message.entries = entries;
  message.commit = raft.log.committed;
  raft.send(message);
  to.sentEntries(entries.length, payloadsSize(entries));
  to.sentCommit(raft.log.committed);
  return true;
}

/**
 * With a full window only empty messages go out. If everything in the window was
 * lost, their answers are what gets replication going again.
 */
function entriesFor(raft: Raft, to: Progress): readonly Entry[] | null {
  if (to.state === ProgressState.Replicate && to.inflights.full) return NO_ENTRIES;
  return raft.log.entriesFrom(to.next, raft.config.maxSizePerMsg);
}

function maybeSendSnapshot(raft: Raft, to: Progress): boolean {
  if (!to.recentActive) {
    raft.logger.debug`ignore sending snapshot to ${hex(to.id)} since it is not recently active`;
    return false;
  }
  const snapshot = readSnapshot(raft, to);
  if (snapshot === null) return false;
  const { index, term } = snapshot.metadata;
  if (index === 0) throw raft.logger.storageFault`snapshot is empty`;
  const first = raft.log.firstIndex();
  // Put so that an index which is not a number is refused, too.
  if (!(index >= first - 1 && index <= raft.log.committed)) {
    throw raft.logger
      .storageFault`snapshot ends at ${index}, the log begins at ${first}, committed is ${raft.log.committed}`;
  }
  raft.logger
    .debug`${hex(raft.id)} [firstindex: ${raft.log.firstIndex()}, commit: ${raft.log.committed}] sent snapshot[index: ${index}, term: ${term}] to ${hex(to.id)} [${to}]`;
  to.becomeSnapshot(index);
  raft.logger.debug`${hex(raft.id)} paused sending replication messages to ${hex(to.id)} [${to}]`;
  const message = newMessage(MessageType.Snap, to.id);
  message.snapshot = snapshot;
  raft.send(message);
  return true;
}

function readSnapshot(raft: Raft, to: Progress): Snapshot | null {
  try {
    return raft.log.snapshot();
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'SNAPSHOT_TEMPORARILY_UNAVAILABLE') {
      throw error;
    }
    raft.logger
      .debug`${hex(raft.id)} failed to send snapshot to ${hex(to.id)} because snapshot is temporarily unavailable`;
    return null;
  }
}

/** Sends every other member what it lacks. */
export function broadcastAppend(raft: Raft): void {
  const members = raft.tracker.members;
  for (const member of members) {
    if (member.id !== raft.id) maybeSendAppend(raft, member, true);
  }
}

/** Sends every other member a heartbeat, which also confirms waiting reads. */
export function broadcastHeartbeat(raft: Raft): void {
  const context = raft.readOnly.heartbeatContext();
  for (const member of raft.tracker.members) {
    if (member.id !== raft.id) sendHeartbeat(raft, member, context);
  }
}

/**
 * A heartbeat names no log position, so it must not tell a follower to commit more
 * than what is known to match.
 */
function sendHeartbeat(raft: Raft, to: Progress, context: Uint8Array): void {
  const message = newMessage(MessageType.Heartbeat, to.id);
  message.commit = Math.min(to.match, raft.log.committed);
  message.context = context;
  raft.send(message);
  to.sentCommit(message.commit);
}

/**
 * Appends proposals to the leader's log. Returns false, and appends nothing, when
 * the uncommitted tail of the log would get too large.
 */
export function appendEntries(raft: Raft, proposals: readonly Entry[]): boolean {
  if (!increaseUncommittedSize(raft, proposals)) {
    raft.logger
      .warning`${hex(raft.id)} appending new entries to log would exceed uncommitted entry size limit; dropping proposal`;
    return false;
  }
  const { term } = raft;
  const first = raft.log.lastIndex() + 1;
  assert(
    Number.isSafeInteger(first + proposals.length),
    'the log is full: indexes end at 2^53 - 1',
  );
  const entries = proposals.map(({ type, data }, i) => ({ term, index: first + i, type, data }));
  // The leader acknowledges its own entries like any other member: once they are durable.
  const ack = newMessage(MessageType.AppResp, raft.id);
  ack.index = raft.log.append(entries);
  raft.send(ack);
  return true;
}

/**
 * An empty payload always passes, because it takes the no-op of a new term and the
 * leaving of a joint configuration to get on at all. So does a first proposal,
 * however large.
 */
function increaseUncommittedSize(raft: Raft, entries: readonly Entry[]): boolean {
  if (raft.config.maxUncommittedEntriesSize === NO_LIMIT) return true;
  const size = payloadsSize(entries);
  const total = raft.uncommittedSize + size;
  const limit = raft.config.maxUncommittedEntriesSize;
  if (raft.uncommittedSize > 0 && size > 0 && total > limit) return false;
  raft.uncommittedSize = total;
  return true;
}

/** Frees the quota of entries that are committed and applied. */
export function reduceUncommittedSize(raft: Raft, entries: readonly Entry[]): void {
  if (raft.uncommittedSize === 0) return;
  // A new leader does not count the entries it inherits, so its sum may be too small.
  raft.uncommittedSize = Math.max(0, raft.uncommittedSize - payloadsSize(entries));
}

/** Advances the leader's commit index as far as a quorum allows; returns whether it moved. */
export function maybeCommit(raft: Raft): boolean {
  return raft.log.maybeCommit(raft.tracker.committed(), raft.term);
}

/** Handles AppendEntries on a follower. */
export function handleAppendEntries(raft: Raft, message: Message): void {
  const response = newMessage(MessageType.AppResp, message.from);
  if (message.index < raft.log.committed) {
    response.index = raft.log.committed;
    raft.send(response);
    return;
  }
  const lastNew = raft.log.maybeAppend(
    message.index,
    message.logTerm,
    message.entries,
    message.commit,
  );
  if (lastNew === NO_MATCH) rejectAppend(raft, message, response);
  else response.index = lastNew;
  raft.send(response);
}

/**
 * Refuses entries that do not connect, with a hint: the largest position at which
 * the logs may still match, given that the leader's terms before `message.index`
 * are at most `message.logTerm`.
 */
function rejectAppend(raft: Raft, message: Message, response: Message): void {
  const ours = Math.max(0, raft.log.term(message.index));
  raft.logger
    .debug`${hex(raft.id)} [logterm: ${ours}, index: ${message.index}] rejected MsgApp [logterm: ${message.logTerm}, index: ${message.index}] from ${hex(message.from)}`;
  const end = Math.min(message.index, raft.log.lastIndex());
  const hint = raft.log.findConflictByTerm(end, message.logTerm);
  response.index = message.index;
  response.reject = true;
  response.rejectHint = hint;
  response.logTerm = hint === 0 ? 0 : Math.max(0, raft.log.term(hint));
}

/** Handles a leader's heartbeat on a follower. */
export function handleHeartbeat(raft: Raft, message: Message): void {
  raft.log.commitTo(message.commit);
  const response = newMessage(MessageType.HeartbeatResp, message.from);
  response.context = message.context;
  raft.send(response);
}
