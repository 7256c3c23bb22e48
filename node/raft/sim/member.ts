import type {
  BasicStatus,
  ConfChangeV2,
  ConfState,
  Entry,
  Message,
  Ready,
  Snapshot,
  StepResult,
} from '../src/index.ts';
import {
  ConfChangeTransition,
  decodeConfChange,
  decodeConfChangeV2,
  EntryType,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MessageType,
  messageTypeName,
  NO_BYTES,
  RawNode,
} from '../src/index.ts';
import type { SimStorage, Write } from './disk.ts';
import { Disk } from './disk.ts';
import type { Ledger } from './ledger.ts';
import { hashEntry } from './ledger.ts';
import type { Known } from './log-view.ts';
import { changeConf } from './membership-model.ts';
import type { MemberPlan, Plan } from './plan.ts';
import type { Random } from './random.ts';
import { readNumber } from './read-watch.ts';
import type { Schedule } from './schedule.ts';
import type { Surroundings } from './surroundings.ts';
import type { Totals } from './totals.ts';
import { demand } from './violation.ts';
import { Watch } from './watch.ts';

/** What a member needs of the world. */
export interface World extends Surroundings {
  readonly plan: Plan;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly schedule: Schedule;
  readonly totals: Totals;
  /** Whether faults are over. */
  readonly healed: boolean;
  readonly calm: boolean;
  send(from: Member, message: Message): void;
  /** `member` has applied everything up to `index`. */
  applied(member: Member, index: number): void;
}

/** The replicated state machine, and what it knows of the membership. */
interface State {
  index: number;
  hash: number;
  conf: ConfState;
}

interface AppendWork {
  readonly message: Message;
  readonly write: Write;
}

/** What lives from a start to a crash. */
interface Life {
  readonly node: RawNode;
  readonly storage: SimStorage;
  readonly watch: Watch;
  readonly state: State;
  /** A Ready that is being handled; only without asyncStorageWrites. */
  outstanding: { readonly ready: Ready; readonly write: Write } | null;
  readonly appendQueue: AppendWork[];
  /** Written but not synced: responses wait. */
  readonly written: Message[];
  readonly applyQueue: Message[];
  appendBusy: boolean;
  applyBusy: boolean;
  /** In units of virtual time. */
  tickPeriod: number;
  pausedUntil: number;
}

const NO_MEMBERS: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** The length of a tick of an even clock. */
export const TICK_UNITS = 10;
const SNAPSHOT_KEEP = 20;

/** One member: a RawNode, its disk, its storage threads and its state machine. */
export class Member {
  readonly id: number;
  readonly disk: Disk;
  readonly plan: MemberPlan;
  life: Life | null = null;
  readonly #world: World;
  #lives = 0;
  /** The state that outlives a crash, where the application makes its own durable. */
  #durableState: State | null = null;

  constructor(world: World, id: number, plan: MemberPlan) {
    this.#world = world;
    this.id = id;
    this.plan = plan;
    this.disk = new Disk(({ term, vote }) => {
      if (vote !== 0) world.ledger.vote(term, id, vote);
    });
  }

  get running(): boolean {
    return this.life !== null;
  }

  get paused(): boolean {
    return this.life !== null && this.life.pausedUntil > this.#world.schedule.now;
  }

  /** Gives a founder the snapshot that all founders begin with. */
  found(snapshot: Snapshot, known: Known): void {
    this.disk.write({
      snapshot,
      snapshotEntry: known,
      entries: [],
      hardState: { term: known.entry.term, vote: 0, commit: known.entry.index },
    });
    this.disk.sync();
  }

