import { ReadOnlyOption } from './config.ts';
import { newMessage } from './messages.ts';
import type { Raft } from './raft.ts';
import { broadcastHeartbeat } from './replication.ts';
import type { Message } from './types.ts';
import { MessageType, NO_BYTES, NONE } from './types.ts';

/** Handles a ReadIndex request on the leader (Raft thesis, section 6.4). */
export function handleReadIndex(raft: Raft, message: Message): void {
  // Before the first commit of its term a leader does not know how far its
  // predecessors have committed. That holds for a single voter too: its own commit
  // index may not have been durable before a restart.
  if (!committedEntryInCurrentTerm(raft)) {
    raft.pendingReadIndexMessages.push(message);
    return;
  }
  startRead(raft, message);
}

/** Handles the answer to a heartbeat that may have carried read confirmations. */
export function handleReadAck(raft: Raft, message: Message): void {
  if (raft.config.readOnlyOption !== ReadOnlyOption.Safe || message.context.length === 0) return;
  raft.readOnly.receiveAck(message.from, message.context);
  for (const read of raft.readOnly.takeConfirmed(raft.tracker.config.voters)) {
    answerReadIndex(raft, read.message, read.index);
  }
}

/** Starts the reads that waited for the first commit of the term. */
export function releasePendingReads(raft: Raft): void {
  if (raft.pendingReadIndexMessages.length === 0) return;
  if (!committedEntryInCurrentTerm(raft)) {
    raft.logger
      .error`pending MsgReadIndex should be released only after first commit in current term`;
    return;
  }
  const messages = raft.pendingReadIndexMessages;
  raft.pendingReadIndexMessages = [];
  for (const message of messages) startRead(raft, message);
}

/** Takes a read index that the leader has found, on the member that asked for it. */
export function handleReadIndexResponse(raft: Raft, message: Message): void {
  const request = message.entries[0];
  if (request === undefined || message.entries.length !== 1) {
    raft.logger
      .error`${raft.id.toString(16)} invalid format of MsgReadIndexResp from ${message.from.toString(16)}, entries count: ${message.entries.length}`;
    return;
  }
  raft.readStates.push({ index: message.index, requestCtx: request.data });
}

function startRead(raft: Raft, message: Message): void {
  if (decidesAlone(raft) || raft.config.readOnlyOption === ReadOnlyOption.LeaseBased) {
    answerReadIndex(raft, message, raft.log.committed);
    return;
  }
  raft.readOnly.add(raft.log.committed, message);
  raft.readOnly.receiveAck(raft.id, raft.readOnly.heartbeatContext());
  broadcastHeartbeat(raft);
}

/** Whoever decides alone needs no one to confirm that it still leads; a removed leader does. */
function decidesAlone({ id, tracker }: Raft): boolean {
  return tracker.singleton && tracker.config.voters.has(id);
}

function answerReadIndex(raft: Raft, request: Message, index: number): void {
  if (request.from === NONE || request.from === raft.id) {
    raft.readStates.push({ index, requestCtx: request.entries[0]?.data ?? NO_BYTES });
    return;
  }
  const response = newMessage(MessageType.ReadIndexResp, request.from);
  response.index = index;
  response.entries = request.entries;
  raft.send(response);
}

function committedEntryInCurrentTerm(raft: Raft): boolean {
  return raft.log.term(raft.log.committed) === raft.term;
}
