import type { AckedIndexer } from './majority.ts';
import { MajorityConfig, VoteResult } from './majority.ts';

/**
 * Two sets of voters that must agree separately (Raft thesis, section 4.3).
 * Outside a membership change the outgoing half is empty. Immutable.
 */
export class JointConfig {
  readonly incoming: MajorityConfig;
  readonly outgoing: MajorityConfig;

  constructor(incoming: MajorityConfig, outgoing: MajorityConfig = new MajorityConfig()) {
    this.incoming = incoming;
    this.outgoing = outgoing;
  }

  /** The voters of both halves in ascending order, each once. */
  get ids(): readonly number[] {
    if (this.outgoing.size === 0) return this.incoming.ids;
    return new MajorityConfig([...this.incoming.ids, ...this.outgoing.ids]).ids;
  }

  /** Whether `id` is a voter of either half. */
  has(id: number): boolean {
    return this.incoming.has(id) || this.outgoing.has(id);
  }

  /** `(1 2 3)`, or `(1 2 3)&&(2 3 4)` while joint. */
  toString(): string {
    if (this.outgoing.size === 0) return this.incoming.toString();
    return `${this.incoming.toString()}&&${this.outgoing.toString()}`;
  }

  /** The largest index that both halves have committed. */
  committedIndex(indexer: AckedIndexer): number {
    const incoming = this.incoming.committedIndex(indexer);
    if (this.outgoing.size === 0) return incoming;
    return Math.min(incoming, this.outgoing.committedIndex(indexer));
  }

  /** Won when both halves are won, lost as soon as either is lost. */
  voteResult(votes: ReadonlyMap<number, boolean>): VoteResult {
    const incoming = this.incoming.voteResult(votes);
    const outgoing = this.outgoing.voteResult(votes);
    if (incoming === outgoing) return incoming;
    if (incoming === VoteResult.Lost || outgoing === VoteResult.Lost) return VoteResult.Lost;
    return VoteResult.Pending;
  }
}
