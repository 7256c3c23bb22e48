import type {
  Config,
  ConfState,
  Entry,
  HardState,
  InitialState,
  Message,
  Snapshot,
  Storage,
} from '../../src/index.ts';
import {
  decodeConfChange,
  decodeConfChangeV2,
  describeMessage,
  describeReady,
  EntryType,
  isLocalTarget,
  MemoryStorage,
  MessageType,
  NO_BYTES,
  RawNode,
} from '../../src/index.ts';
import { DirectiveError, ReportedError } from '../arguments.ts';
import { Output } from './output.ts';

/** Printed where the upstream environment prints the error of a rejected step. */
const STEP_ERRORS = {
  'proposal-dropped': 'raft proposal dropped',
  'local-message': 'raft: cannot step raft local message',
  'peer-not-found': 'raft: cannot step as peer not found',
} as const;

export function stepErrorText(result: keyof typeof STEP_ERRORS | 'ok'): string {
  return result === 'ok' ? '' : STEP_ERRORS[result];
}

/** Options that a script can set per group of nodes. */
export type NodeOptions = Omit<Config, 'id' | 'storage' | 'logger'>;

/**
 * A memory storage whose snapshot is always the latest applied state, as if the
 * application took one after every entry.
 */
class HistoryStorage implements Storage {
  readonly log = new MemoryStorage();
  readonly history: Snapshot[];

  constructor(initial: Snapshot) {
    this.history = [initial];
  }

  initialState(): InitialState {
    return { ...this.log.initialState(), confState: this.#confState() };
  }

  /**
   * Recovers from a crash, and returns what is applied: a snapshot that was persisted
   * is installed, and what was applied counts as committed, even if no hard state
   * says so.
   */
  recover(): number {
    const persisted = this.log.snapshot();
    if (persisted.metadata.index > this.snapshot().metadata.index) this.history.push(persisted);
    const applied = this.snapshot().metadata.index;
    const { hardState } = this.log.initialState();
    if (hardState !== null && hardState.commit < applied) {
      this.log.setHardState({ ...hardState, commit: applied });
    }
    return applied;
  }

  /** The membership of the persisted snapshot, or as the last change after it made it. */
  #confState(): ConfState {
    const { index, confState } = this.log.snapshot().metadata;
    let current = confState;
    for (const [at, { metadata }] of this.history.entries()) {
      const before = this.history[at - 1]?.metadata.confState;
      const changed = before !== undefined && metadata.confState !== before;
      if (metadata.index > index && changed) current = metadata.confState;
    }
    return current;
  }

  entries(lo: number, hi: number, maxSize: number): Entry[] {
    return this.log.entries(lo, hi, maxSize);
  }

  term(index: number): number {
    return this.log.term(index);
  }

  firstIndex(): number {
    return this.log.firstIndex();
  }

  lastIndex(): number {
    return this.log.lastIndex();
  }

  snapshot(): Snapshot {
    const latest = this.history.at(-1);
    if (latest === undefined) throw new Error('the history is never empty');
    return latest;
  }
}

/** One node under test, with its storage and the work of its storage threads. */
export interface Node {
  readonly id: number;
  readonly raft: RawNode;
  readonly storage: HistoryStorage;
  readonly options: NodeOptions;
  readonly appendWork: Message[];
  readonly applyWork: Message[];
}

/** Who gets messages; `drop` means they get lost instead. */
export interface Recipient {
  readonly id: number;
  readonly drop: boolean;
}

const BOOTSTRAP_TERM = 1;
/** More than any conversation that ends can take; the comparison with the Go module has the same. */
const MAX_ROUNDS = 2000;

/** A group of nodes with everything between them under the control of a script. */
export class InteractionEnv {
  readonly output = new Output();
  readonly #nodes: Node[] = [];
  #messages: Message[] = [];

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  node(id: number): Node {
    const node = this.#nodes[id - 1];
    if (node === undefined) throw new DirectiveError(`there is no node ${id}`);
    return node;
  }

