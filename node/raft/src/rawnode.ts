import { encodeConfChange, encodeConfChangeV2 } from './codec/index.ts';
import { isConfChangeV2, toConfChangeV2 } from './confchange/index.ts';
import type { Config } from './config.ts';
import { requireInteger } from './config.ts';
import { MessageError } from './errors.ts';
import { applyConfChange } from './membership.ts';
import { checkMemberId, checkMessage } from './message-check.ts';
import {
  isLocalMessage,
  isLocalTarget,
  isResponseMessage,
  newMessage,
  withMessage,
} from './messages.ts';
import type { Raft } from './raft.ts';
import type {
  BasicStatus,
  Peer,
  ProgressType,
  ProgressView,
  Ready,
  SnapshotStatus,
  Status,
  StepResult,
} from './ready.ts';
import { bootstrap, startRaft } from './start.ts';
import { step } from './step.ts';
import {
  needsStorageAppend,
  needsStorageAppendResponse,
  storageAppend,
  storageAppendResponse,
  storageApply,
  storageApplyResponse,
} from './storage-messages.ts';
import { tick } from './tick.ts';
import type { Progress } from './tracker/index.ts';
import type {
  ConfChange,
  ConfChangeV2,
  ConfState,
  Entry,
  HardState,
  Message,
  SoftState,
} from './types.ts';
import { EntryType, MessageType, NONE } from './types.ts';

/**
 * One member of a Raft group, as a state machine: it is told about time, messages
 * and requests, and hands out the work that follows from them in {@link ready}.
 * It does no I/O, reads no clock, and never calls back.
 *
 * Not reentrant: one owner calls it, one call at a time.
 */
export class RawNode {
  readonly #raft: Raft;
  readonly #async: boolean;
  #previousSoftState: SoftState;
  #previousHardState: HardState;
  // What `advance()` acknowledges; only without asyncStorageWrites.
  /** This member's own votes and acknowledgements. */
  #ownPromises: Message[] = [];
  #appendResponse: Message | null = null;
  #applyResponse: Message | null = null;

  /**
   * Starts from what the Storage remembers. A new group is founded by giving every
   * founder a Storage whose initial ConfState names them all (see the README).
   *
   * @throws {ConfigError} when the configuration cannot be run.
   * @throws {ConfChangeError} when the Storage names a membership that contradicts itself.
   * @throws {RaftInvariantError} when the Storage does otherwise.
   */
  constructor(config: Config) {
    this.#raft = startRaft(config);
    this.#async = config.asyncStorageWrites ?? false;
    this.#previousSoftState = this.#raft.softState();
    this.#previousHardState = this.#raft.hardState();
  }

