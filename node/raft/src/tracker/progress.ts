import { RaftInvariantError } from '../errors.ts';
import type { Inflights } from './inflights.ts';

/** How the leader sends to a follower. */
export const ProgressState = {
  /** Where the logs match is unknown: at most one App message per heartbeat, to find out. */
  Probe: 0,
  /** The logs match up to `match`: App messages are pipelined. */
  Replicate: 1,
  /** The follower needs a snapshot, and nothing else until it has it. */
  Snapshot: 2,
} as const;
export type ProgressState = (typeof ProgressState)[keyof typeof ProgressState];

const STATE_NAMES = ['StateProbe', 'StateReplicate', 'StateSnapshot'] as const;

/** `StateProbe` and the like. */
export function progressStateName(state: ProgressState): string {
  return STATE_NAMES[state];
}

/**
 * What the leader knows about one member: `match` and `next` are matchIndex and
 * nextIndex of the Raft paper (figure 2), the rest is flow control.
 */
export class Progress {
  readonly id: number;
  isLearner: boolean;
  inflights: Inflights;
  /** The last index known to be in the member's log. Always less than `next`. */
  match = 0;
  /** The first index that was not sent yet; `(match, next)` is under way. */
  next: number;
  state: ProgressState = ProgressState.Probe;
  /** In Snapshot state: the index of the snapshot that was sent. */
  pendingSnapshot = 0;
  /** Whether the member was heard from since the last CheckQuorum; always true for the leader itself. */
  recentActive = false;
  /** Nothing more is sent until the next heartbeat response or acknowledgement. */
  msgAppFlowPaused = false;
  /** The highest commit index that is under way; it can fall back when messages may be lost. */
  #sentCommit = 0;

  constructor(id: number, next: number, inflights: Inflights, isLearner: boolean) {
    this.id = id;
    this.next = next;
    this.inflights = inflights;
    this.isLearner = isLearner;
  }

  /** A copy that shares the inflights window, for a configuration that succeeds this one. */
  successor(): Progress {
    return this.#copy(this.inflights);
  }

  /** A copy that shares nothing. */
  clone(): Progress {
    return this.#copy(this.inflights.clone());
  }

  /** Forgets everything known, as at the start of a term. */
  restart(match: number, next: number, inflights: Inflights): void {
    this.match = match;
    this.next = next;
    this.inflights = inflights;
    this.state = ProgressState.Probe;
    this.pendingSnapshot = 0;
    this.recentActive = false;
    this.msgAppFlowPaused = false;
    this.#sentCommit = 0;
  }

  /** Stops sending ahead, until an acknowledgement shows where the logs match. */
  becomeProbe(): void {
    // A follower that has the snapshot continues after it.
    const sent = this.state === ProgressState.Snapshot ? this.pendingSnapshot : 0;
    this.#enter(ProgressState.Probe);
    this.next = Math.max(this.match, sent) + 1;
    this.#limitSentCommit();
  }

  /** Starts sending ahead from the end of what matches (Raft thesis, section 10.2.1). */
  becomeReplicate(): void {
    this.#enter(ProgressState.Replicate);
    this.next = this.match + 1;
  }

  /** Waits for the snapshot at that index to arrive (Raft paper, section 7). */
  becomeSnapshot(snapshotIndex: number): void {
    this.#enter(ProgressState.Snapshot);
    this.pendingSnapshot = snapshotIndex;
    this.next = snapshotIndex + 1;
    this.#sentCommit = snapshotIndex;
  }

  /** Accounts for an App message with `count` entries of `bytes` bytes that starts at `next`. */
  sentEntries(count: number, bytes: number): void {
    if (this.state === ProgressState.Replicate) {
      if (count > 0) {
        this.next += count;
        this.inflights.add(this.next - 1, bytes);
      }
      // With a full window every further message is only a probe.
      this.msgAppFlowPaused = this.inflights.full;
      return;
    }
    if (this.state !== ProgressState.Probe) {
      throw new RaftInvariantError(`sending append in state ${STATE_NAMES[this.state]}`);
    }
    if (count > 0) this.msgAppFlowPaused = true;
  }

  /** Whether telling the member about commit index `commit` could advance its own. */
  canBumpCommit(commit: number): boolean {
    return commit > this.#sentCommit && this.#sentCommit < this.next - 1;
  }

  /** Notes that the member is being told about a commit index. */
  sentCommit(commit: number): void {
    this.#sentCommit = commit;
  }

  /** Notes that the member has everything up to `index`; false when that is not news. */
  maybeUpdate(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    if (this.next <= index) this.next = index + 1;
    this.msgAppFlowPaused = false;
    return true;
  }

  /**
   * Moves `next` back after the probe of `rejected` was refused; the logs may match
   * at `matchHint`. False when the refusal is stale and must be ignored.
   */
  maybeDecrTo(rejected: number, matchHint: number): boolean {
    if (this.state === ProgressState.Replicate) {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      this.#limitSentCommit();
      return true;
    }
    // Probes go out one at a time, so an answer to anything else is old.
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, matchHint + 1), this.match + 1);
    this.#limitSentCommit();
    this.msgAppFlowPaused = false;
    return true;
  }

  /** Whether nothing may be sent to the member right now. */
  get paused(): boolean {
    return this.state === ProgressState.Snapshot || this.msgAppFlowPaused;
  }

  /** State, match and next, and what is out of the ordinary. */
  toString(): string {
    let text = `${STATE_NAMES[this.state]} match=${this.match} next=${this.next}`;
    if (this.isLearner) text += ' learner';
    if (this.paused) text += ' paused';
    if (this.pendingSnapshot > 0) text += ` pendingSnap=${this.pendingSnapshot}`;
    if (!this.recentActive) text += ' inactive';
    if (this.inflights.count > 0) {
      text += ` inflight=${this.inflights.count}${this.inflights.full ? '[full]' : ''}`;
    }
    return text;
  }

  #enter(state: ProgressState): void {
    this.msgAppFlowPaused = false;
    this.pendingSnapshot = 0;
    this.state = state;
    this.inflights.reset();
  }

  /** What was sent beyond `next` has probably not been applied. */
  #limitSentCommit(): void {
    this.#sentCommit = Math.min(this.#sentCommit, this.next - 1);
  }

  #copy(inflights: Inflights): Progress {
    const copy = new Progress(this.id, this.next, inflights, this.isLearner);
    copy.match = this.match;
    copy.state = this.state;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.recentActive = this.recentActive;
    copy.msgAppFlowPaused = this.msgAppFlowPaused;
    copy.#sentCommit = this.#sentCommit;
    return copy;
  }
}