  /** Adds nodes with consecutive ids that all start from the same snapshot. */
  addNodes(count: number, options: NodeOptions, initial: Snapshot): string {
    const { confState, index } = initial.metadata;
    const bootstrap =
      index > 0 ||
      initial.data.length > 0 ||
      confState.voters.length + confState.learners.length > 0;
    if (bootstrap && index <= 1) return 'index must be specified as > 1 due to bootstrap';
    const snapshot = bootstrap
      ? { data: initial.data, metadata: { confState, index, term: BOOTSTRAP_TERM } }
      : initial;
    for (let i = 0; i < count; i++) {
      const id = this.#nodes.length + 1;
      const storage = new HistoryStorage(snapshot);
      if (bootstrap) storage.log.applySnapshot(snapshot);
      const raft = new RawNode({ ...options, id, storage, logger: this.output });
      this.#nodes.push({ id, raft, storage, options, appendWork: [], applyWork: [] });
    }
    return '';
  }

  /**
   * Crashes a node and starts it again: it keeps what is persisted and applied, and
   * forgets everything else, the work of its storage threads included.
   */
  restart(node: Node): void {
    const { id, storage, options } = node;
    this.#messages = this.#messages.filter(
      ({ to, from }) => to !== id || (from !== id && !isLocalTarget(from)),
    );
    const applied = storage.recover();
    const raft = new RawNode({ ...options, id, storage, logger: this.output, applied });
    this.#nodes[id - 1] = { id, raft, storage, options, appendWork: [], applyWork: [] };
  }

  /** Puts a message on the network. */
  post(message: Message): void {
    this.#messages.push(message);
  }

  /** Delivers or drops what is on its way, optionally of one type only; returns how many messages. */
  deliver(recipients: readonly Recipient[], type: number | undefined): number {
    let count = 0;
    for (const recipient of recipients) {
      const messages = this.#takeMessages(recipient, type);
      count += messages.length;
      for (const message of messages) this.#deliverOne(recipient, message);
    }
    return count;
  }

  #deliverOne(recipient: Recipient, message: Message): void {
    this.output.print(`${recipient.drop ? 'dropped: ' : ''}${describeMessage(message)}\n`);
    if (recipient.drop) return;
    const result = this.node(recipient.id).raft.step(message);
    if (result !== 'ok') this.output.print(`${stepErrorText(result)}\n`);
  }

  #takeMessages(recipient: Recipient, type: number | undefined): Message[] {
    const taken: Message[] = [];
    const rest: Message[] = [];
    for (const message of this.#messages) {
      (matches(message, recipient, type) ? taken : rest).push(message);
    }
    this.#messages = rest;
    return taken;
  }

  hasMessages(id: number): boolean {
    return this.#messages.some((message) => message.to === id);
  }

  /** Handles one Ready of a node. */
  processReady(node: Node): void {
    const ready = node.raft.ready();
    this.output.print(describeReady(ready));
    if (!node.options.asyncStorageWrites) {
      persist(node, ready.hardState, ready.entries, ready.snapshot);
      apply(node, ready.committedEntries);
    }
    for (const message of ready.messages) {
      if (!isLocalTarget(message.to)) this.#messages.push(message);
      else if (message.type === MessageType.StorageAppend) node.appendWork.push(message);
      else node.applyWork.push(message);
    }
    if (!node.options.asyncStorageWrites) node.raft.advance();
  }

  /** Does one piece of work of the append thread. */
  processAppend(node: Node): void {
    const message = node.appendWork.shift();
    if (message === undefined) return this.output.print('no append work to perform');
    this.output.print(`Processing:\n${describeMessage({ ...message, responses: [] })}\n`);
    const { term, vote, commit } = message;
    const hardState = term + vote + commit === 0 ? null : { term, vote, commit };
    persist(node, hardState, message.entries, message.snapshot);
    this.#respond(message);
  }

  /** Does one piece of work of the apply thread. */
  processApply(node: Node): void {
    const message = node.applyWork.shift();
    if (message === undefined) return this.output.print('no apply work to perform');
    this.output.print(`Processing:\n${describeMessage({ ...message, responses: [] })}\n`);
    apply(node, message.entries);
    this.#respond(message);
  }

  #respond(message: Message): void {
    this.output.print('Responses:\n');
    for (const response of message.responses) {
      this.output.print(`${describeMessage(response)}\n`);
      this.#messages.push(response);
    }
  }

  /** Lets the given nodes work until nothing is left to do. */
  stabilize(nodes: readonly Node[]): void {
    for (let round = 0; this.#stabilizeOnce(nodes); round++) {
      if (round === MAX_ROUNDS) throw new DirectiveError('livelock: the nodes never come to rest');
    }
  }

  #stabilizeOnce(nodes: readonly Node[]): boolean {
    let busy = false;
    const inTurn = (what: string, has: (node: Node) => boolean, work: (node: Node) => void) => {
      for (const node of nodes) {
        if (!has(node)) continue;
        busy = true;
        this.output.print(`> ${node.id} ${what}\n`);
        work(node);
      }
    };
    inTurn(
      'handling Ready',
      (node) => node.raft.hasReady(),
      (node) => this.output.indented(() => this.processReady(node)),
    );
    inTurn(
      'receiving messages',
      (node) => this.hasMessages(node.id),
      (node) => this.output.indented(() => this.deliver([{ id: node.id, drop: false }], undefined)),
    );
    inTurn(
      'processing append thread',
      (node) => node.appendWork.length > 0,
      (node) => {
        while (node.appendWork.length > 0) this.output.indented(() => this.processAppend(node));
      },
    );
    inTurn(
      'processing apply thread',
      (node) => node.applyWork.length > 0,
      (node) => {
        while (node.applyWork.length > 0) this.output.indented(() => this.processApply(node));
      },
    );
    return busy;
  }
}

