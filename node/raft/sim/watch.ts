import type { BasicStatus, ConfState, Entry, Message, RawNode, Ready } from '../src/index.ts';
import { EntryType, MessageType, NONE, ReadOnlyOption, StateType } from '../src/index.ts';
import type { Disk } from './disk.ts';
import { FlowWatch } from './flow-watch.ts';
import type { Ledger } from './ledger.ts';
import { confAfter } from './ledger.ts';
import type { Known, LogView } from './log-view.ts';
import { describeConf, isJoint, isQuorum, isVoter, membersOf } from './membership-model.ts';
import type { MemberPlan, Plan } from './plan.ts';
import type { Trace } from './trace.ts';
import { demand } from './violation.ts';

/** What the checks of one member may know about the others and about the run. */
export interface Surroundings {
  readonly plan: Plan;
  readonly ledger: Ledger;
  readonly trace: Trace;
  /** The number of the event that is happening. */
  readonly event: number;
  disk(id: number): Disk | undefined;
  /** The checks of another member, if it is running. */
  watch(id: number): Watch | undefined;
}

/** How a life begins: what the core was given. */
export interface Beginning {
  readonly mirror: LogView;
  readonly conf: ConfState;
  readonly applied: number;
}

const { Leader, Candidate, PreCandidate, Follower } = StateType;

/**
 * Watches one member from its start to its crash: every step of its RawNode, and
 * everything its Readys hand out, is compared with the rules of the protocol.
 */
export class Watch {
  readonly id: number;
  readonly node: RawNode;
  readonly memberPlan: MemberPlan;
  readonly flow: FlowWatch;
  /** The member's log as its Readys have told it. */
  readonly mirror: LogView;
  status: BasicStatus;
  /** The configuration that the core has to be in. */
  conf: ConfState;
  /** The index of the newest snapshot that the core took from a leader. */
  restoredIndex = 0;
  readonly #around: Surroundings;
  readonly #disk: Disk;
  #handedOut: number;
  #checkedCommit: number;
  #stepsSinceReady = 0;
  /** The term of an election that was won, until the winner's log has been looked at. */
  #electedTerm = 0;
  #ticks = 0;
  #ticksSinceLeader = 0;
  #transferTicks = 0;
  readonly #preVotes = new Set<number>();
  /** When the newest heartbeat answer of each member was made, by number of the event. */
  readonly #confirmed = new Map<number, number>();
  /** When a leader last heard from each member, in its own ticks. */
  readonly #heard = new Map<number, number>();
  #voteRequest: { readonly from: number; readonly upToDate: boolean } | null = null;

  constructor(
    around: Surroundings,
    id: number,
    node: RawNode,
    memberPlan: MemberPlan,
    disk: Disk,
    beginning: Beginning,
  ) {
    this.#around = around;
    this.id = id;
    this.node = node;
    this.memberPlan = memberPlan;
    this.flow = new FlowWatch(memberPlan);
    this.mirror = beginning.mirror;
    this.conf = beginning.conf;
    this.status = node.basicStatus();
    this.#disk = disk;
    this.#handedOut = beginning.applied;
    this.#checkedCommit = disk.snapshotIndex;
    this.#checkStart();
  }

  #checkStart(): void {
    const { term, vote, commit, raftState, lastIndex } = this.status;
    const { hardState } = this.#disk;
    const founded = Math.max(hardState.commit, this.#disk.snapshotIndex);
    demand(
      term === hardState.term && vote === hardState.vote && commit === founded,
      'durable state survives a restart',
      () =>
        `${this.id} starts at term ${term} vote ${vote} commit ${commit}, ` +
        `its disk says ${hardState.term}, ${hardState.vote}, ${hardState.commit}`,
    );
    demand(
      raftState === Follower && lastIndex === Math.max(0, this.mirror.last),
      'durable state survives a restart',
      () => `${this.id} starts with last index ${lastIndex}, not ${this.mirror.last}`,
    );
  }

  get leads(): boolean {
    return this.status.raftState === Leader;
  }

  /** To be called after every call into the node; `cause` is the message that was stepped. */
  stepped(cause: Message | null): void {
    const before = this.status;
    const now = this.node.basicStatus();
    this.status = now;
    this.#stepsSinceReady++;
    this.#checkMonotone(before, now);
    this.#voteRequest = null;
    if (cause !== null) this.#checkCause(before, now, cause);
    if (now.raftState !== before.raftState || now.term !== before.term) {
      this.#checkRole(before, now, cause);
    }
    this.#checkLead(before, now);
    if (now.commit > before.commit) this.#checkCommit(before, now);
    if (now.leadTransferee !== before.leadTransferee) this.#transferTicks = 0;
    const { trace } = this.#around;
    trace.mix(this.id);
    trace.mix(now.term);
    trace.mix(now.commit);
    trace.mix(now.lastIndex * 4 + now.raftState);
  }

