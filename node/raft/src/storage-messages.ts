import { newMessage } from './messages.ts';
import type { Raft } from './raft.ts';
import type { Ready } from './ready.ts';
import type { Entry, Message } from './types.ts';
import { LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, MessageType } from './types.ts';

/** Whether there is anything to persist, or anything that waits for what is being persisted. */
export function needsStorageAppend(raft: Raft, ready: Ready): boolean {
  return (
    ready.entries.length > 0 ||
    ready.hardState !== null ||
    ready.snapshot !== null ||
    raft.messagesAfterAppend.length > 0
  );
}

/** Whether the core wants to hear that the writes so far are durable. */
export function needsStorageAppendResponse(raft: Raft, ready: Ready): boolean {
  return raft.log.unstable.length > 0 || ready.snapshot !== null;
}

/**
 * The storage work of a Ready as a message. `term`, `vote` and `commit` are set
 * together, when the hard state changed, or not at all.
 *
 * The responses begin with what waited for durability, a leader's acknowledgement of
 * its own entries among it: it is handled while the terms of those entries are still
 * at hand in the unstable log, which the last response then releases.
 */
export function storageAppend(raft: Raft, ready: Ready): Message {
  const message = newMessage(MessageType.StorageAppend, LOCAL_APPEND_THREAD);
  message.from = raft.id;
  message.entries = ready.entries;
  message.snapshot = ready.snapshot;
  if (ready.hardState !== null) {
    message.term = ready.hardState.term;
    message.vote = ready.hardState.vote;
    message.commit = ready.hardState.commit;
  }
  const responses = raft.messagesAfterAppend;
  if (needsStorageAppendResponse(raft, ready)) responses.push(storageAppendResponse(raft, ready));
  message.responses = responses;
  return message;
}

/**
 * Says that everything handed out up to now is durable.
 *
 * It carries the current term, and is ignored in any other: a later term may have
 * replaced entries by a write that is still in progress, and then even an entry that
 * looks the same (A, replaced by B, replaced by A again) is not safe in the Storage.
 * Since a response may be ignored, each one names the end of the whole log and not
 * only what this Ready added; every change of term brings a new one, so at last
 * one is heard and the unstable log does not grow for ever.
 */
export function storageAppendResponse(raft: Raft, ready: Ready): Message {
  const message = newMessage(MessageType.StorageAppendResp, raft.id);
  message.from = LOCAL_APPEND_THREAD;
  message.term = raft.term;
  if (raft.log.unstable.length > 0) {
    message.index = raft.log.lastIndex();
    message.logTerm = raft.log.lastTerm();
  }
  message.snapshot = ready.snapshot;
  return message;
}

/** Committed entries as a message to the apply thread; they belong to no particular term. */
export function storageApply(raft: Raft, entries: readonly Entry[]): Message {
  const message = newMessage(MessageType.StorageApply, LOCAL_APPLY_THREAD);
  message.from = raft.id;
  message.entries = entries;
  message.responses = [storageApplyResponse(raft, entries)];
  return message;
}

/** Says that `entries`, and all before them, are applied. */
export function storageApplyResponse(raft: Raft, entries: readonly Entry[]): Message {
  const message = newMessage(MessageType.StorageApplyResp, raft.id);
  message.from = LOCAL_APPLY_THREAD;
  message.entries = entries;
  return message;
}
