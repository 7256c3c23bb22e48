/** Looks up the highest index a voter has acknowledged; undefined when it never did. */
export interface AckedIndexer {
  ackedIndex(id: number): number | undefined;
}

/** The state of an election, as far as the votes cast so far decide it. */
export const VoteResult = { Pending: 1, Lost: 2, Won: 3 } as const;
export type VoteResult = (typeof VoteResult)[keyof typeof VoteResult];

/**
 * A set of voters that decides by majority. Immutable. The empty set agrees to
 * everything, so that one half of a joint configuration may be empty.
 */
export class MajorityConfig {
  /** The voters in ascending order. */
  readonly ids: readonly number[];
  /** Working space of committedIndex, which runs for every acknowledgement. */
  readonly #acked: number[];

  constructor(ids: Iterable<number> = []) {
    this.ids = [...new Set(ids)].sort((a, b) => a - b);
    this.#acked = this.ids.map(() => 0);
  }

  /** How many voters there are. */
  get size(): number {
    return this.ids.length;
  }

  /** Whether `id` is one of the voters. */
  has(id: number): boolean {
    return this.ids.includes(id);
  }

  /** The ids in hexadecimal, as in `(1 2 a)`. */
  toString(): string {
    return `(${this.ids.map((id) => id.toString(16)).join(' ')})`;
  }

  /**
   * The largest index that a majority has acknowledged (Raft paper, section 5.3);
   * Infinity for the empty set.
   */
  committedIndex(indexer: AckedIndexer): number {
    const voters = this.ids.length;
    if (voters === 0) return Number.POSITIVE_INFINITY;
    const acked = this.#acked;
    for (let i = 0; i < voters; i++) {
      insertSorted(acked, i, indexer.ackedIndex(this.ids[i] ?? 0) ?? 0);
    }
    // Ascending order: all from this position on, a majority, are at least as far.
    return acked[voters - (Math.floor(voters / 2) + 1)] ?? 0;
  }

  /** Whether the votes decide an election; members that did not vote yet may still go either way. */
  voteResult(votes: ReadonlyMap<number, boolean>): VoteResult {
    if (this.ids.length === 0) return VoteResult.Won;
    let granted = 0;
    let missing = 0;
    for (const id of this.ids) {
      const vote = votes.get(id);
      if (vote === undefined) missing++;
      else if (vote) granted++;
    }
    const quorum = Math.floor(this.ids.length / 2) + 1;
    if (granted >= quorum) return VoteResult.Won;
    return granted + missing >= quorum ? VoteResult.Pending : VoteResult.Lost;
  }
}

/** Inserts `value` into the sorted prefix of length `count`; there are few voters. */
function insertSorted(sorted: number[], count: number, value: number): void {
  let at = count;
  while (at > 0) {
    const previous = sorted[at - 1] ?? 0;
    if (previous <= value) break;
    sorted[at] = previous;
    at--;
  }
  sorted[at] = value;
}
