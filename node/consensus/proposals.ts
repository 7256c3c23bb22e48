import type { ConfChangeV2, Entry, RawNode } from 'etcd-raft-ts';
import { EntryType, NO_BYTES, StateType } from 'etcd-raft-ts';
import { type Clock, EngineError } from '../ports/index.ts';
import { ConsensusError } from './errors.ts';
import type { ConsensusOptions } from './options.ts';

/**
 * What a caller may wait for before an entry is applied: that the leader has put it into its log
 * (`taken`), or that it is durable there (`stored`). Neither outlives the leader.
 */
export type EarlyStage = 'taken' | 'stored';

interface Early {
  readonly stage: EarlyStage;
  readonly reached: () => void;
}

/** A proposal from the moment it is taken until its fate is known. */
interface Proposal<Result> {
  /** Given up once it is in the core's hands. */
  data: Uint8Array;
  readonly bytes: number;
  /** Whether it still counts: until its entry has left the log or was applied. */
  counts: boolean;
  /** Its caller was told that its outcome is unknown. */
  givenUp: boolean;
  readonly early: Early | null;
  /** Set for a membership change. */
  readonly change: ConfChangeV2 | null;
  readonly dueMs: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
  readonly index: number;
  term: number;
  /** Another one of an earlier term at the same index, whose fate is still open. */
  older: Proposal<Result> | null;
}

/** An entry on its way: where it stands in the log, and what applying it will give. */
export interface Proposed<Result> {
  readonly index: number;
  /**
   * Rejects with ConsensusError where it certainly has no effect, with EngineError
   * `outcome_unknown` where that cannot be known.
   */
  readonly result: Promise<Result>;
  /** Resolves at the stage that was asked for, or with `result`; rejects as it does. */
  readonly early: Promise<void> | null;
}

/**
 * Proposals of this member. All that arrive in one turn of the event loop enter the log together.
 * Index and term identify an entry: what is applied there decides over the proposal.
 */
export class Proposals<Result> {
  readonly #options: ConsensusOptions;
  readonly #clock: Clock;
  #queue: Proposal<Result>[] = [];
  /** Index of the first of the queue. */
  #queueStart = 0;
  readonly #open = new Map<number, Proposal<Result>>();
  /** In the order of the log: those that wait for the leader's own disk. */
  #unstored: Proposal<Result>[] = [];
  #count = 0;
  #bytes = 0;

