/**
 * Three members in one process that hand each other their messages, without encoding,
 * disk or network: what is left is the core itself.
 */
import type { Message } from '../src/index.ts';
import { MemoryStorage, NO_BYTES, NO_LIMIT, RawNode } from '../src/index.ts';

const CONF_STATE = {
  voters: [1, 2, 3],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

class Member {
  readonly storage = new MemoryStorage();
  readonly raft: RawNode;
  applied = 1;
  readonly #keptEntries: number;

  constructor(id: number, keptEntries: number) {
    this.#keptEntries = keptEntries;
    this.storage.applySnapshot({
      data: NO_BYTES,
      metadata: { confState: CONF_STATE, index: 1, term: 1 },
    });
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

  /** How many entries are in the log, and how many were committed and applied by the leader. */
  get logLength(): number {
    return this.#leader.storage.lastIndex() - this.#leader.storage.firstIndex() + 1;
  }

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
