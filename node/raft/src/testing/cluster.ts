/** Test support: a cluster of nodes in one process whose network a test controls. */
import type {
  Config,
  ConfState,
  Entry,
  Message,
  ReadState,
  Snapshot,
  StepResult,
} from '../index.ts';
import {
  decodeConfChange,
  decodeConfChangeV2,
  EntryType,
  MemoryStorage,
  NO_BYTES,
  RawNode,
} from '../index.ts';

export type Options = Partial<Omit<Config, 'id' | 'storage'>>;

export const ELECTION_TICK = 10;

export function confStateOf(
  voters: readonly number[],
  learners: readonly number[] = [],
): ConfState {
  return { voters, learners, votersOutgoing: [], learnersNext: [], autoLeave: false };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

export function makeEntry(term: number, index: number, content = ''): Entry {
  return { term, index, type: EntryType.Normal, data: content === '' ? NO_BYTES : bytes(content) };
}

/** A storage that looks as if the group had been founded by a snapshot at index 1, term 1. */
export function foundedStorage(confState: ConfState): MemoryStorage {
  const storage = new MemoryStorage();
  storage.applySnapshot({ data: NO_BYTES, metadata: { confState, index: 1, term: 1 } });
  storage.setHardState({ term: 1, vote: 0, commit: 1 });
  return storage;
}

/** One node with its storage, as a well-behaved application would run it. */
export class Member {
  readonly id: number;
  readonly storage: MemoryStorage;
  readonly readStates: ReadState[] = [];
  readonly applied: Entry[] = [];
  raft: RawNode;
  readonly #options: Options;

  constructor(id: number, storage: MemoryStorage, options: Options) {
    this.id = id;
    this.storage = storage;
    this.#options = options;
    this.raft = this.#start(storage.firstIndex() - 1);
  }

  /** Loses everything but the storage, and what was applied. */
  restart(): void {
    const applied = this.applied.at(-1)?.index ?? this.storage.firstIndex() - 1;
    this.raft = this.#start(Math.max(applied, this.storage.firstIndex() - 1));
  }

  get lead(): number {
    return this.raft.basicStatus().lead;
  }

  get term(): number {
    return this.raft.basicStatus().term;
  }

  get commit(): number {
    return this.raft.basicStatus().commit;
  }

  /** The application data that was applied, in order. */
  get values(): string[] {
    return this.applied
      .filter((entry) => entry.type === EntryType.Normal && entry.data.length > 0)
      .map((entry) => text(entry.data));
  }

  propose(value: string): StepResult {
    return this.raft.propose(bytes(value));
  }

  /** Handles everything that is ready, and returns what is to be sent. */
  work(): Message[] {
    const sent: Message[] = [];
    while (this.raft.hasReady()) {
      const ready = this.raft.ready();
      if (ready.hardState !== null) this.storage.setHardState(ready.hardState);
      if (ready.snapshot !== null) this.storage.applySnapshot(ready.snapshot);
      this.storage.append(ready.entries);
      sent.push(...ready.messages);
      this.readStates.push(...ready.readStates);
      for (const entry of ready.committedEntries) this.#apply(entry);
      this.raft.advance();
    }
    return sent;
  }

  #apply(entry: Entry): void {
    this.applied.push(entry);
    if (entry.type === EntryType.ConfChange) {
      this.raft.applyConfChange(decodeConfChange(entry.data));
    } else if (entry.type === EntryType.ConfChangeV2) {
      this.raft.applyConfChange(decodeConfChangeV2(entry.data));
    }
  }

  #start(applied: number): RawNode {
    return new RawNode({
      electionTick: ELECTION_TICK,
      heartbeatTick: 1,
      maxInflightMsgs: 256,
      randomElectionJitter: () => 0,
      ...this.#options,
      id: this.id,
      storage: this.storage,
      applied,
    });
  }
}

/** Members and the messages between them. */
export class Cluster {
  readonly members = new Map<number, Member>();
  /** Decides what gets through; by default everything. */
  filter: (message: Message) => boolean = () => true;
  /** Every message that was delivered, in order. */
  readonly delivered: Message[] = [];

  /** Founds a group of voters, each with its own options if need be. */
  constructor(ids: readonly number[], options: Options = {}, confState = confStateOf(ids)) {
    for (const id of ids) this.add(id, foundedStorage(confState), options);
  }

  add(id: number, storage: MemoryStorage, options: Options = {}): Member {
    const member = new Member(id, storage, options);
    this.members.set(id, member);
    return member;
  }

  member(id: number): Member {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  /** Cuts the named members off from all others. */
  isolate(...ids: number[]): void {
    this.filter = (message) => ids.includes(message.from) === ids.includes(message.to);
  }

  /** Loses every message. */
  silence(): void {
    this.filter = () => false;
  }

  heal(): void {
    this.filter = () => true;
  }

  /** Lets everyone work and talk until there is nothing left to say. */
  settle(): void {
    for (let messages = this.#collect(); messages.length > 0; messages = this.#collect()) {
      for (const message of messages) this.deliver(message);
    }
  }

  deliver(message: Message): void {
    if (!this.filter(message)) return;
    this.delivered.push(message);
    this.members.get(message.to)?.raft.step(message);
  }

  elect(id: number): Member {
    const member = this.member(id);
    member.raft.campaign();
    this.settle();
    return member;
  }

  tick(id: number, ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      this.member(id).raft.tick();
      this.settle();
    }
  }

  #collect(): Message[] {
    return [...this.members.values()].flatMap((member) => member.work());
  }
}

/** A message as a test wants it, with zeroes for everything it does not say. */
export function makeMessage(fields: Partial<Message> & Pick<Message, 'type'>): Message {
  return {
    to: 0,
    from: 0,
    term: 0,
    logTerm: 0,
    index: 0,
    entries: [],
    commit: 0,
    vote: 0,
    snapshot: null,
    reject: false,
    rejectHint: 0,
    context: NO_BYTES,
    responses: [],
    ...fields,
  };
}

export function makeSnapshot(index: number, term: number, confState: ConfState): Snapshot {
  return { data: bytes('state'), metadata: { confState, index, term } };
}
