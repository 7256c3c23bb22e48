import { MessageError } from './errors.ts';
import { isBoundToTerm, isLocalTarget, isResponseMessage } from './messages.ts';
import type { ConfState, Message } from './types.ts';
import { EntryType, MessageType, NONE } from './types.ts';

/**
 * Refuses what no correct peer could have sent, before it can do any harm.
 * Runs for every message, so it is written to cost next to nothing.
 *
 * @throws {MessageError} naming the field and its value.
 */
export function checkMessage(message: Message, self: number): void {
  checkCount('type', message.type);
  if (message.type > MessageType.ForgetLeader) refuse('type', message.type);
  if (message.to !== self && message.to !== NONE) refuse('to', message.to);
  checkSender(message, self);
  checkCount('term', message.term);
  if (message.term === 0 ? isBoundToTerm(message.type) : holdsRequest(message.type)) {
    refuse('term', message.term);
  }
  checkCount('logTerm', message.logTerm);
  checkCount('index', message.index);
  checkCount('commit', message.commit);
  checkCount('vote', message.vote);
  checkCount('rejectHint', message.rejectHint);
  if (message.entries.length > 0) checkEntries(message);
  else if (holdsRequest(message.type)) refuse('entries.length', 0);
  if (message.snapshot !== null) {
    checkCount('snapshot.index', message.snapshot.metadata.index);
    checkCount('snapshot.term', message.snapshot.metadata.term);
    checkConfState(message.snapshot.metadata.confState);
  }
}

function checkSender({ from, type }: Message, self: number): void {
  if (isLocalTarget(from)) return;
  checkCount('from', from);
  if (from === NONE && isBoundToTerm(type)) refuse('from', from);
  if (from === self && isSaidToOthers(type)) refuse('from', from);
}

/** What a leader or candidate says to the others; whoever hears it from its own id has a double. */
function isSaidToOthers(type: MessageType): boolean {
  return isBoundToTerm(type) && !isResponseMessage(type) && type !== MessageType.TimeoutNow;
}

/** Proposals and requests for a read index are in the entries, and not bound to a term. */
function holdsRequest(type: MessageType): boolean {
  return type === MessageType.Prop || type === MessageType.ReadIndex;
}

/** What a leader appends continues the entry before it, with terms that never fall. */
function checkEntries(message: Message): void {
  const isAppend = message.type === MessageType.App;
  let index = message.index;
  let term = message.logTerm;
  for (const entry of message.entries) {
    checkCount('entry.index', entry.index);
    checkCount('entry.term', entry.term);
    if (entry.type > EntryType.ConfChangeV2) refuse('entry.type', entry.type);
    if (!isAppend) continue;
    index++;
    if (entry.index !== index) refuse('entry.index', entry.index);
    if (entry.term < term || entry.term > message.term) refuse('entry.term', entry.term);
    term = entry.term;
  }
}

function checkConfState(state: ConfState): void {
  const { voters, votersOutgoing, learners, learnersNext } = state;
  for (const ids of [voters, votersOutgoing, learners, learnersNext]) {
    for (const id of ids) checkMemberId('snapshot.confState', id);
  }
}

/** @throws {MessageError} unless `id` is a safe integer from 1. */
export function checkMemberId(field: string, id: number): void {
  checkCount(field, id);
  if (id === NONE) refuse(field, id);
}

function checkCount(field: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) refuse(field, value);
}

function refuse(field: string, value: number): never {
  throw new MessageError(`message field ${field} has the impossible value ${String(value)}`);
}
