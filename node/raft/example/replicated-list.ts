import type { Message } from 'etcd-raft-ts';
import { EntryType, MemoryStorage, RawNode } from 'etcd-raft-ts';

const MEMBERS = [1, 2, 3];

/** A list of words, kept equal on every member. */
class ReplicatedList {
  readonly words: string[] = [];
  readonly raft: RawNode;
  readonly #storage = new MemoryStorage();

  constructor(id: number) {
    // Every founder starts from the same snapshot, which names all founders.
    const confState = {
      voters: MEMBERS,
      learners: [],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    };
    const data = new Uint8Array(0);
    this.#storage.applySnapshot({ data, metadata: { confState, index: 1, term: 1 } });
    this.raft = new RawNode({
      id,
      storage: this.#storage,
      electionTick: 10,
      heartbeatTick: 1,
      maxInflightMsgs: 256,
      randomElectionJitter: (electionTick) => Math.floor(Math.random() * electionTick),
    });
  }

  /** Handles what is ready, in the order that the contract demands; returns what to send. */
  work(): readonly Message[] {
    if (!this.raft.hasReady()) return [];
    const ready = this.raft.ready();
    // 1. Persist, durably if ready.mustSync (a memory storage has no disk to wait for).
    if (ready.snapshot !== null) this.#storage.applySnapshot(ready.snapshot);
    this.#storage.append(ready.entries);
    if (ready.hardState !== null) this.#storage.setHardState(ready.hardState);
    // 2. Apply what is committed. Membership changes would go to raft.applyConfChange.
    for (const entry of ready.committedEntries) {
      if (entry.type !== EntryType.Normal || entry.data.length === 0) continue;
      this.words.push(new TextDecoder().decode(entry.data));
    }
    // 3. Say that it is done; the messages may go out now that everything is persisted.
    this.raft.advance();
    return ready.messages;
  }
}

const lists = new Map(MEMBERS.map((id) => [id, new ReplicatedList(id)]));

/** The network: delivers until everyone is silent. */
function settle(): void {
  for (;;) {
    const messages = [...lists.values()].flatMap((list) => list.work());
    const busy = [...lists.values()].some((list) => list.raft.hasReady());
    if (messages.length === 0 && !busy) return;
    for (const message of messages) lists.get(message.to)?.raft.step(message);
  }
}

lists.get(1)?.raft.campaign();
settle();
// Any member takes proposals; a follower forwards them to its leader.
lists.get(2)?.raft.propose(new TextEncoder().encode('hello'));
lists.get(3)?.raft.propose(new TextEncoder().encode('world'));
settle();
for (const [id, list] of lists) console.log(`${id}: ${list.words.join(' ')}`);
