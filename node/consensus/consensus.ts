import type { ConfChangeV2, ConfState, Entry, Message, Ready, Status } from 'etcd-raft-ts';
import {
  ConfChangeTransition,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MessageError,
  MessageType,
  type RawNode,
  type SnapshotMetadata,
} from 'etcd-raft-ts';
import {
  type CommandEnvelope,
  EngineError,
  type Outcome,
  type ReadDemand,
  type TimerHandle,
} from '../ports/index.ts';
import { AppendQueue } from './append-queue.ts';
import { ApplyQueue } from './apply-queue.ts';
import { CommitWatch } from './commit-watch.ts';
import { createCore } from './core.ts';
import type { ConsensusDependencies } from './dependencies.ts';
import { ConsensusError } from './errors.ts';
import { Forwarder } from './forwarder.ts';
import { Leadership, type LeadershipEvent } from './leadership.ts';
import { LostLeader } from './lost-leader.ts';
import { type ConsensusOptions, DEFAULT_CONSENSUS_OPTIONS } from './options.ts';
import type { AppliedEntry, RequestKind, StateMachine } from './ports.ts';
import { type EarlyStage, Proposals, type Proposed } from './proposals.ts';
import { Reads } from './reads.ts';
import { Replica } from './replica.ts';
import { Snapshots } from './snapshots.ts';
import { chooseTransferee, Transfer } from './transfer.ts';

/** How many Readys one turn may handle before it yields. */
const MAX_READYS_PER_TURN = 16;
const STOP_POLL_MS = 5;

/**
 * One member's part in the replicated log: drives the core's Ready loop over disk, network and
 * state machine. Entries go to the disk and to the followers at once; what depends on durability
 * follows the sync. No timer stands on that path: work is handled at the end of the turn of the
 * event loop that it arrived in, so that all of one turn forms one batch.
 */
export class Consensus<
  Result extends AppliedEntry,
  State extends StateMachine<Result> = StateMachine<Result>,
