import type { ConfState, Entry } from '../src/index.ts';
import { decodeConfChange, decodeConfChangeV2, EntryType } from '../src/index.ts';
import type { Known } from './log-view.ts';
import { changeConf } from './membership-model.ts';
import { demand, Violation } from './violation.ts';

/** A ReadIndex request as its client remembers it. */
export interface Read {
  readonly requester: number;
  /** The highest commit index of any member at the time of the request. */
  readonly floor: number;
  /** The number of the event that made the request. */
  readonly event: number;
  answered: boolean;
}

/** What is decided at one index, and the state that results from it. */
interface Decision {
  readonly known: Known;
  /** The term of the member that was the first to commit it. */
  readonly term: number;
  readonly stateHash: number;
  readonly conf: ConfState;
}

/** Facts that hold for the whole group for ever; whatever contradicts one is a violation. */
export class Ledger {
  /** All entries ever seen, by index; hardly ever more than two per index. */
  readonly #known: Known[][] = [];
  readonly #decisions: (Decision | undefined)[] = [];
  readonly #leaders = new Map<number, number>();
  readonly #votes = new Map<number, Map<number, number>>();
  readonly reads = new Map<number, Read>();
  readonly #first: number;
  highestLeaderTerm = 0;
  /** Decided entries of clients, and decided membership changes. */
  commits = 0;
  confChanges = 0;
  readsAnswered = 0;
  /** The highest commit index that any member ever knew of. */
  maxCommit: number;

  /** The group is founded by `entry`, which everyone agrees on, and `conf`. */
  constructor(entry: Entry, conf: ConfState) {
    this.#first = entry.index;
    this.maxCommit = entry.index;
    const known = this.know(entry, null);
    const stateHash = hashEntry(0, entry);
    this.#decisions[entry.index] = { known, term: entry.term, stateHash, conf };
  }

  /** Log matching: an entry with the same index and term is the same, and so is all before it. */
  know(entry: Entry, previous: Known | null): Known {
    const { index, term } = entry;
    const found = this.find(index, term);
    if (found === undefined) {
      const known = { entry, previous };
      (this.#known[index] ??= []).push(known);
      return known;
    }
    const same =
      sameContent(found.entry, entry) &&
      (found.previous === previous || found.previous === null || previous === null);
    demand(same, 'log matching', () => `two different entries at index ${index} of term ${term}`);
    return found;
  }

  find(index: number, term: number): Known | undefined {
    const list = this.#known[index];
    if (list === undefined) return undefined;
    for (const known of list) if (known.entry.term === term) return known;
    return undefined;
  }

  /** State-machine safety: `known` is committed at its index, by a member in `term`. */
  commit(known: Known, term: number): void {
    const { index } = known.entry;
    const decided = this.#decisions[index];
    if (decided !== undefined) {
      demand(
        decided.known === known,
        'state-machine safety',
        () =>
          `index ${index} is committed with term ${known.entry.term}, ` +
          `and with term ${decided.known.entry.term}`,
      );
      return;
    }
    const before = this.decision(index - 1);
    const stateHash = hashEntry(before.stateHash, known.entry);
    const conf = confAfter(before.conf, known.entry);
    this.#decisions[index] = { known, term, stateHash, conf };
    if (conf !== before.conf) this.confChanges++;
    if (known.entry.type === EntryType.Normal && known.entry.data.length > 0) this.commits++;
  }

  /** Notes that a read is answered, maybe again. */
  answer(number: number): Read | undefined {
    const read = this.reads.get(number);
    if (read === undefined) return undefined;
    if (!read.answered) this.readsAnswered++;
    read.answered = true;
    return read;
  }

  /** How many leaders there have been. */
  get elections(): number {
    return this.#leaders.size;
  }

  /** @throws {Violation} when nothing is committed at `index`. */
  decision(index: number): Decision {
    const decision = this.#decisions[index];
    if (decision === undefined) {
      throw new Violation('state-machine safety', `nothing is committed at index ${index}`);
    }
    return decision;
  }

  /** How far decisions go. */
  get lastDecided(): number {
    return this.#decisions.length - 1;
  }

  /** The last entry that was committed before `term`: a leader of that term must have it. */
  lastDecidedBefore(term: number): Known | null {
    for (let index = this.lastDecided; index > this.#first; index--) {
      const decision = this.#decisions[index];
      if (decision !== undefined && decision.term < term) return decision.known;
    }
    return null;
  }

  /** Election safety: at most one leader in each term. Also for whom a member follows. */
  lead(term: number, id: number): void {
    const leader = this.#leaders.get(term);
    demand(
      leader === undefined || leader === id,
      'election safety',
      () => `${id} and ${leader} both lead in term ${term}`,
    );
    this.#leaders.set(term, id);
    this.highestLeaderTerm = Math.max(this.highestLeaderTerm, term);
  }

  leaderOf(term: number): number | undefined {
    return this.#leaders.get(term);
  }

  /** One vote in each term, across restarts: `voter` has durably voted for `candidate`. */
  vote(term: number, voter: number, candidate: number): void {
    let votes = this.#votes.get(term);
    if (votes === undefined) {
      votes = new Map();
      this.#votes.set(term, votes);
    }
    const previous = votes.get(voter);
    demand(
      previous === undefined || previous === candidate,
      'one vote per term',
      () => `${voter} votes for ${previous} and for ${candidate} in term ${term}`,
    );
    votes.set(voter, candidate);
  }

  /** Whether `voter` has durably voted for `candidate`. */
  hasVoted(term: number, voter: number, candidate: number): boolean {
    return this.#votes.get(term)?.get(voter) === candidate;
  }
}

function sameContent(a: Entry, b: Entry): boolean {
  if (a.type !== b.type) return false;
  if (a.data === b.data) return true;
  if (a.data.length !== b.data.length) return false;
  return a.data.every((byte, i) => byte === b.data[i]);
}

/** The membership after an entry; a change that does not fit is refused by the application. */
export function confAfter(conf: ConfState, entry: Entry): ConfState {
  if (entry.type === EntryType.Normal) return conf;
  if (entry.type === EntryType.ConfChangeV2) {
    return changeConf(conf, decodeConfChangeV2(entry.data)) ?? conf;
  }
  const { type, nodeId } = decodeConfChange(entry.data);
  const changes = [{ type, nodeId }];
  return changeConf(conf, { transition: 0, changes, context: entry.data }) ?? conf;
}

/** The state of the replicated state machine is the hash of all that it was told. */
export function hashEntry(state: number, entry: Entry): number {
  const { data } = entry;
  let hash = Math.imul(state ^ entry.index, 0x85ebca6b) ^ Math.imul(entry.term, 0xc2b2ae35);
  for (let i = 0; i < 4 && i < data.length; i++) {
    hash = Math.imul(hash ^ (data[i] ?? 0), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) | 0;
}