function matches(message: Message, recipient: Recipient, type: number | undefined): boolean {
  if (message.to !== recipient.id) return false;
  if (type !== undefined && message.type !== type) return false;
  // What a node tells itself, and its storage threads, cannot get lost.
  return !(recipient.drop && (message.from === message.to || isLocalTarget(message.from)));
}

function persist(
  node: Node,
  hardState: HardState | null,
  entries: readonly Entry[],
  snapshot: Snapshot | null,
): void {
  const { log } = node.storage;
  if (hardState !== null) log.setHardState(hardState);
  if (snapshot === null) return log.append(entries);
  if (entries.length > 0) {
    throw new ReportedError("can't apply snapshot and entries at the same time");
  }
  log.applySnapshot(snapshot);
}

/** The application under test: its state is the concatenation of all data. */
function apply(node: Node, entries: readonly Entry[]): void {
  for (const entry of entries) {
    const { update, confState } = interpret(node, entry);
    const previous = node.storage.snapshot();
    const data = new Uint8Array(previous.data.length + update.length);
    data.set(previous.data);
    data.set(update, previous.data.length);
    node.storage.history.push({
      data,
      metadata: {
        confState: confState ?? previous.metadata.confState,
        index: entry.index,
        term: entry.term,
      },
    });
  }
}

function interpret(node: Node, entry: Entry): { update: Uint8Array; confState: ConfState | null } {
  if (entry.type === EntryType.Normal) return { update: entry.data, confState: null };
  const change =
    entry.type === EntryType.ConfChange
      ? decodeConfChange(entry.data)
      : decodeConfChangeV2(entry.data);
  return { update: change.context, confState: node.raft.applyConfChange(change) };
}

/** A snapshot that holds nothing, at the beginning of everything. */
export const EMPTY_SNAPSHOT: Snapshot = {
  data: NO_BYTES,
  metadata: {
    confState: { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
    index: 0,
    term: 0,
  },
};
