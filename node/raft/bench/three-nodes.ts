/**
 * Three members in one process that hand each other their messages, without encoding,
 * disk or network: what is left is the core itself.
 */
import type { Message } from '../src/index.ts';
import { NO_LIMIT, RawNode } from '../src/index.ts';
import { RecentStorage } from './recent-storage.ts';

const CONF_STATE = {
  voters: [1, 2, 3],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

class Member {
  readonly storage = new RecentStorage(CONF_STATE);
  readonly raft: RawNode;
  applied = 1;
  readonly #keptEntries: number;

  constructor(id: number, keptEntries: number) {
    this.#keptEntries = keptEntries;
    this.raft = new RawNode({
      id,
      storage: this.storage,
      electionTick: 10,
      heartbeatTick: 1,
      randomElectionJitter: () => 0,
      maxSizePerMsg: NO_LIMIT,
      maxInflightMsgs: 256,
      applied: 1,
    });
  }

  /** Handles one Ready; the messages go to `network`. */
  work(network: Message[]): void {
    const ready = this.raft.ready();
    if (ready.hardState !== null) this.storage.setHardState(ready.hardState);
    this.storage.append(ready.entries);
    for (const message of ready.messages) network.push(message);
    const last = ready.committedEntries.at(-1);
    if (last !== undefined) this.applied = last.index;
    this.raft.advance();
    if (this.applied - this.storage.firstIndex() > 1.5 * this.#keptEntries) {
      this.storage.compact(this.applied - this.#keptEntries);
    }
  }
}

/** Member 1 leads. */
export class ThreeNodes {
  /** Messages between members that arrived so far. */
  delivered = 0;
  readonly #members: readonly Member[];
  readonly #leader: Member;
  #network: Message[] = [];

  /** A log half as long again as `keptEntries` is compacted to that length; Infinity: never. */
  constructor(keptEntries: number) {
    this.#leader = new Member(1, keptEntries);
    this.#members = [this.#leader, new Member(2, keptEntries), new Member(3, keptEntries)];
    this.#leader.raft.campaign();
    this.#settle();
  }

  /** The last index that the leader has committed and applied. */
  get applied(): number {
    return this.#leader.applied;
  }

  /** Proposes `batch` in one message, and delivers until it is applied everywhere. */
  commit(batch: readonly Uint8Array[]): void {
    this.#leader.raft.proposeBatch(batch);
    this.#settle();
  }

  #settle(): void {
    let busy = true;
    while (busy) {
      busy = false;
      for (const member of this.#members) {
        while (member.raft.hasReady()) {
          member.work(this.#network);
          busy = true;
        }
      }
      const messages = this.#network;
      this.#network = [];
      for (const message of messages) {
        this.#members[message.to - 1]?.raft.step(message);
        this.delivered++;
        busy = true;
      }
    }
  }
}