  /**
   * Founds a group by entries in its log instead of by a Storage that begins with a
   * snapshot, which is to be preferred. To be called once, before anything else, on
   * every founder and with the same list in the same order.
   *
   * @throws {ConfigError} when there are no peers, or the Storage is not empty.
   */
  bootstrap(peers: readonly Peer[]): void {
    bootstrap(this.#raft, peers);
    // Nothing of this is persisted yet: the first Ready has to say so.
    this.#previousHardState = { term: 0, vote: NONE, commit: 0 };
  }

  /** Lets one tick pass: the election timeout of the Raft paper, section 5.2, and a leader's heartbeats. */
  tick(): void {
    tick(this.#raft);
  }

  /**
   * Lets a tick pass without heartbeats and elections, for an application that knows the
   * whole group to be idle and equal. Deprecated upstream, and here: it takes the
   * protocol's timing out of the protocol's hands.
   */
  tickQuiesced(): void {
    this.#raft.electionElapsed++;
  }

  /**
   * Starts an election now (Raft paper, section 5.2), or a pre-election with preVote (thesis,
   * section 9.6), unless this member leads already, may not lead, or has yet to apply a
   * membership change.
   */
  campaign(): void {
    step(this.#raft, newMessage(MessageType.Hup, 0));
  }

  /**
   * Proposes one entry (Raft paper, section 5.3). `ok` means appended here or forwarded to the leader, not
   * committed: it can still get lost with a change of leader.
   *
   * @throws {MessageError} when `data` is not bytes.
   */
  propose(data: Uint8Array): StepResult {
    return this.#proposeEntries([proposal(EntryType.Normal, data)]);
  }

  /** Proposes several entries, which are taken or dropped together and travel together. */
  proposeBatch(batch: readonly Uint8Array[]): StepResult {
    if (batch.length === 0) return 'ok';
    return this.#proposeEntries(batch.map((data) => proposal(EntryType.Normal, data)));
  }

  /**
   * Proposes a membership change (Raft thesis, chapter 4). A change that is not possible right now (another
   * one pending, wrong joint state) enters the log as an empty normal entry.
   */
  proposeConfChange(change: ConfChange | ConfChangeV2): StepResult {
    const entry = isConfChangeV2(change)
      ? proposal(EntryType.ConfChangeV2, encodeConfChangeV2(change))
      : proposal(EntryType.ConfChange, encodeConfChange(change));
    return this.#proposeEntries([entry]);
  }

  /**
   * Puts a committed change into force (Raft thesis, sections 4.1 and 4.3). Must be called for every committed conf
   * change entry when it is applied, unless the application refuses the change.
   * The result is what to store with the next snapshot.
   *
   * @throws {ConfChangeError} when the change does not fit the configuration.
   */
  applyConfChange(change: ConfChange | ConfChangeV2): ConfState {
    return applyConfChange(this.#raft, toConfChangeV2(change));
  }

  /**
   * Handles a message from a peer or from a local storage thread.
   *
   * @throws {MessageError} when no correct peer could have sent it; the node is unchanged.
   */
  step(message: Message): StepResult {
    const raft = this.#raft;
    checkMessage(message, raft.id);
    if (!isLocalTarget(message.from)) {
      if (isLocalMessage(message.type)) return 'local-message';
      if (isResponseMessage(message.type) && raft.tracker.get(message.from) === undefined) {
        return 'peer-not-found';
      }
    }
    return step(raft, message);
  }

  /** Whether {@link ready} would return any work. */
  hasReady(): boolean {
    const raft = this.#raft;
    return (
      raft.messages.length > 0 ||
      raft.messagesAfterAppend.length > 0 ||
      raft.log.unstable.hasNextEntries ||
      raft.log.hasNextCommittedEntries(!this.#async) ||
      raft.readStates.length > 0 ||
      raft.log.unstable.nextSnapshot() !== null ||
      this.#softStateChanged() ||
      this.#hardStateChanged()
    );
  }

  /**
   * Takes the outstanding work. It must be handled, whatever happens.
   *
   * Without asyncStorageWrites: persist `snapshot`, `entries` and `hardState`
   * (durably if `mustSync`), then send `messages`, install the snapshot, apply
   * `committedEntries`, then call {@link advance} before the next `ready`.
   *
   * With asyncStorageWrites: only send `messages` and answer `readStates`; the
   * StorageAppend and StorageApply messages among them carry the storage work.
   */
  ready(): Ready {
    const raft = this.#raft;
    if (!this.#async) this.#releasePromises();
    const ready: Ready = {
      softState: this.#softStateChanged() ? raft.softState() : null,
      hardState: this.#hardStateChanged() ? raft.hardState() : null,
      readStates: raft.readStates,
      entries: raft.log.unstable.nextEntries(),
      snapshot: raft.log.unstable.nextSnapshot(),
      committedEntries: raft.log.nextCommittedEntries(!this.#async),
      messages: raft.messages,
      mustSync: this.#mustSync(),
    };
    if (this.#async) this.#addStorageMessages(ready, raft.messages);
    else this.#noteResponses(ready);
    this.#accept(ready);
    return ready;
  }

  /**
   * Acknowledges that the last Ready was handled completely.
   *
   * @throws {RaftInvariantError} with asyncStorageWrites, where responses take its place.
   */
  advance(): void {
    if (this.#async) {
      throw this.#raft.logger.misuse`Advance must not be called when using AsyncStorageWrites`;
    }
    const promises = this.#ownPromises;
    const appendResponse = this.#appendResponse;
    const applyResponse = this.#applyResponse;
    if (promises.length > 0) this.#ownPromises = [];
    this.#appendResponse = null;
    this.#applyResponse = null;
    for (const message of promises) step(this.#raft, message);
    if (appendResponse !== null) step(this.#raft, appendResponse);
    if (applyResponse !== null) step(this.#raft, applyResponse);
  }

  /** Term, vote, role and cursors of this member; cheap enough to be asked for often. */
  basicStatus(): BasicStatus {
    const raft = this.#raft;
    return {
      id: raft.id,
      term: raft.term,
      vote: raft.vote,
      commit: raft.log.committed,
      lead: raft.lead,
      raftState: raft.state,
      applied: raft.log.applied,
      lastIndex: raft.log.lastIndex(),
      leadTransferee: raft.leadTransferee,
    };
  }

  /** The same with the membership and, on a leader, a copy of every member's progress. */
  status(): Status {
    const raft = this.#raft;
    const progress = new Map<number, Progress>();
    if (raft.isLeader) {
      for (const member of raft.tracker.members) progress.set(member.id, member.clone());
    }
    return { ...this.basicStatus(), config: raft.tracker.config, progress };
  }

  /**
   * Shows every member's progress, in order of id, without copying it. The values mean
   * something on a leader only; what the visitor gets is good for the time of the call.
   */
  withProgress(visitor: (id: number, type: ProgressType, progress: ProgressView) => void): void {
    for (const member of this.#raft.tracker.members) {
      visitor(member.id, member.isLearner ? 'learner' : 'peer', member);
    }
  }

  /**
   * Tells a leader that messages to `id` are getting lost: it probes again instead of
   * sending ahead (Raft thesis, section 10.2.1).
   *
   * @throws {MessageError} when `id` cannot be a member's.
   */
  reportUnreachable(id: number): void {
    step(this.#raft, messageAbout(MessageType.Unreachable, id));
  }

  /**
   * Tells a leader what became of the snapshot it sent to `id`. Must be called for
   * every Snap message: until then nothing else is sent to that follower (Raft paper, section 7).
   *
   * @throws {MessageError} when `id` cannot be a member's, or `status` is none.
   */
  reportSnapshot(id: number, status: SnapshotStatus): void {
    if (status !== 'finish' && status !== 'failure') {
      throw new MessageError(`snapshot status ${String(status)} is neither finish nor failure`);
    }
    const message = messageAbout(MessageType.SnapStatus, id);
    message.reject = status === 'failure';
    step(this.#raft, message);
  }

  /**
   * Asks for leadership to be handed to `id` (Raft thesis, section 3.10). Proposals are
   * dropped until that happened or an election timeout has passed.
   *
   * @throws {MessageError} when `id` cannot be a member's.
   */
  transferLeader(id: number): void {
    step(this.#raft, messageAbout(MessageType.TransferLeader, id));
  }

  /**
   * Makes a follower forget its leader, so that it grants (pre-)votes before its
   * lease has run out. For an application that knows the leader to be gone.
   */
  forgetLeader(): void {
    step(this.#raft, newMessage(MessageType.ForgetLeader, 0));
  }

  /**
   * Asks for a read index (Raft thesis, section 6.4); it comes back in a Ready as a
   * ReadState with the same context. It may never come: without a leader, and when
   * messages are lost. The application asks again after a timeout.
   *
   * A leader answers once it has committed an entry of its term. Here that holds for an only
   * voter too, unlike upstream: a commit index need not be durable, so after a restart the
   * known one may lie before entries whose commit was acknowledged.
   */
  readIndex(requestCtx: Uint8Array): void {
    const message = newMessage(MessageType.ReadIndex, 0);
    message.entries = [proposal(EntryType.Normal, requestCtx)];
    step(this.#raft, message);
  }

  /**
   * Overrides the randomized election timeout until the next change of role or
   * term. For tests and simulations that need one member to be the first.
   *
   * @throws {ConfigError} when `ticks` is no count.
   */
  setRandomizedElectionTimeout(ticks: number): void {
    requireInteger('ticks', ticks, 0);
    this.#raft.randomizedElectionTimeout = ticks;
  }

  #proposeEntries(entries: Entry[]): StepResult {
    const message = newMessage(MessageType.Prop, 0);
    message.from = this.#raft.id;
    message.entries = entries;
    return step(this.#raft, message);
  }

  #softStateChanged(): boolean {
    const previous = this.#previousSoftState;
    return this.#raft.lead !== previous.lead || this.#raft.state !== previous.raftState;
  }

  #hardStateChanged(): boolean {
    const raft = this.#raft;
    const previous = this.#previousHardState;
    return (
      raft.log.committed !== previous.commit ||
      raft.term !== previous.term ||
      raft.vote !== previous.vote
    );
  }

  /** The commit index can be relearned; term, vote and entries cannot (Raft paper, figure 2). */
  #mustSync(): boolean {
    const raft = this.#raft;
    const previous = this.#previousHardState;
    return (
      raft.log.unstable.hasNextEntries || raft.vote !== previous.vote || raft.term !== previous.term
    );
  }

  #addStorageMessages(ready: Ready, messages: Message[]): void {
    const raft = this.#raft;
    if (needsStorageAppend(raft, ready)) messages.push(storageAppend(raft, ready));
    if (ready.committedEntries.length > 0) {
      messages.push(storageApply(raft, ready.committedEntries));
    }
  }

  /** Without asyncStorageWrites, whoever sends the messages has persisted everything before. */
  #releasePromises(): void {
    const raft = this.#raft;
    if (this.#awaitsAdvance()) {
      throw raft.logger.misuse`two accepted Ready structs without call to Advance`;
    }
    for (const message of raft.messagesAfterAppend) {
      if (message.to === raft.id) this.#ownPromises = withMessage(this.#ownPromises, message);
      else raft.messages = withMessage(raft.messages, message);
    }
  }

  #noteResponses(ready: Ready): void {
    const raft = this.#raft;
    if (needsStorageAppendResponse(raft, ready)) {
      this.#appendResponse = storageAppendResponse(raft, ready);
    }
    if (ready.committedEntries.length > 0) {
      this.#applyResponse = storageApplyResponse(raft, ready.committedEntries);
    }
  }

  #awaitsAdvance(): boolean {
    return (
      this.#ownPromises.length > 0 || this.#appendResponse !== null || this.#applyResponse !== null
    );
  }

  #accept(ready: Ready): void {
    const raft = this.#raft;
    if (ready.softState !== null) this.#previousSoftState = ready.softState;
    if (ready.hardState !== null) this.#previousHardState = ready.hardState;
    raft.renewOutbox();
    raft.log.unstable.acceptInProgress();
    const last = ready.committedEntries.at(-1);
    if (last === undefined) return;
    raft.log.acceptApplying(last.index, raft.log.sizeToApply(ready.committedEntries), !this.#async);
  }
}

/** @throws {MessageError} when `id` cannot be a member's. */
function messageAbout(type: MessageType, id: number): Message {
  checkMemberId('from', id);
  const message = newMessage(type, 0);
  message.from = id;
  return message;
}

/**
 * An entry that has no place in the log yet.
 *
 * @throws {MessageError} when its data is not bytes: nobody could write or send it.
 */
function proposal(type: EntryType, data: Uint8Array): Entry {
  if (!(data instanceof Uint8Array)) throw new MessageError('data must be a Uint8Array');
  return { term: 0, index: 0, type, data };
}
