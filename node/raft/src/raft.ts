import type { ResolvedConfig } from './config.ts';
import { messageTypeName } from './describe.ts';
import { RaftLog } from './log/index.ts';
import { LineLogger } from './logger.ts';
import { isVoteMessage, waitsForAppend, withMessage } from './messages.ts';
import { ReadOnlyQueue } from './read-only.ts';
import { ProgressTracker } from './tracker/index.ts';
import type { HardState, Message, ReadState, SoftState } from './types.ts';
import { MessageType, NONE, StateType } from './types.ts';

/**
 * The state of one member (Raft paper, figure 2) and its outbox. What happens to
 * it is written, idea by idea, in `election.ts`, `replication.ts`, `read-index.ts`,
 * `membership.ts` and `step.ts`.
 */
export class Raft {
  readonly id: number;
  readonly config: ResolvedConfig;
  readonly log: RaftLog;
  readonly logger: LineLogger;
  tracker: ProgressTracker;

  term = 0;
  vote = NONE;
  state: StateType = StateType.Follower;
  /** The leader of the current term, as far as this member knows. */
  lead = NONE;
  /** Whom leadership is being handed to; meanwhile nothing is accepted for the log. */
  leadTransferee = NONE;

  /**
   * At least the index of the last configuration change in the log. The next one
   * may be proposed once this is applied, so that only one is ever under way.
   */
  pendingConfIndex = 0;
  /** Bytes of proposals that are not committed yet; never more than there really are. */
  uncommittedSize = 0;

  readOnly = new ReadOnlyQueue();
  /** ReadIndex requests that arrived before the leader had committed an entry of its term. */
  pendingReadIndexMessages: Message[] = [];

  /** Ticks since the last word of a leader, or since a leader's last CheckQuorum. */
  electionElapsed = 0;
  /** Ticks since the last heartbeat; a leader's only. */
  heartbeatElapsed = 0;
  /** The election timeout in force, in `[electionTick, 2 * electionTick)`. */
  randomizedElectionTimeout = 0;

  /** To other members, at once. */
  messages: Message[] = [];
  /** To anyone including this member, once everything unstable so far is durable. */
  messagesAfterAppend: Message[] = [];
  readStates: ReadState[] = [];

  constructor(config: ResolvedConfig) {
    this.id = config.id;
    this.config = config;
    this.logger = new LineLogger(config.logger);
    this.log = new RaftLog(config.storage, config.logger, config.maxCommittedSizePerReady);
    this.tracker = new ProgressTracker(config.maxInflightMsgs, config.maxInflightBytes);
  }

  get isLeader(): boolean {
    return this.state === StateType.Leader;
  }

  /** Whether this member could lead: a voter (of either half) without a snapshot to install. */
  get promotable(): boolean {
    const own = this.tracker.get(this.id);
    return own !== undefined && !own.isLearner && this.log.unstable.snapshot === null;
  }

  softState(): SoftState {
    return { lead: this.lead, raftState: this.state };
  }

  hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  /** Starts a new outbox: the old arrays belong to the Ready that they went into. */
  renewOutbox(): void {
    this.messages = [];
    this.messagesAfterAppend = [];
    this.readStates = [];
  }

  /**
   * Puts a message into the outbox, signed with id and term. Votes and
   * acknowledgements are promises about durable state, so they wait until that
   * state is durable (Raft thesis, section 3.8). So do their refusals: those may
   * rest on a vote or on entries that could still get lost.
   */
  send(message: Message): void {
    if (message.from === NONE) message.from = this.id;
    this.#sign(message);
    if (waitsForAppend(message.type)) {
      this.messagesAfterAppend = withMessage(this.messagesAfterAppend, message);
      return;
    }
    if (message.to === this.id) {
      const name = messageTypeName(message.type);
      throw this.logger.fatal`message should not be self-addressed when sending ${name}`;
    }
    this.messages = withMessage(this.messages, message);
  }

  /**
   * The sender of a vote message sets the term: a pre-vote is about one that nobody is in
   * yet. Forwarded requests are not bound to a term. All else is said in the current one.
   */
  #sign(message: Message): void {
    const { type } = message;
    const name = messageTypeName(type);
    if (isVoteMessage(type)) {
      if (message.term === 0) throw this.logger.fatal`term should be set when sending ${name}`;
      return;
    }
    if (message.term !== 0) {
      throw this.logger.fatal`term should not be set when sending ${name} (was ${message.term})`;
    }
    if (type !== MessageType.Prop && type !== MessageType.ReadIndex) message.term = this.term;
  }
}