> {
  readonly memberId: number;
  readonly options: ConsensusOptions;
  readonly #deps: ConsensusDependencies<Result, State>;
  readonly #node: RawNode;
  readonly #leadership = new Leadership();
  readonly #replica: Replica<Result, State>;
  readonly #proposals: Proposals<Result>;
  readonly #reads: Reads;
  readonly #appends: AppendQueue;
  readonly #applies: ApplyQueue;
  readonly #commits = new CommitWatch();
  readonly #snapshots: Snapshots;
  readonly #forwarder: Forwarder;
  readonly #transfer: Transfer;
  readonly #lostLeader: LostLeader;
  readonly #defer: (callback: () => void) => void;
  #admin: ((from: number, body: Uint8Array) => Promise<Uint8Array>) | null = null;
  /** What this disk knew to be committed when the process began; it may have been shown before. */
  readonly #committedAtStart: number;
  #caughtUp = false;
  #scheduled = false;
  #stopped = false;
  #timer: TimerHandle | null = null;
  #nextTickMs = 0;

  /** Starts nothing yet; see {@link start}. */
  constructor(deps: ConsensusDependencies<Result, State>) {
    const { log, clock, random, logger, transport } = deps;
    this.#deps = deps;
    this.memberId = deps.memberId;
    this.options = { ...DEFAULT_CONSENSUS_OPTIONS, ...deps.options };
    this.#defer = deps.defer ?? ((callback) => setImmediate(callback));
    this.#replica = this.#createReplica();
    this.#node = createCore(deps, this.options, this.applied);
    this.#committedAtStart = this.#node.basicStatus().commit;
    this.#proposals = new Proposals(this.options, clock);
    this.#reads = new Reads(clock, random, this.options.readAttemptMs);
    this.#appends = new AppendQueue(log, {
      deliver: (responses) => this.#deliver(responses),
      install: (snapshot) => this.#replica.install(snapshot),
      stored: (entries) => this.#proposals.onStored(entries),
      fail: (error) => this.#fail(error),
    });
    this.#applies = new ApplyQueue(clock, this.options.applySliceMs, this.#replica, (responses) =>
      this.#deliver(responses),
    );
    this.#snapshots = new Snapshots(
      log,
      transport,
      this.#snapshotSource(),
      this.options,
      clock,
      logger,
    );
    this.#transfer = new Transfer(this.#node, clock);
    this.#lostLeader = new LostLeader(this.#node);
    this.#forwarder = new Forwarder(this, transport, clock, deps.execute, logger);
  }

  /** Begins to tick, to listen to peers and to take part. */
  start(): void {
    this.#deps.log.onFailure((error) => this.#fail(error));
    this.#deps.transport.start({
      message: (_from, message) => this.#step(message),
      request: (from, kind, body) => this.#serve(from, kind, body),
      snapshotPart: () => this.#snapshots.part,
      snapshot: (_from, message, chunks, offset) =>
        this.#snapshots.receive(message, chunks, offset),
      unreachable: (to) => this.#node.reportUnreachable(to),
      gone: (id) => this.#onGone(id),
    });
    this.#onMembers();
    // Alone, there is nobody to wait for.
    if (this.#replica.isOnlyVoter) this.#node.campaign();
    this.#nextTickMs = this.#deps.clock.monotonicMs();
    this.#tickLater();
    this.#kick();
    void this.#watchCatchUp();
  }

  /** Present state; null until the first snapshot has arrived. Replaced as a whole by a later one. */
  get state(): State | null {
    return this.#replica.state;
  }

  get applied(): number {
    return this.#replica.applied;
  }

  /** Membership as of the applied index. */
  get confState(): ConfState {
    return this.#replica.confState;
  }

  /**
   * Whether {@link confState} outlasts a power cut everywhere: one of its voters, this one, has it on
   * its disk as being in force. That learners have it there helps no election.
   */
  get membershipLasts(): boolean {
    return this.#replica.membershipSaved && this.confState.voters.includes(this.memberId);
  }

  /** Member id of the leader; 0 where none is known. */
  get leader(): number {
    return this.#leadership.leader;
  }

  /** Whether this member leads and may execute commands. */
  get leading(): boolean {
    return this.#leadership.leading;
  }

  /** Whether the state has been up to date with the cluster once, and no snapshot is on its way. */
  get caughtUp(): boolean {
    return this.#caughtUp && !this.#replica.installing;
  }

  /** Whether a snapshot is on its way into log and state. */
  get installing(): boolean {
    return this.#replica.installing;
  }

  /** The term that this member leads; 0 while {@link leading} is false. */
  get leadingTerm(): number {
    return this.#leadership.readyTerm;
  }

  /** What was proposed here and is still on its way. */
  get pending(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#proposals.count, bytes: this.#proposals.bytes };
  }

  /** The core's view of itself, with each member's progress where this member leads. */
  status(): Status {
    return this.#node.status();
  }

  /** Calls back synchronously when this member begins or ceases to execute commands. */
  onLeadership(listener: (event: LeadershipEvent) => void): void {
    this.#leadership.listen(listener);
  }

  /** Calls back once when leader or role change; the result cancels. */
  onceChanged(callback: () => void): () => void {
    return this.#leadership.onceChanged(callback);
  }

  /**
   * Proposes an entry on the leader. Its index is known at once, its result once it was applied;
   * an early stage of it may be waited for.
   *
   * @throws ConsensusError `not_leader` or `stopped`, EngineError `overloaded`: it has no effect
   */
  propose(data: Uint8Array, timeoutMs: number, stage: EarlyStage | null = null): Proposed<Result> {
    if (!this.leading || this.#transfer.pending) throw this.#notLeading();
    if (data.length > this.options.maxEntryBytes) {
      throw new EngineError('overloaded', `an entry of ${data.length} bytes is too large`);
    }
    const proposed = this.#proposals.add(this.#node, data, timeoutMs, stage);
    this.#kick();
    return proposed;
  }

  /** Calls back once a majority has the entry at `index`, before it is applied. */
  onceCommitted(index: number, callback: () => void): void {
    this.#commits.add(index, callback);
  }

  /** Proposes the change of one member on the leader; errors as {@link propose}. */
  proposeChange(change: ConfChangeV2, timeoutMs: number): Proposed<Result> {
    if (change.changes.length !== 1 || change.transition !== ConfChangeTransition.Auto) {
      throw new TypeError('members are changed one at a time');
    }
    if (!this.leading || this.#transfer.pending) throw this.#notLeading();
    const proposed = this.#proposals.addChange(this.#node, change, timeoutMs);
    this.#kick();
    return proposed;
  }

  /**
   * Executes a command on the leader, wherever it is.
   *
   * @throws EngineError
   */
  submit(envelope: CommandEnvelope): Promise<Outcome> {
    return this.#forwarder.submit(envelope);
  }

  /**
   * Resolves once the state may serve a read of this demand; null where it may at once.
   *
   * @throws EngineError `unavailable`
   */
  readBarrier(demand: ReadDemand): Promise<void> | null {
    if (demand.consistency === 'eventual') return this.waitReplayed(demand.timeoutMs);
    if (demand.consistency === 'sequential')
      return this.waitApplied(demand.minIndex, demand.timeoutMs);
    return this.confirmRead(demand.timeoutMs);
  }

  /**
   * Resolves once the state is as new as any answer that anybody was given before this call; null
   * where it is already.
   *
   * @throws EngineError `unavailable`
   */
  confirmRead(timeoutMs: number): Promise<void> | null {
    // The only voter that has applied an entry of its own term cannot be outvoted or overtaken.
    if (this.leading && this.#replica.isOnlyVoter) return null;
    if (this.#stopped) return Promise.reject(unavailable());
    const result = this.#reads.confirm(timeoutMs);
    this.#kick();
    return result;
  }

  /**
   * Resolves once everything is applied again that this member knew to be committed before it
   * started; null where it is. Needs nobody else: before, it would show and build on less than it
   * has answered, since what its outbox has given up is in the log alone.
   *
   * @throws EngineError `unavailable`
   */
  waitReplayed(timeoutMs: number): Promise<void> | null {
    return this.waitApplied(this.#committedAtStart, timeoutMs);
  }

  /** Resolves once the entry at `index` is applied here; null where it is. Errors as above. */
  waitApplied(index: number, timeoutMs: number): Promise<void> | null {
    if (this.applied >= index) return null;
    if (this.#stopped) return Promise.reject(unavailable());
    return this.#reads.waitApplied(index, timeoutMs);
  }

  /** Writes a snapshot of the applied state now. */
  takeSnapshot(): Promise<SnapshotMetadata> {
    return this.#snapshots.take();
  }

  /** Who answers administrative requests that members send to their leader. */
  serveAdmin(handler: (from: number, body: Uint8Array) => Promise<Uint8Array>): void {
    this.#admin = handler;
  }

  /**
   * Sends an administrative request to the leader; null where this member leads itself.
   *
   * @throws EngineError
   */
  forwardAdmin(body: Uint8Array, timeoutMs: number): Promise<Uint8Array | null> {
    return this.#forwarder.forward('admin', body, timeoutMs);
  }

  /** As {@link forwardAdmin}, for writes that this member took by itself. */
  forwardOutbox(body: Uint8Array, timeoutMs: number): Promise<Uint8Array | null> {
    return this.#forwarder.forward('outbox', body, timeoutMs);
  }

  /**
   * Hands leadership over; resolves once somebody else leads. Without `to`, to the voter that is
   * furthest along.
   *
   * @throws ConsensusError `not_leader`, EngineError `unavailable`
   */
  async transferLeadership(timeoutMs: number, to: number | null = null): Promise<number> {
    if (!this.#leadership.isLeader) throw this.#notLeading();
    const target = to ?? chooseTransferee(this.#node.status(), this.confState);
    if (target === null) throw new EngineError('unavailable', 'no other voter could take over');
    if (target === this.memberId) return target;
    // What was taken before goes first.
    this.#proposals.flush(this.#node);
    this.#transfer.begin(target);
    this.#kick();
    await this.#transfer.done(timeoutMs, this);
    return this.leader;
  }

  /** Hands leadership over where there is somebody, then ends. The log is closed by its owner. */
  async stop(timeoutMs: number): Promise<void> {
    if (this.#stopped) return;
    const dueMs = this.#deps.clock.monotonicMs() + timeoutMs;
    if (this.#leadership.isLeader && !this.#replica.isOnlyVoter) await this.#handOver(dueMs);
    while (this.#proposals.count > 0 && this.#deps.clock.monotonicMs() < dueMs) {
      await new Promise<void>((resolve) => void this.#deps.clock.after(STOP_POLL_MS, resolve));
    }
    if (!this.#stopped) this.#appends.flush();
    this.#end('the node is shutting down');
  }

  /** To one voter after the other, until one takes over; all may be stopping at once. */
  async #handOver(dueMs: number): Promise<void> {
    const { clock, logger } = this.#deps;
    const tried = new Set<number>();
    const mayGoOn = (): boolean =>
      this.#leadership.isLeader && !this.#stopped && clock.monotonicMs() < dueMs;
    while (mayGoOn()) {
      const to = chooseTransferee(this.#node.status(), this.confState, tried);
      if (to === null) {
        logger.info({ tried: tried.size }, 'no other voter took over: stopping as the leader');
        return;
      }
      tried.add(to);
      this.#proposals.flush(this.#node);
      this.#transfer.begin(to);
      this.#kick();
      while (mayGoOn() && this.#transfer.pending) {
        await new Promise<void>((resolve) => void clock.after(STOP_POLL_MS, resolve));
      }
    }
    if (!this.#leadership.isLeader) logger.info({}, 'handed leadership over');
  }

  #kick(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#defer(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    if (this.#stopped) return;
    try {
      this.#proposals.flush(this.#node);
      if (this.#mayConfirm()) this.#reads.flush(this.#node);
      this.#handleReadys();
      this.#applies.run();
      this.#reads.onApplied(this.applied);
      this.#snapshots.onApplied(this.applied);
      this.#handleReadys();
    } catch (error) {
      this.#fail(error);
    }
    const readsDue = this.#reads.due && this.#mayConfirm();
    if (this.#applies.busy || this.#node.hasReady() || readsDue) this.#kick();
  }

  /**
   * A leader that has not applied an entry of its own term may not know yet what is committed. The
   * core of an only voter would answer nevertheless, with what it knew before its restart.
   */
  #mayConfirm(): boolean {
    return this.leader !== 0 && (this.leading || !this.#leadership.isLeader);
  }

  #handleReadys(): void {
    for (let i = 0; i < MAX_READYS_PER_TURN && !this.#stopped && this.#node.hasReady(); i++) {
      this.#handle(this.#node.ready());
    }
  }

  #handle(ready: Ready): void {
    if (ready.softState !== null) {
      this.#leadership.onSoftState(ready.softState);
      this.#reads.retry();
      const { leader, role } = this.#leadership;
      this.#deps.logger.info(
        { leader, role, term: this.#node.basicStatus().term },
        'leader changed',
      );
    }
    for (const state of ready.readStates) this.#reads.onReadState(state);
    for (const message of ready.messages) this.#dispatch(message);
  }

  #dispatch(message: Message): void {
    if (message.to === LOCAL_APPEND_THREAD) {
      if (message.snapshot !== null) this.#replica.expect(message.snapshot);
      this.#appends.push(message);
    } else if (message.to === LOCAL_APPLY_THREAD) {
      this.#commits.advance(message.entries.at(-1)?.index ?? 0);
      this.#applies.push(message);
    } else this.#send(message);
  }

  #send(message: Message): void {
    if (message.type === MessageType.Snap) this.#snapshots.send(message);
    else this.#deps.transport.send(message.to, message);
  }

  #deliver(responses: readonly Message[]): void {
    if (this.#stopped) return;
    try {
      for (const response of responses) {
        if (response.to === this.memberId) this.#node.step(response);
        else this.#send(response);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#kick();
  }

  /** @throws MessageError where no correct member could have sent it; the link is closed then */
  #step(message: Message): void {
    if (this.#stopped) return;
    // Content of a snapshot comes on a stream of its own; without it, there is nothing to install.
    if (message.type === MessageType.Snap) return;
    // Asked again by whoever sent it.
    if (message.type === MessageType.ReadIndex && !this.#mayConfirm()) return;
    this.#guard(() => void this.#node.step(message));
    this.#kick();
  }

  #onGone(id: number): void {
    if (this.#stopped || !this.#lostLeader.gone(id, this.confState)) return;
    this.#deps.logger.info({ member: id }, 'the leader is gone');
    this.#kick();
  }

  /** Where the own log or the core fails, the peer is not to blame: closing its link would hide it. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error instanceof MessageError) throw error;
      this.#fail(error);
    }
  }

  #serve(from: number, kind: RequestKind, body: Uint8Array): Promise<Uint8Array> {
    if (kind === 'command') return this.#forwarder.serve(body);
    if (kind === 'archive') return this.#deps.serveArchive(body);
    if (kind === 'outbox') return this.#deps.serveOutbox(from, body);
    if (this.#admin === null) return Promise.reject(new ConsensusError('stopped', 'not ready'));
    return this.#admin(from, body);
  }

  #createReplica(): Replica<Result, State> {
    return new Replica({
      ...this.#deps,
      applyChange: (change) => this.#node.applyConfChange(change),
      onApplied: (entry, result) => this.#onApplied(entry, result),
      onInstalled: (index) => {
        this.#proposals.onCovered(index);
        this.#reads.onApplied(index);
      },
      onMembers: () => this.#onMembers(),
    });
  }

  #onApplied(entry: Entry, result: Result): void {
    const { index, term, type } = entry;
    this.#deps.onApplied?.(index, result);
    this.#proposals.onApplied(index, term, type, result);
    if (this.leading || !this.#leadership.isLeader) return;
    if (term === this.#node.basicStatus().term) this.#leadership.begin(term);
  }

  #snapshotSource(): ConstructorParameters<typeof Snapshots>[2] {
    return {
      position: () => this.#replica.position,
      chunks: () => this.state?.snapshot() ?? [],
      written: (chunks) => this.#deps.onSnapshot?.(chunks),
      report: (to, status) => {
        this.#node.reportSnapshot(to, status);
        this.#kick();
      },
      received: (message) => this.#onReceived(message),
      installing: () => this.#replica.installing,
    };
  }

  /** The log is told in the same turn: until it has taken the content, no other may replace it. */
  #onReceived(message: Message): void {
    if (this.#stopped) return;
    this.#guard(() => {
      this.#node.step(message);
      this.#handleReadys();
    });
    this.#kick();
  }

  #onMembers(): void {
    const members = this.state?.members() ?? [];
    this.#deps.transport.setPeers(members.filter((member) => member.id !== this.memberId));
    // It goes on until another member says so: the others may need its vote until their disks know.
    if (this.state !== null && !this.#replica.isMember) {
      this.#deps.logger.warn({}, 'this member was removed: it ends when another one confirms it');
    }
  }

  /** Asks until a quorum has confirmed once that this state is as new as the cluster's. */
  async #watchCatchUp(): Promise<void> {
    const timeoutMs = 10 * this.options.electionTicks * this.options.tickMs;
    while (!this.#caughtUp && !this.#stopped) {
      this.#kick();
      this.#caughtUp = await this.#reads.confirm(timeoutMs).then(
        () => true,
        () => false,
      );
    }
    if (this.#caughtUp) this.#deps.logger.info({ applied: this.applied }, 'caught up');
  }

  #tickLater(): void {
    const { clock } = this.#deps;
    const { tickMs } = this.options;
    // After a stall one tick is enough: what peers sent meanwhile must be heard before more time passes.
    const nowMs = clock.monotonicMs();
    this.#nextTickMs = Math.max(this.#nextTickMs + tickMs, nowMs);
    this.#timer = clock.after(this.#nextTickMs - nowMs, () => this.#tick());
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#guard(() => {
      this.#node.tick();
      this.#lostLeader.tick();
    });
    if (this.#stopped) return;
    this.#transfer.check();
    this.#proposals.sweep(this.#node.basicStatus().lastIndex);
    this.#reads.sweep();
    this.#kick();
    this.#tickLater();
  }

  #notLeading(): ConsensusError {
    return this.#stopped
      ? new ConsensusError('stopped', 'the node is shutting down')
      : new ConsensusError('not_leader', 'this is not the leader');
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    const failure = error instanceof Error ? error : new Error(String(error));
    this.#deps.logger.error({ reason: failure.message }, 'consensus stopped');
    this.#end('the node has failed');
    this.#deps.onFailure(failure);
  }

  #end(reason: string): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#leadership.end();
    this.#proposals.close(reason);
    this.#reads.close(reason);
    void this.#snapshots.close().catch(() => {});
  }
}

function unavailable(): EngineError {
  return new EngineError('unavailable', 'the node is shutting down');
}