  constructor(options: ConsensusOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * Proposals taken whose entries are still on their way, also where nobody waits for them any
   * more: they take up memory until they are applied or replaced.
   */
  get count(): number {
    return this.#count;
  }

  /** Bytes of these. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes an entry for the next batch. Its index is known at once, because only this queue extends
   * a leader's log.
   *
   * @throws EngineError `overloaded`
   */
  add(
    node: RawNode,
    data: Uint8Array,
    timeoutMs: number,
    stage: EarlyStage | null = null,
  ): Proposed<Result> {
    return this.#take(node, data, null, timeoutMs, stage);
  }

  /** As {@link add}, for a membership change. */
  addChange(node: RawNode, change: ConfChangeV2, timeoutMs: number): Proposed<Result> {
    return this.#take(node, NO_BYTES, change, timeoutMs, null);
  }

  /** Hands the queue to the core, in order, in batches of at most `batchSize`. */
  flush(node: RawNode): void {
    const queue = this.#queue;
    if (queue.length === 0) return;
    this.#queue = [];
    let start = 0;
    while (start < queue.length) {
      const end = this.#batchEnd(queue, start);
      this.#propose(node, queue.slice(start, end));
      start = end;
    }
  }

  /** An entry was applied: decides the fate of what was proposed at its index. */
  onApplied(index: number, term: number, type: EntryType, result: Result): void {
    let proposal = this.#open.get(index) ?? null;
    if (proposal === null) return;
    this.#open.delete(index);
    for (; proposal !== null; proposal = proposal.older) {
      this.#uncount(proposal);
      if (proposal.term !== term) proposal.reject(lost());
      else if (proposal.change !== null && type === EntryType.Normal) proposal.reject(refused());
      else proposal.resolve(result);
    }
  }

  /** Entries, in a row, are durable on this member's disk. */
  onStored(entries: readonly Entry[]): void {
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined || this.#unstored.length === 0) return;
    const next = this.#unstored.findIndex(({ index }) => index > last.index);
    const reached = this.#unstored.splice(0, next === -1 ? this.#unstored.length : next);
    for (const { index, term, early } of reached) {
      if (entries[index - first.index]?.term === term) early?.reached();
    }
  }

  /** The state jumped to `index` by a snapshot, which does not tell what was applied on the way. */
  onCovered(index: number): void {
    for (const proposal of this.#open.values()) {
      if (proposal.index > index) continue;
      this.#giveUp(proposal, 'a snapshot passed over it');
      this.#release(proposal);
    }
  }

  /**
   * Gives up what is overdue: nobody waits for it any more, but it counts until its entry is
   * applied, or gone from the log of this member.
   *
   * @param lastIndex of the log
   */
  sweep(lastIndex: number): void {
    const nowMs = this.#clock.monotonicMs();
    for (const newest of this.#open.values()) {
      if (newest.dueMs <= nowMs) this.#giveUp(newest, 'not applied in time');
      if (newest.givenUp && newest.index > lastIndex) this.#release(newest);
    }
  }

  /** Gives up everything: what entered the log is of unknown fate, the rest has no effect. */
  close(reason: string): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const proposal of queue) {
      this.#uncount(proposal);
      proposal.reject(new ConsensusError('stopped', reason));
    }
    for (const proposal of this.#open.values()) {
      this.#giveUp(proposal, reason);
      this.#release(proposal);
    }
  }

  #take(
    node: RawNode,
    data: Uint8Array,
    change: ConfChangeV2 | null,
    timeoutMs: number,
    stage: EarlyStage | null,
  ): Proposed<Result> {
    const { maxPendingProposals, maxPendingBytes } = this.#options;
    if (this.#count >= maxPendingProposals || this.#bytes + data.length > maxPendingBytes) {
      throw new EngineError('overloaded', 'too many proposals are under way');
    }
    this.#count++;
    this.#bytes += data.length;
    if (this.#queue.length === 0) this.#queueStart = node.basicStatus().lastIndex + 1;
    const index = this.#queueStart + this.#queue.length;
    const dueMs = this.#clock.monotonicMs() + timeoutMs;
    const { promise: result, resolve, reject } = Promise.withResolvers<Result>();
    const waits = stage === null ? null : earlyOf(stage, result);
    const early = waits?.early ?? null;
    const fate = { resolve, reject, givenUp: false, counts: true };
    const place = { index, term: 0, older: null };
    this.#queue.push({ ...fate, ...place, data, bytes: data.length, change, dueMs, early });
    return { index, result, early: waits?.reached ?? null };
  }

  /** A membership change goes alone. */
  #batchEnd(queue: readonly Proposal<Result>[], start: number): number {
    const limit = Math.min(queue.length, start + this.#options.batchSize);
    let end = start;
    while (end < limit && queue[end]?.change === null) end++;
    return Math.max(end, start + 1);
  }

  #propose(node: RawNode, batch: readonly Proposal<Result>[]): void {
    const change = batch[0]?.change ?? null;
    const result =
      change === null
        ? node.proposeBatch(batch.map((proposal) => proposal.data))
        : node.proposeConfChange(change);
    const status = node.basicStatus();
    if (result !== 'ok') {
      this.#refuse(batch, dropReason(status.raftState));
      return;
    }
    if (batch.at(-1)?.index !== status.lastIndex) {
      throw new Error(`proposals up to ${batch.at(-1)?.index} ended up at ${status.lastIndex}`);
    }
    for (const proposal of batch) this.#onTaken(proposal, status.term);
  }

  /** It stands in the log of this leader. */
  #onTaken(proposal: Proposal<Result>, term: number): void {
    proposal.term = term;
    proposal.data = NO_BYTES;
    const older = this.#open.get(proposal.index) ?? null;
    // Its entry is gone from this log.
    if (older !== null) this.#uncount(older);
    proposal.older = older;
    this.#open.set(proposal.index, proposal);
    if (proposal.early?.stage === 'taken') proposal.early.reached();
    else if (proposal.early !== null) this.#unstored.push(proposal);
  }

  #refuse(batch: readonly Proposal<Result>[], error: Error): void {
    for (const proposal of batch) {
      this.#uncount(proposal);
      proposal.reject(error);
    }
  }

  #giveUp(newest: Proposal<Result>, reason: string): void {
    for (let proposal: Proposal<Result> | null = newest; proposal; proposal = proposal.older) {
      if (proposal.givenUp) continue;
      proposal.givenUp = true;
      proposal.reject(new EngineError('outcome_unknown', `the write may take effect: ${reason}`));
    }
  }

  /** Its entry takes up nothing here any more. */
  #release(newest: Proposal<Result>): void {
    this.#open.delete(newest.index);
    for (let proposal: Proposal<Result> | null = newest; proposal; proposal = proposal.older) {
      this.#uncount(proposal);
    }
  }

  #uncount(proposal: Proposal<Result>): void {
    if (!proposal.counts) return;
    proposal.counts = false;
    this.#count--;
    this.#bytes -= proposal.bytes;
  }
}

/** A promise for an early stage, which the fate of the whole decides too. */
function earlyOf(stage: EarlyStage, result: Promise<unknown>) {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  result.then(() => resolve(), reject);
  return { early: { stage, reached: resolve }, reached: promise };
}

function dropReason(role: StateType): Error {
  if (role !== StateType.Leader) return new ConsensusError('not_leader', 'this is not the leader');
  return new ConsensusError('not_leader', 'leadership is being handed over');
}

function lost(): ConsensusError {
  return new ConsensusError('proposal_lost', 'a change of leader replaced the entry');
}

function refused(): ConsensusError {
  return new ConsensusError('change_refused', 'another membership change was under way');
}
