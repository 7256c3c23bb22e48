import { hex, messageTypeName } from './describe.ts';
import { assert } from './errors.ts';
import { newMessage, voteResponseType } from './messages.ts';
import { VoteResult } from './quorum/index.ts';
import type { Raft } from './raft.ts';
import { ReadOnlyQueue } from './read-only.ts';
import { appendEntries, broadcastAppend } from './replication.ts';
import type { Message } from './types.ts';
import { EntryType, MessageType, NO_BYTES, NONE, StateType } from './types.ts';

/**
 * Why an election is held: `pre-election` asks first whether it could be won
 * (thesis, section 9.6), `transfer` was ordered by the leader (section 3.10).
 */
export type CampaignType = 'pre-election' | 'election' | 'transfer';

/** The context of vote requests that no lease may hold up. */
const TRANSFER_CONTEXT: Uint8Array = new TextEncoder().encode('CampaignTransfer');

/** Starts following `lead` (or nobody yet) in `term`. */
export function becomeFollower(raft: Raft, term: number, lead: number): void {
  reset(raft, term);
  raft.lead = lead;
  raft.state = StateType.Follower;
  raft.logger.info`${hex(raft.id)} became follower at term ${raft.term}`;
}

function becomeCandidate(raft: Raft): void {
  if (raft.isLeader) throw raft.logger.fatal`invalid transition [leader -> candidate]`;
  reset(raft, raft.term + 1);
  raft.vote = raft.id;
  raft.state = StateType.Candidate;
  raft.logger.info`${hex(raft.id)} became candidate at term ${raft.term}`;
}

/** A pre-candidate only asks: its term and vote stay as they are. */
function becomePreCandidate(raft: Raft): void {
  if (raft.isLeader) throw raft.logger.fatal`invalid transition [leader -> pre-candidate]`;
  raft.tracker.resetVotes();
  raft.lead = NONE;
  raft.state = StateType.PreCandidate;
  raft.logger.info`${hex(raft.id)} became pre-candidate at term ${raft.term}`;
}

/** Takes the lead, and opens the term with an entry that makes commits possible (Raft paper, section 8). */
export function becomeLeader(raft: Raft): void {
  if (raft.state === StateType.Follower) {
    throw raft.logger.fatal`invalid transition [follower -> leader]`;
  }
  reset(raft, raft.term);
  raft.lead = raft.id;
  raft.state = StateType.Leader;
  const own = raft.tracker.get(raft.id);
  if (own === undefined) throw raft.logger.fatal`a leader must be a member`;
  own.becomeReplicate();
  own.recentActive = true;
  // There may be a configuration change in the log. It is enough to assume so
  // until everything is applied, and cheaper than to look for it.
  raft.pendingConfIndex = raft.log.lastIndex();
  const noop = { term: 0, index: 0, type: EntryType.Normal, data: NO_BYTES };
  if (!appendEntries(raft, [noop])) throw raft.logger.fatal`empty entry was dropped`;
  raft.logger.info`${hex(raft.id)} became leader at term ${raft.term}`;
}

/** Forgets what belonged to the previous term or role. */
function reset(raft: Raft, term: number): void {
  assert(Number.isSafeInteger(term), 'there is no further term: terms end at 2^53 - 1');
  if (raft.term !== term) {
    raft.term = term;
    raft.vote = NONE;
  }
  raft.lead = NONE;
  raft.electionElapsed = 0;
  raft.heartbeatElapsed = 0;
  raft.randomizedElectionTimeout = drawElectionTimeout(raft);
  raft.leadTransferee = NONE;
  raft.tracker.resetVotes();
  const last = raft.log.lastIndex();
  for (const member of raft.tracker.members) {
    const match = member.id === raft.id ? last : 0;
    member.restart(match, last + 1, raft.tracker.newInflights());
  }
  raft.pendingConfIndex = 0;
  raft.uncommittedSize = 0;
  raft.readOnly = new ReadOnlyQueue();
}

function drawElectionTimeout(raft: Raft): number {
  const { electionTick, randomElectionJitter } = raft.config;
  const jitter = randomElectionJitter(electionTick, raft.id, raft.term);
  if (!Number.isSafeInteger(jitter) || jitter < 0 || jitter >= electionTick) {
    throw raft.logger
      .misuse`randomElectionJitter must be an integer in [0, ${electionTick}), not ${jitter}`;
  }
  return electionTick + jitter;
}

/** Starts an election if this member may and should hold one. */
export function hup(raft: Raft, type: CampaignType): void {
  if (raft.isLeader) {
    raft.logger.debug`${hex(raft.id)} ignoring MsgHup because already leader`;
    return;
  }
  if (!raft.promotable) {
    raft.logger.warning`${hex(raft.id)} is unpromotable and can not campaign`;
    return;
  }
  if (hasUnappliedConfChanges(raft)) {
    raft.logger
      .warning`${hex(raft.id)} cannot campaign at term ${raft.term} since there are still pending configuration changes to apply`;
    return;
  }
  raft.logger.info`${hex(raft.id)} is starting a new election at term ${raft.term}`;
  campaign(raft, type);
}