  start(): void {
    const world = this.#world;
    const state = this.#initialState();
    const storage = this.disk.load(state.conf);
    const { plan } = world;
    this.#lives++;
    const life = this.#lives;
    const node = new RawNode({
      ...this.plan,
      id: this.id,
      storage,
      applied: state.index,
      asyncStorageWrites: this.plan.async,
      electionTick: plan.electionTick,
      heartbeatTick: plan.heartbeatTick,
      checkQuorum: plan.checkQuorum,
      preVote: plan.preVote,
      readOnlyOption: plan.readOnlyOption,
      stepDownOnRemoval: plan.stepDownOnRemoval,
      randomElectionJitter: (electionTick) => world.random.below(electionTick),
    });
    this.disk.log.compact(this.disk.snapshotIndex);
    const mirror = this.disk.log.copy();
    const beginning = { mirror, conf: state.conf, applied: state.index };
    const watch = new Watch(world, this.id, node, this.plan, this.disk, beginning);
    this.life = {
      node,
      storage,
      watch,
      state,
      outstanding: null,
      appendQueue: [],
      written: [],
      applyQueue: [],
      appendBusy: false,
      applyBusy: false,
      tickPeriod: TICK_UNITS,
      pausedUntil: 0,
    };
    this.#later(1 + world.random.below(TICK_UNITS), () => this.#tick(life));
    if (world.trace.readable) this.#note(`starts at applied ${state.index}`);
  }