  #checkMonotone(before: BasicStatus, now: BasicStatus): void {
    const rule = 'monotone term, commit and applied index';
    const grows =
      now.term >= before.term && now.commit >= before.commit && now.applied >= before.applied;
    demand(grows, rule, () => `${this.id} goes ${describe(before)} -> ${describe(now)}`);
    const bounded = now.applied <= now.commit && now.commit <= now.lastIndex;
    demand(bounded, 'applied <= commit <= last', () => `${this.id} is at ${describe(now)}`);
    const votesOnce = now.term !== before.term || before.vote === NONE || now.vote === before.vote;
    demand(votesOnce, 'one vote per term', () => `${this.id} ${describe(before)} -> ${now.vote}`);
    const { ledger } = this.#around;
    if (now.commit > ledger.maxCommit) ledger.maxCommit = now.commit;
  }

  /** Whoever is followed has been elected, and stays the one leader of the term. */
  #checkLead(before: BasicStatus, now: BasicStatus): void {
    if (now.lead === NONE || (now.lead === before.lead && now.term === before.term)) return;
    const leader = this.#around.ledger.leaderOf(now.term);
    demand(
      leader === now.lead,
      'election safety',
      () => `${this.id} follows ${now.lead} in term ${now.term}, whose leader is ${leader}`,
    );
  }

  #checkCause(before: BasicStatus, now: BasicStatus, cause: Message): void {
    if (cause.term !== 0 && cause.term < before.term) {
      this.#checkStale(before, now, cause);
      return;
    }
    switch (cause.type) {
      case MessageType.App:
      case MessageType.Heartbeat:
      case MessageType.Snap:
        if (cause.from === now.lead) this.#ticksSinceLeader = 0;
        return;
      case MessageType.Vote:
      case MessageType.PreVote:
        return this.#checkVoteRequest(before, now, cause);
      case MessageType.PreVoteResp:
        // As upstream, the core also counts a grant for the term that it is in meanwhile.
        if (!cause.reject) this.#preVotes.add(cause.from);
        return;
      case MessageType.AppResp:
      case MessageType.HeartbeatResp:
        return this.#hear(now, cause);
      case MessageType.TransferLeader:
        return this.#checkTransfer(before, now);
      default:
    }
  }

  #checkStale(before: BasicStatus, now: BasicStatus, cause: Message): void {
    if (cause.type === MessageType.StorageAppendResp) return;
    const same =
      now.term === before.term &&
      now.vote === before.vote &&
      now.commit === before.commit &&
      now.lead === before.lead &&
      now.lastIndex === before.lastIndex &&
      now.raftState === before.raftState;
    demand(
      same,
      'messages of old terms change nothing',
      () => `${this.id} ${describe(before)} -> ${describe(now)} by a message of ${cause.term}`,
    );
  }

  #checkVoteRequest(before: BasicStatus, now: BasicStatus, cause: Message): void {
    if (this.#inLease(before) && cause.term > before.term && cause.context.length === 0) {
      demand(
        now.term === before.term && now.vote === before.vote,
        'no vote while a leader is alive',
        () => `${this.id} leaves term ${before.term} for ${cause.from} in term ${cause.term}`,
      );
    }
    // Only when the mirror shows the log that the request was compared with.
    if (this.#stepsSinceReady > 1) return;
    const { last } = this.mirror;
    const lastTerm = this.mirror.at(last)?.entry.term ?? 0;
    const longer = cause.logTerm === lastTerm && cause.index >= last;
    this.#voteRequest = { from: cause.from, upToDate: cause.logTerm > lastTerm || longer };
  }

  #inLease(before: BasicStatus): boolean {
    const { plan } = this.#around;
    if (!plan.checkQuorum || before.lead === NONE) return false;
    return before.raftState === Leader || this.#ticksSinceLeader < plan.electionTick;
  }

  #hear(now: BasicStatus, cause: Message): void {
    if (cause.term !== now.term || now.raftState !== Leader) return;
    this.#heard.set(cause.from, this.#ticks);
    if (cause.type === MessageType.AppResp) this.flow.acknowledged(cause);
  }

  /** The patience of CheckQuorum begins anew with a transfer. */
  transferring(): void {
    for (const id of this.#heard.keys()) this.#heard.set(id, this.#ticks);
  }

  #checkTransfer(before: BasicStatus, now: BasicStatus): void {
    if (now.raftState !== Leader) return;
    this.transferring();
    demand(
      now.leadTransferee === before.leadTransferee ||
        now.leadTransferee === NONE ||
        isVoter(this.conf, now.leadTransferee),
      'only voters lead',
      () => `${this.id} transfers leadership to ${now.leadTransferee}`,
    );
  }

  #checkRole(before: BasicStatus, now: BasicStatus, cause: Message | null): void {
    if (now.raftState === Follower) return;
    demand(
      now.raftState === Leader || isVoter(this.conf, this.id),
      'only voters campaign',
      () => `${this.id} campaigns in ${describeConf(this.conf)}`,
    );
    if (now.raftState === PreCandidate) this.#preVotes.clear();
    if (now.raftState === Candidate) this.#checkCandidate(before, now, cause);
    if (now.raftState === Leader) this.#checkLeader(before, now);
  }

  #checkCandidate(before: BasicStatus, now: BasicStatus, cause: Message | null): void {
    demand(
      now.term === before.term + 1 && now.vote === this.id,
      'a candidate enters the next term and votes for itself',
      () => `${this.id} ${describe(before)} -> ${describe(now)}`,
    );
    if (!this.#around.plan.preVote || cause?.type === MessageType.TimeoutNow) return;
    demand(
      isQuorum(this.conf, (id) => id === this.id || this.#preVotes.has(id)),
      'an election follows a won pre-election',
      () =>
        `${this.id} has pre-votes of ${[...this.#preVotes].join(' ')} in ${describeConf(this.conf)}`,
    );
  }

  #checkLeader(before: BasicStatus, now: BasicStatus): void {
    const { ledger } = this.#around;
    demand(
      before.raftState === Candidate && before.term === now.term,
      'only a candidate becomes leader',
      () => `${this.id} ${describe(before)} -> ${describe(now)}`,
    );
    ledger.lead(now.term, this.id);
    demand(
      isQuorum(this.conf, (id) => ledger.hasVoted(now.term, id, this.id)),
      'a quorum has durably voted for the leader',
      () => `${this.id} leads in term ${now.term} of ${describeConf(this.conf)}`,
    );
    this.#electedTerm = now.term;
    this.#confirmed.clear();
    this.#heard.clear();
    for (const id of membersOf(this.conf)) this.#heard.set(id, this.#ticks);
    this.flow.elected();
  }

  /** What a leader commits by counting is of its own term, and durable on a quorum. */
  #checkCommit(before: BasicStatus, now: BasicStatus): void {
    if (before.raftState !== Leader || now.raftState !== Leader) return;
    const known = this.mirror.at(now.commit);
    demand(
      known?.entry.term === now.term,
      'a leader commits entries of its own term',
      () => `${this.id} commits index ${now.commit} of term ${known?.entry.term} in ${now.term}`,
    );
    if (known === undefined) return;
    demand(
      isQuorum(this.conf, (id) => this.#around.disk(id)?.holds(known) === true),
      'what is committed is durable on a quorum',
      () => `${this.id} commits index ${now.commit} in ${describeConf(this.conf)}`,
    );
  }

  /** To be called after every tick, beside {@link stepped}. */
  ticked(before: BasicStatus): void {
    this.#ticks++;
    this.#ticksSinceLeader++;
    this.#transferTicks++;
    const now = this.status;
    const { electionTick, checkQuorum } = this.#around.plan;
    const campaigns = now.raftState === Candidate || now.raftState === PreCandidate;
    demand(
      before.raftState !== Follower || !campaigns || this.#ticksSinceLeader >= electionTick,
      'no election before the election timeout',
      () => `${this.id} campaigns after ${this.#ticksSinceLeader} ticks`,
    );
    if (now.raftState !== Leader) return;
    demand(
      now.leadTransferee === NONE || this.#transferTicks <= electionTick,
      'a transfer ends within an election timeout',
      () => `${this.id} still transfers to ${now.leadTransferee}`,
    );
    if (checkQuorum) this.#checkQuorumActive();
  }

  #checkQuorumActive(): void {
    const patience = 2 * this.#around.plan.electionTick + 1;
    const active = (id: number) =>
      id === this.id || this.#ticks - (this.#heard.get(id) ?? 0) <= patience;
    demand(
      isQuorum(this.conf, active),
      'a leader without a quorum steps down',
      () => `${this.id} has led term ${this.status.term} without a quorum for ${patience} ticks`,
    );
  }

  /** Notes when the answer to a heartbeat was made, before it is stepped. */
  confirm(message: Message, made: number): void {
    if (message.type !== MessageType.HeartbeatResp || message.term !== this.status.term) return;
    const known = this.#confirmed.get(message.from) ?? 0;
    if (made > known) this.#confirmed.set(message.from, made);
  }

  /** To be called after the core has taken a membership change into force. */
  reconfigured(conf: ConfState, result: ConfState): void {
    demand(
      describeConf(conf) === describeConf(result),
      'membership changes as the thesis says',
      () => `${this.id} is in ${describeConf(result)}, not in ${describeConf(conf)}`,
    );
    // Those who decide now have not had a chance to speak yet.
    for (const id of membersOf(conf)) this.#heard.set(id, this.#ticks);
    this.conf = conf;
    this.stepped(null);
    demand(
      !this.#around.plan.stepDownOnRemoval || !this.leads || isVoter(conf, this.id),
      'a removed leader steps down',
      () => `${this.id} leads ${describeConf(conf)}`,
    );
  }

  /** Takes over what a Ready says; the result is what it writes. */
  readied(ready: Ready): readonly Known[] {
    if (ready.snapshot !== null) this.#restored(ready);
    const entries = this.#append(ready.entries);
    this.#learnCommits();
    if (this.#electedTerm !== 0) this.#checkCompleteness();
    this.#checkHandedOut(ready.committedEntries);
    this.flow.handedOut(ready.committedEntries);
    this.#checkGrants(ready.messages);
    this.#checkReads(ready);
    this.#stepsSinceReady = 0;
    return entries;
  }

  #restored(ready: Ready): void {
    const metadata = ready.snapshot?.metadata;
    if (metadata === undefined) return;
    const { ledger } = this.#around;
    const { known, conf } = ledger.decision(metadata.index);
    demand(
      known.entry.term === metadata.term,
      'state-machine safety',
      () => `${this.id} restores a snapshot of term ${metadata.term} at ${metadata.index}`,
    );
    demand(
      describeConf(conf) === describeConf(metadata.confState),
      'a snapshot names the membership of its index',
      () => `${describeConf(metadata.confState)} at index ${metadata.index}`,
    );
    this.mirror.reset(known);
    this.conf = conf;
    const inForce = this.node.status().config.toConfState();
    demand(
      describeConf(conf) === describeConf(inForce),
      'a snapshot brings its membership into force',
      () => `${this.id} is in ${describeConf(inForce)}, not in ${describeConf(conf)}`,
    );
    this.restoredIndex = metadata.index;
    this.#handedOut = metadata.index;
    this.#checkedCommit = metadata.index;
  }

  #append(entries: readonly Entry[]): readonly Known[] {
    const first = entries[0];
    if (first === undefined) return [];
    const { ledger } = this.#around;
    demand(
      first.index > this.#checkedCommit && first.index <= this.mirror.last + 1,
      'committed entries are never replaced, and logs have no gaps',
      () => `${this.id} writes from ${first.index}, commit ${this.#checkedCommit}`,
    );
    const replaced = this.mirror.at(first.index);
    let previous = this.mirror.at(first.index - 1) ?? null;
    let next = first.index;
    const known = entries.map((entry) => {
      demand(entry.index === next, 'logs have no gaps', () => `${entry.index} after ${next - 1}`);
      next++;
      previous = ledger.know(entry, previous);
      return previous;
    });
    demand(
      this.#stepsSinceReady > 1 || replaced === undefined || replaced !== known[0],
      'only conflicting entries are replaced',
      () => `${this.id} cuts its log at ${first.index}, which has not changed`,
    );
    this.#checkConfChanges(known);
    this.mirror.replace(known);
    return known;
  }

  /** One configuration step at a time: what a leader appends waits for the step before. */
  #checkConfChanges(entries: readonly Known[]): void {
    const { term, applied, raftState } = this.status;
    if (raftState !== Leader || this.#stepsSinceReady > 1) return;
    for (const { entry, previous } of entries) {
      if (entry.type === EntryType.Normal || entry.term !== term) continue;
      for (let before = previous; before !== null; before = before.previous) {
        if (before.entry.index <= applied) break;
        demand(
          before.entry.type === EntryType.Normal,
          'one configuration step at a time',
          () => `index ${entry.index} follows ${before?.entry.index}, applied ${applied}`,
        );
      }
      const leaves = isJoint(this.conf) && !isJoint(confAfter(this.conf, entry));
      demand(
        isJoint(this.conf) === leaves,
        'a joint configuration is left before the next change',
        () => `index ${entry.index} is appended in ${describeConf(this.conf)}`,
      );
    }
  }

  #learnCommits(): void {
    const { ledger } = this.#around;
    const { commit, term } = this.status;
    // What the application has dropped it had applied, so it is decided already.
    const checked = Math.max(this.#checkedCommit, this.mirror.first);
    for (let index = checked + 1; index <= commit; index++) {
      const known = this.mirror.at(index);
      demand(known !== undefined, 'commit within the log', () => `${this.id} commits ${index}`);
      if (known !== undefined) ledger.commit(known, term);
    }
    this.#checkedCommit = Math.max(this.#checkedCommit, commit);
  }

  /** A leader has every entry that was committed in earlier terms. */
  #checkCompleteness(): void {
    const known = this.#around.ledger.lastDecidedBefore(this.#electedTerm);
    const index = known?.entry.index ?? 0;
    demand(
      index < this.mirror.first || this.mirror.at(index) === known,
      'leader completeness',
      () => `${this.id} leads term ${this.#electedTerm} without the committed index ${index}`,
    );
    this.#electedTerm = 0;
  }

  /** Committed entries come in order, each once in a life. */
  #checkHandedOut(entries: readonly Entry[]): void {
    for (const entry of entries) {
      demand(
        entry.index === this.#handedOut + 1 && entry.index <= this.#checkedCommit,
        'entries are applied in order and once',
        () => `${this.id} is given ${entry.index} after ${this.#handedOut}`,
      );
      this.#handedOut = entry.index;
    }
  }

  #checkGrants(messages: readonly Message[]): void {
    const request = this.#voteRequest;
    if (request === null || request.upToDate || this.#stepsSinceReady > 1) return;
    for (const message of messages) {
      const answers = message.responses.length > 0 ? message.responses : [message];
      for (const { type, to, reject } of answers) {
        const vote = type === MessageType.VoteResp || type === MessageType.PreVoteResp;
        demand(
          !vote || reject || to !== request.from || to === this.id,
          'votes go to logs that are up to date',
          () => `${this.id} votes for ${to}, whose log is behind`,
        );
      }
    }
  }

  #checkReads(ready: Ready): void {
    for (const message of ready.messages) {
      if (message.type !== MessageType.ReadIndexResp) continue;
      const request = message.entries[0];
      if (request !== undefined) this.#checkAnswer(request.data, message.index, message.term);
    }
    for (const { requestCtx, index } of ready.readStates) {
      if (this.leads && this.#stepsSinceReady === 1)
        this.#checkAnswer(requestCtx, index, this.status.term);
      const read = this.#around.ledger.reads.get(readNumber(requestCtx));
      const known = read?.requester === this.id;
      demand(known, 'reads are answered to whom they belong', () => `${this.id} got another's`);
      this.#checkLinearizable(requestCtx, index, false);
    }
  }

  /** An answer that this member gives as leader. */
  #checkAnswer(context: Uint8Array, index: number, term: number): void {
    const { ledger, plan } = this.#around;
    const lease = plan.readOnlyOption === ReadOnlyOption.LeaseBased;
    this.#checkLinearizable(context, index, lease && ledger.highestLeaderTerm <= term);
    if (this.#stepsSinceReady > 1 || !this.leads || term !== this.status.term) return;
    const committed = this.mirror.at(this.status.commit)?.entry.term;
    demand(
      committed === term,
      'no read before the first commit of the term',
      () => `${this.id} answers with ${index} in term ${term}, committed ${committed}`,
    );
    if (lease) return;
    const since = ledger.reads.get(readNumber(context))?.event ?? 0;
    demand(
      isQuorum(this.conf, (id) => id === this.id || (this.#confirmed.get(id) ?? 0) >= since),
      'a quorum confirms the leader of a read',
      () => `${this.id} answers a read with ${index} in ${describeConf(this.conf)}`,
    );
  }

  /** Leases are as right as clocks, so `always` tells whether they must be right here. */
  #checkLinearizable(context: Uint8Array, index: number, always: boolean): void {
    const { ledger, plan } = this.#around;
    const read = ledger.reads.get(readNumber(context));
    if (read === undefined) return;
    if (!always && plan.readOnlyOption === ReadOnlyOption.LeaseBased) return;
    demand(
      index >= read.floor && index <= ledger.maxCommit,
      'linearizable reads',
      () => `a read at ${index} although ${read.floor} was committed before it was asked`,
    );
  }
}

export function readNumber(context: Uint8Array): number {
  return new DataView(context.buffer, context.byteOffset, context.length).getUint32(0);
}

function describe(status: BasicStatus): string {
  const { term, vote, commit, applied, lastIndex, lead } = status;
  return (
    `[term ${term} vote ${vote} lead ${lead} applied ${applied} commit ${commit} ` +
    `last ${lastIndex} role ${status.raftState}]`
  );
}