/** Whether a committed membership change is not in force here yet; reads page by page. */
function hasUnappliedConfChanges(raft: Raft): boolean {
  let lo = raft.log.applied + 1;
  const hi = raft.log.committed + 1;
  // On a long log, reading it all at each election timeout would take more than the applying.
  const told = raft.log.changesMembership(lo, hi);
  if (told.changes) return true;
  lo = told.upTo;
  while (lo < hi) {
    const page = raft.log.slice(lo, hi, raft.log.pageSize);
    if (page === null || page.length === 0) {
      throw raft.logger.fatal`error scanning unapplied entries [${lo}, ${hi})`;
    }
    if (page.some((entry) => entry.type !== EntryType.Normal)) return true;
    lo += page.length;
  }
  return false;
}

/** Asks every voter for its (pre-)vote, including this member's own. */
export function campaign(raft: Raft, type: CampaignType): void {
  const preVote = type === 'pre-election';
  if (preVote) becomePreCandidate(raft);
  else becomeCandidate(raft);
  // A pre-vote is about the next term, which nobody has entered yet.
  const term = preVote ? raft.term + 1 : raft.term;
  const request = preVote ? MessageType.PreVote : MessageType.Vote;
  for (const id of raft.tracker.config.voters.ids) {
    if (id === raft.id) {
      // The own vote counts once it is durable, like everyone else's.
      const vote = newMessage(voteResponseType(request), id);
      vote.term = term;
      raft.send(vote);
      continue;
    }
    requestVote(raft, id, request, term, type === 'transfer' ? TRANSFER_CONTEXT : NO_BYTES);
  }
}

function requestVote(
  raft: Raft,
  to: number,
  type: MessageType,
  term: number,
  context: Uint8Array,
): void {
  const message = newMessage(type, to);
  message.term = term;
  message.index = raft.log.lastIndex();
  message.logTerm = raft.log.lastTerm();
  message.context = context;
  raft.logger
    .info`${hex(raft.id)} [logterm: ${message.logTerm}, index: ${message.index}] sent ${messageTypeName(type)} request to ${hex(to)} at term ${raft.term}`;
  raft.send(message);
}

/** Whether a vote request has to be heard even while a leader is known to live. */
export function isTransferVote(message: Message): boolean {
  const context = message.context;
  return (
    context.length === TRANSFER_CONTEXT.length &&
    context.every((byte, i) => byte === TRANSFER_CONTEXT[i])
  );
}

/** `[logterm: .., index: .., vote: ..]`, as log lines about votes begin. */
export function describeOwnLog(raft: Raft): string {
  return (
    `${hex(raft.id)} [logterm: ${raft.log.lastTerm()}, index: ${raft.log.lastIndex()}, ` +
    `vote: ${hex(raft.vote)}]`
  );
}

/** `[logterm: .., index: ..] at term ..`, as they end: the candidate's log, and the own term. */
export function describeVoteRequest(raft: Raft, message: Message): string {
  return `[logterm: ${message.logTerm}, index: ${message.index}] at term ${raft.term}`;
}

/**
 * Grants or refuses a (pre-)vote (Raft paper, sections 5.2 and 5.4.1). A learner
 * votes too: it may have been promoted by a change that it has not seen yet, and the
 * candidate, who asks for its vote, knows better.
 */
export function handleVoteRequest(raft: Raft, message: Message): void {
  const canVote =
    raft.vote === message.from ||
    (raft.vote === NONE && raft.lead === NONE) ||
    (message.type === MessageType.PreVote && message.term > raft.term);
  const granted = canVote && raft.log.isUpToDate(message.index, message.logTerm);
  logVerdict(raft, message, granted);

  const response = newMessage(voteResponseType(message.type), message.from);
  response.reject = !granted;
  // A grant names the term that was asked about, which for a pre-vote is not ours;
  // a refusal names ours, so that a candidate who is behind learns it.
  response.term = granted ? message.term : raft.term;
  raft.send(response);
  if (granted && message.type === MessageType.Vote) {
    raft.electionElapsed = 0;
    raft.vote = message.from;
  }
}

function logVerdict(raft: Raft, message: Message, granted: boolean): void {
  const name = messageTypeName(message.type);
  const verdict = granted ? `cast ${name} for` : `rejected ${name} from`;
  raft.logger
    .info`${describeOwnLog(raft)} ${verdict} ${hex(message.from)} ${describeVoteRequest(raft, message)}`;
}

/** Counts the answer to a (pre-)vote request, and acts once the outcome is certain. */
export function handleVoteResponse(raft: Raft, message: Message): void {
  const name = messageTypeName(message.type);
  const verdict = message.reject ? `${name} rejection` : name;
  raft.logger
    .info`${hex(raft.id)} received ${verdict} from ${hex(message.from)} at term ${raft.term}`;
  raft.tracker.recordVote(message.from, !message.reject);
  const { granted, rejected, result } = raft.tracker.tallyVotes();
  raft.logger
    .info`${hex(raft.id)} has received ${granted} ${name} votes and ${rejected} vote rejections`;
  if (result === VoteResult.Lost) becomeFollower(raft, raft.term, NONE);
  if (result !== VoteResult.Won) return;
  if (raft.state === StateType.PreCandidate) {
    campaign(raft, 'election');
    return;
  }
  becomeLeader(raft);
  broadcastAppend(raft);
}