  #initialState(): State {
    const { snapshot, hardState } = this.disk;
    const kept = this.#durableState;
    if (kept !== null && kept.index <= hardState.commit && kept.index >= this.disk.snapshotIndex) {
      return { ...kept };
    }
    if (snapshot === null) return { index: 0, hash: 0, conf: NO_MEMBERS };
    return stateOf(snapshot);
  }

  /** Loses everything that is not durable, and a part of what is being written. */
  crash(): void {
    const { life } = this;
    if (life === null) return;
    const { random, totals, trace } = this.#world;
    this.#durableState = this.plan.durableState ? { ...life.state } : null;
    this.disk.crash(random.below(this.disk.unsynced + 1));
    this.life = null;
    totals.crashes++;
    if (trace.readable) this.#note('crashes');
  }

  /** Plans something that is forgotten if the member crashes before. */
  #later(delay: number, action: () => void): void {
    const life = this.#lives;
    this.#world.schedule.after(delay, () => {
      if (this.#lives !== life || this.life === null) return;
      const wait = this.life.pausedUntil - this.#world.schedule.now;
      if (wait > 0) this.#later(wait, action);
      else action();
    });
  }

  #tick(life: number): void {
    const { totals, healed } = this.#world;
    totals.ticks++;
    this.act('tick', null, (node) => node.tick());
    // What a newcomer is sent has to name it.
    if (healed) this.compact(SNAPSHOT_KEEP);
    if (this.life === null || this.#lives !== life) return;
    const period = healed ? TICK_UNITS : this.life.tickPeriod;
    this.#later(period, () => this.#tick(life));
  }

  /** Calls the node, checks what has become of it, and handles what it has to do. */
  act<T>(what: string, cause: Message | null, call: (node: RawNode) => T): T | undefined {
    const { life } = this;
    if (life === null) return undefined;
    const before = life.watch.status;
    const result = call(life.node);
    life.watch.stepped(cause);
    if (what === 'tick') life.watch.ticked(before);
    if (this.#world.trace.readable && what !== 'tick') this.#note(what);
    this.#work();
    return result;
  }

  /** Takes a message from the network, made in event `made`. */
  deliver(message: Message, made: number): StepResult | undefined {
    const { life } = this;
    if (life === null) return undefined;
    if (message.type === MessageType.Snap && life.outstanding !== null) {
      // The application applies membership changes of the outstanding Ready first.
      this.#later(1, () => this.deliver(message, made));
      return undefined;
    }
    life.watch.reads.confirm(message, made);
    const { status, flow } = life.watch;
    const leads = life.watch.leads;
    const what = this.#world.trace.readable ? `receives ${shortly(message)}` : 'receives';
    const result = this.act(what, message, (node) => node.step(message));
    if (message.type === MessageType.Prop && leads && result === 'ok') {
      this.checkAccepted(status, message.entries.length);
      flow.proposed(payloadsOf(message.entries));
    }
    return result;
  }

  propose(payloads: readonly Uint8Array[]): StepResult | undefined {
    const { life } = this;
    if (life === null) return undefined;
    const { leads, status, flow } = life.watch;
    const result = this.act('proposes', null, (node) => node.proposeBatch(payloads));
    if (leads && result === 'ok') {
      this.checkAccepted(status, payloads.length);
      flow.proposed(payloads);
    }
    return result;
  }

  /** A leader takes nothing while it hands leadership over, and appends what it takes. */
  checkAccepted(before: BasicStatus, count: number): void {
    demand(
      before.leadTransferee === 0,
      'no proposals during a transfer',
      () => `${this.id} takes a proposal while it transfers to ${before.leadTransferee}`,
    );
    const last = this.life?.watch.status.lastIndex;
    demand(
      last === undefined || last === before.lastIndex + count,
      'a leader appends what it takes',
      () => `${this.id} takes ${count} entries after ${before.lastIndex}, and ends at ${last}`,
    );
  }

  #work(): void {
    if (this.plan.async) this.#workAsync();
    else this.#workSync();
  }

  #workAsync(): void {
    const { life } = this;
    if (life === null) return;
    while (life.node.hasReady()) {
      const ready = life.node.ready();
      const known = life.watch.readied(ready);
      for (const message of ready.messages) {
        if (message.to === LOCAL_APPEND_THREAD) {
          life.appendQueue.push({ message, write: this.#writeOf(ready, known, message) });
        } else if (message.to === LOCAL_APPLY_THREAD) life.applyQueue.push(message);
        else this.#send(message);
      }
    }
    if (life.appendQueue.length > 0) this.#wakeAppendThread(life);
    if (life.applyQueue.length > 0) this.#wakeApplyThread(life);
  }

  /** From the message: it is what a storage thread would see. */
  #writeOf(ready: Ready, entries: readonly Known[], message: Message): Write {
    const { term, vote, commit } = message;
    const unchanged = term === 0 && vote === 0 && commit === 0;
    return {
      snapshot: message.snapshot,
      snapshotEntry: this.#snapshotEntry(ready.snapshot),
      entries,
      hardState: unchanged ? null : { term, vote, commit },
    };
  }

  #snapshotEntry(snapshot: Snapshot | null): Known | null {
    if (snapshot === null) return null;
    const { index, term } = snapshot.metadata;
    return this.#world.ledger.find(index, term) ?? null;
  }

  #send(message: Message): void {
    const { life } = this;
    if (life === null) return;
    if (this.#world.trace.readable) this.#note(`sends ${shortly(message)}`);
    this.#world.send(this, message);
  }

  #wakeAppendThread(life: Life): void {
    if (life.appendBusy) return;
    life.appendBusy = true;
    this.#later(this.#workTime(), () => this.#append(life));
  }

  #workTime(): number {
    const { random, plan, healed, calm } = this.#world;
    return healed || calm ? 0 : random.below(plan.rates.maxWrite + 1);
  }

  /** Writes some of what is queued; one sync then serves all of it. */
  #append(life: Life): void {
    const count = 1 + this.#world.random.below(life.appendQueue.length);
    for (const { message, write } of life.appendQueue.splice(0, count)) {
      this.disk.write(write);
      store(life.storage, write);
      if (message.snapshot !== null) this.#install(life, message.snapshot);
      for (const response of message.responses) life.written.push(response);
    }
    this.#later(this.#workTime(), () => this.#synced(life));
  }

  #synced(life: Life): void {
    if (life.written.length > 0) this.disk.sync();
    const responses = life.written.splice(0);
    for (const response of responses) this.#respond(life, response);
    life.appendBusy = false;
    if (this.life === life && life.appendQueue.length > 0) this.#wakeAppendThread(life);
  }

  #respond(life: Life, response: Message): void {
    if (this.life !== life) return;
    const what = this.#world.trace.readable ? `hears ${shortly(response)}` : 'hears';
    if (response.to === this.id) this.act(what, response, (node) => node.step(response));
    else this.#send(response);
  }

  #wakeApplyThread(life: Life): void {
    if (life.applyBusy) return;
    life.applyBusy = true;
    this.#later(this.#workTime(), () => this.#applyNext(life));
  }

  #applyNext(life: Life): void {
    const message = life.applyQueue.shift();
    if (message === undefined) return;
    this.#apply(life, message.entries);
    // Membership changes are in force at once; the response may take its time.
    this.#later(this.#workTime(), () => {
      life.watch.flow.applied(message.entries);
      for (const response of message.responses) this.#respond(life, response);
      life.applyBusy = false;
      if (this.life === life && life.applyQueue.length > 0) this.#wakeApplyThread(life);
    });
  }

  #workSync(): void {
    const { life } = this;
    if (life === null || life.outstanding !== null || !life.node.hasReady()) return;
    const ready = life.node.ready();
    const entries = life.watch.readied(ready);
    const { snapshot, hardState } = ready;
    const snapshotEntry = this.#snapshotEntry(snapshot);
    life.outstanding = { ready, write: { snapshot, snapshotEntry, entries, hardState } };
    // Written, but a crash may come before the sync.
    this.disk.write(life.outstanding.write);
    this.#later(this.#workTime(), () => this.#finish(life));
  }

  #finish(life: Life): void {
    const { outstanding } = life;
    if (outstanding === null) return;
    const { ready, write } = outstanding;
    // A snapshot is acknowledged, so it has to be durable even where `mustSync` is false.
    const mustSync = ready.mustSync || ready.snapshot !== null;
    if (mustSync || this.#world.random.chance(100)) this.disk.sync();
    store(life.storage, write);
    for (const message of ready.messages) this.#send(message);
    if (ready.snapshot !== null) this.#install(life, ready.snapshot);
    this.#apply(life, ready.committedEntries);
    const advance = () => {
      life.outstanding = null;
      life.watch.flow.applied(ready.committedEntries);
      this.act('advances', null, (node) => node.advance());
    };
    if (this.#world.random.chance(700)) advance();
    else this.#later(this.#workTime(), advance);
  }

  #install(life: Life, snapshot: Snapshot): void {
    const { totals, ledger, trace } = this.#world;
    const { index } = snapshot.metadata;
    totals.snapshots++;
    const installed = stateOf(snapshot);
    demand(
      installed.hash === ledger.decision(index).stateHash && index > life.state.index,
      'state-machine safety',
      () => `${this.id} installs a wrong or old snapshot at ${index}`,
    );
    Object.assign(life.state, installed);
    if (trace.readable) this.#note(`installs a snapshot at ${index}`);
    this.#world.applied(this, index);
  }

  #apply(life: Life, entries: readonly Entry[]): void {
    const { state } = life;
    const { ledger } = this.#world;
    for (const entry of entries) {
      // A snapshot may have been installed while these were waiting.
      if (entry.index <= state.index) continue;
      const { known, stateHash } = ledger.decision(entry.index);
      const hash = hashEntry(state.hash, entry);
      demand(
        entry.term === known.entry.term && hash === stateHash && entry.index === state.index + 1,
        'state-machine safety',
        () => `${this.id} applies index ${entry.index} of term ${entry.term} at ${state.index}`,
      );
      state.index = entry.index;
      state.hash = hash;
      if (entry.type !== EntryType.Normal) this.#reconfigure(life, entry);
    }
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#world.applied(this, last.index);
    this.#work();
  }

  #reconfigure(life: Life, entry: Entry): void {
    const { state, node, watch } = life;
    const change = decodeChange(entry);
    const conf = changeConf(state.conf, change);
    // The application refuses what does not fit.
    if (conf === null) return;
    state.conf = conf;
    // The core has moved on by a snapshot, which this change is a part of.
    if (entry.index <= watch.restoredIndex) return;
    watch.reconfigured(conf, node.applyConfChange(change));
    // What a newcomer is sent has to name it.
    for (const delay of [10, 60]) this.#later(delay, () => this.compact(SNAPSHOT_KEEP));
    if (this.#world.trace.readable) this.#note(`applies a change at ${entry.index}`);
  }

  /** Takes a snapshot of what is applied, and drops entries but the last `keep` ones. */
  compact(keep: number): void {
    const { life } = this;
    if (life === null) return;
    const { state, node, storage, watch } = life;
    const { index } = state;
    if (index > node.basicStatus().applied || index <= this.disk.snapshotIndex) return;
    // A snapshot must not be ahead of the durable commit index.
    if (index > this.disk.hardState.commit) this.disk.sync();
    if (index > this.disk.hardState.commit) return;
    this.disk.keepSnapshot(storage.createSnapshot(index, state.conf, dataOf(state)));
    const cut = index - keep;
    if (cut >= storage.firstIndex()) {
      storage.compact(cut);
      this.disk.log.compact(cut);
      watch.mirror.compact(cut);
    }
    this.#world.totals.compactions++;
    if (this.#world.trace.readable) this.#note(`keeps a snapshot at ${index}`);
  }

  #note(what: string): void {
    const { trace, schedule, event } = this.#world;
    const status = this.life?.watch.status;
    const where =
      status === undefined
        ? ''
        : ` -> role ${status.raftState} term ${status.term} commit ${status.commit} ` +
          `last ${status.lastIndex} lead ${status.lead}`;
    trace.write(`${schedule.now} #${event} ${this.id} ${what}${where}`);
  }
}

