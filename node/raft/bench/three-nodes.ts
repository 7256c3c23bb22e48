/**
 * `node bench/three-nodes.ts [BATCH] [SECONDS]`: three nodes in one process hand each
 * other their messages, without encoding, disk or network. Prints how many messages
 * between members are delivered per second, with entries of 256 bytes.
 */
import type { Message } from '../src/index.ts';
import { MemoryStorage, NO_LIMIT, RawNode } from '../src/index.ts';

const ENTRY_BYTES = 256;
const COMPACT_EVERY = 10_000;

class Member {
  readonly storage = new MemoryStorage();
  readonly raft: RawNode;
  applied = 0;
  #compacted = 0;

  constructor(id: number) {
    const confState = {
      voters: [1, 2, 3],
      learners: [],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    };
    this.storage.applySnapshot({
      data: new Uint8Array(0),
      metadata: { confState, index: 1, term: 1 },
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
    if (this.applied - this.#compacted > COMPACT_EVERY) {
      this.#compacted = this.applied - COMPACT_EVERY / 2;
      this.storage.compact(this.#compacted);
    }
  }
}

class Cluster {
  readonly members = [new Member(1), new Member(2), new Member(3)];
  delivered = 0;
  #network: Message[] = [];

  settle(): void {
    let busy = true;
    while (busy) {
      busy = false;
      for (const member of this.members) {
        while (member.raft.hasReady()) {
          member.work(this.#network);
          busy = true;
        }
      }
      const messages = this.#network;
      this.#network = [];
      for (const message of messages) {
        this.members[message.to - 1]?.raft.step(message);
        this.delivered++;
        busy = true;
      }
    }
  }
}

function measure(batch: number, seconds: number): void {
  const cluster = new Cluster();
  const leader = cluster.members[0];
  if (leader === undefined) throw new Error('no leader');
  leader.raft.campaign();
  cluster.settle();
  const data = Array.from({ length: batch }, () => new Uint8Array(ENTRY_BYTES));
  const run = (limitMs: number) => {
    const startMessages = cluster.delivered;
    const startApplied = leader.applied;
    const start = performance.now();
    let elapsed = 0;
    while (elapsed < limitMs) {
      for (let i = 0; i < 200; i++) {
        leader.raft.proposeBatch(data);
        cluster.settle();
      }
      elapsed = performance.now() - start;
    }
    return {
      messages: Math.round(((cluster.delivered - startMessages) / elapsed) * 1000),
      entries: Math.round(((leader.applied - startApplied) / elapsed) * 1000),
    };
  };
  run(500);
  const { messages, entries } = run(seconds * 1000);
  console.log(`batch ${batch}: ${messages} messages/s, ${entries} entries/s committed`);
}

const [batch, seconds] = process.argv.slice(2).map(Number);
for (const size of batch === undefined ? [1, 100] : [batch]) measure(size, seconds ?? 3);
