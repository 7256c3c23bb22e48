import type {
  BasicStatus,
  ConfState,
  Entry,
  HardState,
  Message,
  RawNode,
  Ready,
  SoftState,
} from '../src/index.ts';
import { EntryType, MessageType, NONE, StateType } from '../src/index.ts';
import { AnswerWatch } from './answer-watch.ts';
import type { Disk } from './disk.ts';
import { FlowWatch } from './flow-watch.ts';
import { confAfter } from './ledger.ts';
import type { Known, LogView } from './log-view.ts';
import { describeConf, isJoint, isQuorum, isVoter, membersOf } from './membership-model.ts';
import type { MemberPlan } from './plan.ts';
import { ReadWatch } from './read-watch.ts';
import type { Surroundings, View } from './surroundings.ts';
import { describeStatus } from './surroundings.ts';
import { demand } from './violation.ts';

/** How a life begins: what the core was given. */
export interface Beginning {
  readonly mirror: LogView;
  readonly conf: ConfState;
  readonly applied: number;
}

/** What only a leader sends. */
const LEADER_TYPES: readonly MessageType[] = [
  MessageType.App,
  MessageType.Heartbeat,
  MessageType.Snap,
];
const { Leader, Candidate, PreCandidate, Follower } = StateType;

/**
 * Watches one member from its start to its crash: every step of its RawNode, and
 * everything its Readys hand out, is compared with the rules of the protocol.
 */
export class Watch implements View {
  readonly id: number;
  readonly node: RawNode;
  readonly memberPlan: MemberPlan;
  readonly flow: FlowWatch;
  readonly reads: ReadWatch;
  readonly answers: AnswerWatch;
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
  /** When a leader last heard from each member, in its own ticks. */
  readonly #heard = new Map<number, number>();
  #lastHardState: HardState;
  #lastSoftState: SoftState;

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
    this.reads = new ReadWatch(around, this);
    this.answers = new AnswerWatch(this);
    this.mirror = beginning.mirror;
    this.conf = beginning.conf;
    this.status = node.basicStatus();
    this.#lastHardState = this.status;
    this.#lastSoftState = this.status;
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

  get exact(): boolean {
    return this.#stepsSinceReady <= 1;
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
    this.answers.stepped();
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
    demand(
      grows,
      rule,
      () => `${this.id} goes ${describeStatus(before)} -> ${describeStatus(now)}`,
    );
    const bounded = now.applied <= now.commit && now.commit <= now.lastIndex;
    demand(bounded, 'applied <= commit <= last', () => `${this.id} is at ${describeStatus(now)}`);
    const votesOnce = now.term !== before.term || before.vote === NONE || now.vote === before.vote;
    demand(
      votesOnce,
      'one vote per term',
      () => `${this.id} ${describeStatus(before)} -> ${now.vote}`,
    );
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
      case MessageType.Vote:
      case MessageType.PreVote:
        return this.answers.requested(before, cause, this.#inLease(before));
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
        return this.#checkFollower(before, now, cause);
    }
  }

  /** A follower commits what its leader has committed, as far as their logs are known to agree. */
  #checkFollower(before: BasicStatus, now: BasicStatus, cause: Message): void {
    const { type, commit, index, entries, snapshot } = cause;
    if (!LEADER_TYPES.includes(type)) return;
    if (cause.from === now.lead) this.#ticksSinceLeader = 0;
    if (type !== MessageType.Heartbeat) this.answers.appended(cause);
    if (now.commit === before.commit) return;
    let limit = commit;
    if (type === MessageType.App) limit = Math.min(commit, index + entries.length);
    if (type === MessageType.Snap) limit = snapshot?.metadata.index ?? 0;
    demand(
      now.commit <= limit,
      'a follower commits what is known to match',
      () => `${this.id} commits ${now.commit}, which the message allows up to ${limit}`,
    );
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
      () =>
        `${this.id} ${describeStatus(before)} -> ${describeStatus(now)} by a message of ${cause.term}`,
    );
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
      () => `${this.id} ${describeStatus(before)} -> ${describeStatus(now)}`,
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
      () => `${this.id} ${describeStatus(before)} -> ${describeStatus(now)}`,
    );
    ledger.lead(now.term, this.id);
    demand(
      isQuorum(this.conf, (id) => ledger.hasVoted(now.term, id, this.id)),
      'a quorum has durably voted for the leader',
      () => `${this.id} leads in term ${now.term} of ${describeConf(this.conf)}`,
    );
    this.#electedTerm = now.term;
    this.reads.elected();
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
    this.#checkStates(ready);
    this.#learnCommits();
    if (this.#electedTerm !== 0) this.#checkCompleteness();
    this.#checkHandedOut(ready.committedEntries);
    this.flow.handedOut(ready.committedEntries);
    this.answers.readied(ready.messages);
    this.reads.readied(ready);
    this.#stepsSinceReady = 0;
    return entries;
  }

  /** What changed is handed out, as it is now. */
  #checkStates(ready: Ready): void {
    const { term, vote, commit, lead, raftState } = this.status;
    const hard = ready.hardState ?? this.#lastHardState;
    demand(
      hard.term === term && hard.vote === vote && hard.commit === commit,
      'the hard state is handed out',
      () => `${this.id} ${describeStatus(this.status)} hands out vote ${hard.vote} in ${hard.term}`,
    );
    const soft = ready.softState ?? this.#lastSoftState;
    demand(
      soft.lead === lead && soft.raftState === raftState,
      'the soft state is handed out',
      () => `${this.id} ${describeStatus(this.status)} hands out leader ${soft.lead}`,
    );
    const synced = ready.entries.length === 0 && term === this.#lastHardState.term;
    demand(
      ready.mustSync || (synced && vote === this.#lastHardState.vote),
      'promises are synced',
      () => `${this.id} does not ask for a sync of term ${term}, vote ${vote}`,
    );
    this.#lastHardState = hard;
    this.#lastSoftState = soft;
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
      !this.exact || replaced === undefined || replaced !== known[0],
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
    if (raftState !== Leader || !this.exact) return;
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
    const last = entries.at(-1);
    if (last === undefined || !this.memberPlan.async) return;
    const known = this.mirror.at(last.index);
    demand(
      known === undefined || this.#disk.holds(known),
      'entries are applied when they are durable',
      () => `${this.id} is given ${last.index}, its disk ends at ${this.#disk.log.last}`,
    );
  }
}
