/** Test support: members in the middle of something, and the messages that they get. */
import type { Entry, Message } from '../index.ts';
import { MessageType, NO_LIMIT, NONE } from '../index.ts';
import type { Cluster, Options } from './cluster.ts';
import { confStateOf, foundedStorage, Member, makeEntry, makeMessage } from './cluster.ts';

/** What a member remembers, besides its log. */
export interface Memory {
  readonly term?: number;
  readonly vote?: number;
  readonly commit?: number;
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
}

/** Member 1 (of 1, 2, 3), whose log has the given terms from index 2 on; entry 1 is of term 1. */
export function memberWithLog(
  terms: readonly number[],
  memory: Memory = {},
  options: Options = {},
): Member {
  const { voters = [1, 2, 3], learners = [] } = memory;
  const storage = foundedStorage(confStateOf(voters, learners));
  storage.append(terms.map((term, i) => makeEntry(term, i + 2, `${term}.${i + 2}`)));
  const term = memory.term ?? Math.max(1, ...terms);
  storage.setHardState({ term, vote: memory.vote ?? NONE, commit: memory.commit ?? 1 });
  return new Member(1, storage, options);
}

/** A message to member 1, from 2 if nothing else is said. */
export function to1(type: MessageType, fields: Partial<Message> = {}): Message {
  return makeMessage({ from: 2, to: 1, ...fields, type });
}

/** AppendEntries of the leader 2 with entries of the given terms after `index`. */
export function append(
  term: number,
  [index, logTerm]: readonly [number, number],
  terms: readonly number[],
  commit = 0,
): Message {
  const entries = terms.map((entryTerm, i) => makeEntry(entryTerm, index + 1 + i, `new${i}`));
  return to1(MessageType.App, { term, index, logTerm, entries, commit });
}

/** Campaigns, and wins by the votes of all others. */
export function winElection(member: Member, voters: readonly number[] = [2, 3]): Message[] {
  member.raft.campaign();
  const sent = member.work();
  for (const from of voters) {
    member.raft.step(to1(MessageType.VoteResp, { from, term: member.term }));
    sent.push(...member.work());
  }
  return sent;
}

/** The terms of a member's log as it is persisted, without the entry of the foundation. */
export function termsOf(member: Member): number[] {
  const { storage } = member;
  const first = storage.firstIndex();
  const last = storage.lastIndex();
  if (last < first) return [];
  return storage.entries(first, last + 1, NO_LIMIT).map((entry: Entry) => entry.term);
}

export function typesOf(messages: readonly Message[]): MessageType[] {
  return messages.map((message) => message.type);
}

/** Who leads in whose opinion. */
export function leadersOf(cluster: Cluster): number[] {
  return [...cluster.members.values()].map((member) => member.lead);
}
