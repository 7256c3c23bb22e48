import type { Entry, Message } from './types.ts';
import { LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, MessageType, NO_BYTES } from './types.ts';

const NO_ENTRIES: readonly Entry[] = [];
const NO_MESSAGES: readonly Message[] = [];

/**
 * A message with every other field at its zero value. The one place where
 * messages are made, so that all of them have the same hidden class.
 */
export function newMessage(type: MessageType, to: number): Message {
  return {
    type,
    to,
    from: 0,
    term: 0,
    logTerm: 0,
    index: 0,
    entries: NO_ENTRIES,
    commit: 0,
    vote: 0,
    snapshot: null,
    reject: false,
    rejectHint: 0,
    context: NO_BYTES,
    responses: NO_MESSAGES,
  };
}

const LOCAL_TYPES = typeSet([
  MessageType.Hup,
  MessageType.Beat,
  MessageType.Unreachable,
  MessageType.SnapStatus,
  MessageType.CheckQuorum,
  MessageType.StorageAppend,
  MessageType.StorageAppendResp,
  MessageType.StorageApply,
  MessageType.StorageApplyResp,
]);

const RESPONSE_TYPES = typeSet([
  MessageType.AppResp,
  MessageType.VoteResp,
  MessageType.HeartbeatResp,
  MessageType.Unreachable,
  MessageType.ReadIndexResp,
  MessageType.PreVoteResp,
  MessageType.StorageAppendResp,
  MessageType.StorageApplyResp,
]);

/** Answers that say "I persisted this": they may leave only once it is durable. */
const AFTER_APPEND_TYPES = typeSet([
  MessageType.AppResp,
  MessageType.VoteResp,
  MessageType.PreVoteResp,
]);

const VOTE_TYPES = typeSet([
  MessageType.Vote,
  MessageType.VoteResp,
  MessageType.PreVote,
  MessageType.PreVoteResp,
]);

/**
 * What is said in a term, which is never 0. A snapshot may be sent before the first
 * election, by an application that brings a member up to date itself; and acknowledged.
 */
const TERM_TYPES = typeSet([
  MessageType.App,
  MessageType.Heartbeat,
  MessageType.HeartbeatResp,
  MessageType.Vote,
  MessageType.VoteResp,
  MessageType.PreVote,
  MessageType.PreVoteResp,
  MessageType.TimeoutNow,
  MessageType.ReadIndexResp,
]);

/** Whether a message of this type has to name a term. */
export function isBoundToTerm(type: MessageType): boolean {
  return ((TERM_TYPES >> type) & 1) === 1;
}

/** Whether a message of this type never travels over the network. */
export function isLocalMessage(type: MessageType): boolean {
  return ((LOCAL_TYPES >> type) & 1) === 1;
}

/** Whether a message of this type answers another one. */
export function isResponseMessage(type: MessageType): boolean {
  return ((RESPONSE_TYPES >> type) & 1) === 1;
}

/** Whether a message of this type has to wait for what it acknowledges to be durable. */
export function waitsForAppend(type: MessageType): boolean {
  return ((AFTER_APPEND_TYPES >> type) & 1) === 1;
}

/** Whether a message of this type asks for a (pre-)vote, or answers such a request. */
export function isVoteMessage(type: MessageType): boolean {
  return ((VOTE_TYPES >> type) & 1) === 1;
}

/** Whether `id` names one of the local storage threads. */
export function isLocalTarget(id: number): boolean {
  return id === LOCAL_APPEND_THREAD || id === LOCAL_APPLY_THREAD;
}

/** The answer to a vote request of the given type. */
export function voteResponseType(type: MessageType): MessageType {
  return type === MessageType.Vote ? MessageType.VoteResp : MessageType.PreVoteResp;
}

/**
 * Adds to a list that mostly stays at one message. An array literal has room for just
 * that, whereas an empty array that is pushed to makes room for seventeen.
 */
export function withMessage(messages: Message[], message: Message): Message[] {
  if (messages.length === 0) return [message];
  messages.push(message);
  return messages;
}

function typeSet(types: readonly MessageType[]): number {
  return types.reduce<number>((set, type) => set | (1 << type), 0);
}
