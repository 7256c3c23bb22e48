import { type Message, MessageType } from 'etcd-raft-ts';
import { BrokenPromise } from './errors.ts';

/** What matters of a message. */
export type Told = Pick<Message, 'type' | 'term' | 'from' | 'to' | 'reject'>;

/** Whether only a leader sends messages of this type. */
export function tellsOfLeader(type: MessageType): boolean {
  return LEADERS_WORDS.has(type);
}

/**
 * Election safety, as members show it to each other: a member gives its vote to one candidate of a
 * term and no other, also across restarts, and a term has one leader (Raft paper, section 5.2).
 */
export class Elections {
  /** By term and voter: whom it voted for. */
  readonly #votes = new Map<string, number>();
  /** By term: who spoke as its leader. */
  readonly #leaders = new Map<number, number>();

  /** Terms in which somebody led. */
  get terms(): number {
    return this.#leaders.size;
  }

  /** @throws BrokenPromise */
  onSend({ type, term, from, to, reject }: Told): void {
    // A candidate asks before its own vote is durable, so to ask is to promise nothing.
    if (type === MessageType.VoteResp && !reject) this.#vote(term, from, to);
    else if (LEADERS_WORDS.has(type)) this.#lead(term, from);
  }

  #vote(term: number, voter: number, candidate: number): void {
    const key = `${term}/${voter}`;
    const known = this.#votes.get(key) ?? candidate;
    this.#votes.set(key, known);
    if (known === candidate) return;
    const text = `member ${voter} voted for ${known} and for ${candidate} in term ${term}`;
    throw new BrokenPromise('election-safety', text);
  }

  #lead(term: number, leader: number): void {
    const known = this.#leaders.get(term) ?? leader;
    this.#leaders.set(term, known);
    if (known === leader) return;
    throw new BrokenPromise('election-safety', `${known} and ${leader} both lead in term ${term}`);
  }
}

/** What only a leader says. */
const LEADERS_WORDS: ReadonlySet<number> = new Set([
  MessageType.App,
  MessageType.Heartbeat,
  MessageType.Snap,
  MessageType.TimeoutNow,
]);