function store(storage: SimStorage, write: Write): void {
  if (write.snapshot !== null) storage.applySnapshot(write.snapshot);
  storage.append(write.entries.map(({ entry }) => entry));
  if (write.hardState !== null) storage.setHardState(write.hardState);
}

function stateOf({ data, metadata }: Snapshot): State {
  const hash = new DataView(data.buffer, data.byteOffset, data.length).getInt32(0);
  return { index: metadata.index, hash, conf: metadata.confState };
}

/** The content of a snapshot: the state is its hash. */
export function dataOf(state: { readonly hash: number }): Uint8Array {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setInt32(0, state.hash);
  return data;
}

function decodeChange(entry: Entry): ConfChangeV2 {
  if (entry.type === EntryType.ConfChangeV2) return decodeConfChangeV2(entry.data);
  const { type, nodeId, context } = decodeConfChange(entry.data);
  return { transition: ConfChangeTransition.Auto, changes: [{ type, nodeId }], context };
}

function payloadsOf(entries: readonly Entry[]): Uint8Array[] {
  // A membership change may have been refused, which leaves nothing of it.
  return entries.map(({ type, data }) => (type === EntryType.Normal ? data : NO_BYTES));
}

const READ_TYPES: readonly MessageType[] = [MessageType.ReadIndex, MessageType.ReadIndexResp];

/** A message in a few words, for the readable trace. */
function shortly(message: Message): string {
  const { type, from, to, term, index, logTerm, commit, entries, reject, snapshot } = message;
  const last = entries.at(-1);
  const range = last === undefined ? '' : ` entries ..${last.index} (${entries.length})`;
  const read =
    READ_TYPES.includes(type) && last !== undefined ? ` read ${readNumber(last.data)}` : '';
  const image = snapshot === null ? '' : ` snapshot ${snapshot.metadata.index}`;
  return (
    `${messageTypeName(type)} ${from}->${to} term ${term} at ${index}/${logTerm} ` +
    `commit ${commit}${range}${read}${image}${reject ? ' REJECTED' : ''}`
  );
}
