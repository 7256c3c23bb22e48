import type { AckedIndexer } from '../quorum/index.ts';
import { VoteResult } from '../quorum/index.ts';
import type { ConfState } from '../types.ts';
import { Configuration } from './configuration.ts';
import { Inflights } from './inflights.ts';
import type { Progress } from './progress.ts';

/** The progress of every member, voters and learners, by id. */
export type ProgressMap = ReadonlyMap<number, Progress>;

/** The outcome of counting the votes so far. */
export interface Tally {
  readonly granted: number;
  readonly rejected: number;
  readonly result: VoteResult;
}

/** The active configuration, the progress of its members, and the votes of the current election. */
export class ProgressTracker implements AckedIndexer {
  readonly maxInflight: number;
  readonly maxInflightBytes: number;
  #config: Configuration = Configuration.empty;
  #progress: ProgressMap = new Map();
  #members: readonly Progress[] = [];
  #votes = new Map<number, boolean>();

  /** The limits of each member's inflights window. */
  constructor(maxInflight: number, maxInflightBytes: number) {
    this.maxInflight = maxInflight;
    this.maxInflightBytes = maxInflightBytes;
  }

  /** The configuration in force. */
  get config(): Configuration {
    return this.#config;
  }

  /** What is known of every member, by id. */
  get progress(): ProgressMap {
    return this.#progress;
  }

  /** All members in ascending order of id. */
  get members(): readonly Progress[] {
    return this.#members;
  }

  /** The progress of one member, undefined for a stranger. */
  get(id: number): Progress | undefined {
    return this.#progress.get(id);
  }

  /** Puts a configuration into force, with exactly one progress per member. */
  install(config: Configuration, progress: ProgressMap): void {
    this.#config = config;
    this.#progress = progress;
    this.#members = [...progress.values()].sort((a, b) => a.id - b.id);
  }

  /** A window with this tracker's limits. */
  newInflights(): Inflights {
    return new Inflights(this.maxInflight, this.maxInflightBytes);
  }

  /** The configuration in the form in which it is stored. */
  confState(): ConfState {
    return this.#config.toConfState();
  }

  /** Whether there is a single voter, which then decides alone. */
  get singleton(): boolean {
    return this.#config.voters.incoming.size === 1 && !this.#config.joint;
  }

  /** matchIndex of a member (Raft paper, figure 2); undefined for a stranger. */
  ackedIndex(id: number): number | undefined {
    return this.#progress.get(id)?.match;
  }

  /** The largest index that the voters have acknowledged. */
  committed(): number {
    return this.#config.voters.committedIndex(this);
  }

  /** Whether the voters heard from recently form a quorum. */
  quorumActive(): boolean {
    const votes = new Map<number, boolean>();
    for (const member of this.#members) {
      if (!member.isLearner) votes.set(member.id, member.recentActive);
    }
    return this.#config.voters.voteResult(votes) === VoteResult.Won;
  }

  /** Begins a new count. */
  resetVotes(): void {
    this.#votes = new Map();
  }

  /** Counts a vote; only the first one of each member matters. */
  recordVote(id: number, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  /** Counts the votes of voters; those of learners do not matter (Raft paper, section 5.2). */
  tallyVotes(): Tally {
    let granted = 0;
    let rejected = 0;
    for (const member of this.#members) {
      if (member.isLearner) continue;
      const vote = this.#votes.get(member.id);
      if (vote === true) granted++;
      if (vote === false) rejected++;
    }
    return { granted, rejected, result: this.#config.voters.voteResult(this.#votes) };
  }
}
