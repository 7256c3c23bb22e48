import type { OutboxStatus } from '@lithair/crds/contract';
import type { MergePatch, RowAccess } from '../command/index.ts';
import {
  decodeEntry,
  encodeEntry,
  type LocalWrite,
  type LocalWritesEntry,
  nextStamp,
} from '../entry/index.ts';
import type { Journal } from '../log/index.ts';
import {
  type Clock,
  type CommandEnvelope,
  EngineError,
  type IdempotencyKey,
  type Logger,
  type Outcome,
  type Random,
  type StateReader,
} from '../ports/index.ts';
import {
  keyReuse,
  type LocalWritesOutcome,
  type ReplicatedState,
  replay,
  schemaChanged,
} from '../state/index.ts';
import { Drain } from './drain.ts';
import { OutboxError } from './errors.ts';
import { fitWrite } from './fit.ts';
import { LocalRows } from './local-rows.ts';
import { LocalState } from './local-state.ts';
import type { OrderAnswer } from './order-request.ts';
import { type LocalPlan, planLocally } from './plan-local.ts';
import { type QueuedWrite, WriteQueue } from './queue.ts';
import { Trimming } from './trimming.ts';

/** Bounds of an outbox. Sizes are bytes. */
export interface OutboxLimits {
  /** Writes that are not ordered; beyond, writes are refused until some are. */
  readonly maxWrites: number;
  readonly maxBytes: number;
  /** Longest record. */
  readonly maxRecordBytes: number;
  /** Writes that the leader is sent at a time. */
  readonly batchWrites: number;
  readonly batchBytes: number;
}

const OUTBOX_LIMITS: OutboxLimits = {
  maxWrites: 100_000,
  maxBytes: 64 * 1024 * 1024,
  maxRecordBytes: 32 * 1024 * 1024,
  batchWrites: 1000,
  batchBytes: 1024 * 1024,
};

/** What an outbox works with. */
export interface OutboxParts {
  readonly memberId: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly mergePatch: MergePatch;
  readonly rowAccess: RowAccess;
  readonly limits?: Partial<OutboxLimits>;
  openJournal(): Promise<Journal>;
  /** Null until the first snapshot has arrived. */
  state(): ReplicatedState | null;
  /** True while nothing new may be written to the disk. */
  isSpaceLow(): boolean;
  /** Has the leader order writes; see {@link Drain}. */
  order(writes: LocalWritesEntry, timeoutMs: number): Promise<OrderAnswer>;
  /** Calls back once this disk knows that the entry at an index is committed; false: not yet. */
  onceCommitted(index: number, done: () => void): boolean;
  /** The outbox cannot be relied on any more: the process must end. */
  onFailure(error: Error): void;
}

/**
 * What this node takes by itself: writes of models with consistency eventual. Each is on the disk
 * before it is answered, is shown by this node from then on, and is ordered by the cluster as soon
 * as there is a leader that can be reached.
 */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #limits: OutboxLimits;
  readonly #queue = new WriteQueue();
  /** With what is on its way to the disk: later writes build on it. */
  readonly #planned = new LocalRows();
  /** What is on the disk: reads show it. */
  readonly #durable = new LocalRows();
  /** Keyed requests that are not ordered, by scope. */
  readonly #requests = new Map<string, { fingerprint: string; outcome: Promise<Outcome> }>();
  readonly #drain: Drain;
  readonly #trimming: Trimming;
  #journal: Journal | null = null;
  #opening: Promise<Journal> | null = null;
  #local: { readonly state: ReplicatedState; readonly reader: LocalState } | null = null;
  #schemaVersion = 0;
  #failure: Error | null = null;
  #conflicts = 0;
  #unfit = 0;
  /** Until when nothing is taken, on the monotonic clock. */
  #closedUntilMs = 0;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#limits = { ...OUTBOX_LIMITS, ...parts.limits };
    const { clock, logger } = parts;
    this.#drain = new Drain({
      clock,
      logger,
      next: () => this.#next(),
      order: (writes, timeoutMs) => parts.order(writes, timeoutMs),
    });
    this.#trimming = new Trimming((index, done) => parts.onceCommitted(index, done));
  }

  get status(): OutboxStatus {
    const { length: writes, bytes, first } = this.#queue;
    const waitedMs = first === undefined ? 0 : this.#parts.clock.nowMs() - first.takenMs;
    const tally = { conflicts: this.#conflicts, unfit: this.#unfit };
    return { writes, bytes, oldestMs: Math.max(0, waitedMs), ...tally };
  }

  /** The state with local writes; the state itself where there are none. */
  view(state: ReplicatedState): StateReader {
    if (this.#queue.length === 0) return state;
    if (this.#local?.state !== state) {
      this.#local = { state, reader: new LocalState(state, this.#durable) };
    }
    return this.#local.reader;
  }

  /**
   * Opens the outbox and takes up what it holds; later calls wait for the same.
   *
   * @throws OutboxError, LogCorruptError, LogFormatError, ClusterMismatchError
   */
  open(): Promise<Journal> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /**
   * Takes a write: resolves once it is on the disk of this node.
   *
   * @throws EngineError `overloaded`, `out_of_space`, `unavailable`
   */
  async submit(envelope: CommandEnvelope): Promise<Outcome> {
    const journal = this.#journal ?? (await this.#opened());
    const state = this.#parts.state();
    if (this.#failure !== null || state === null) {
      throw new EngineError('unavailable', 'this node has no state yet, or is stopping');
    }
    if (envelope.schemaVersion !== state.schemaVersion) return schemaChanged();
    const { idempotency } = envelope;
    const known = idempotency === null ? null : this.#known(state, idempotency);
    if (known !== null) return known;
    this.#requireOpen(state);
    this.#requireRoom();
    const plan = this.#plan(state, envelope);
    if (plan.kind === 'rejected') return plan.outcome;
    const outcome = this.#take(journal, state, envelope, plan);
    if (idempotency !== null) {
      const { scope, fingerprint } = idempotency;
      this.#requests.set(scope, { fingerprint, outcome });
    }
    return outcome;
  }

  /** Must hear of every applied entry that ordered local writes, of any member. */
  onOrdered(index: number, outcome: LocalWritesOutcome): void {
    if (outcome.kind === 'ordered') {
      this.#conflicts += outcome.conflicts;
      this.#unfit += outcome.unfit;
      if (outcome.unfit > 0) {
        const { origin, unfit } = outcome;
        this.#parts.logger.warn({ origin, unfit }, 'local writes did not fit the model any more');
      }
    }
    if (outcome.origin !== this.#parts.memberId) return;
    this.#settle(outcome.through, index);
  }

  /** Must hear of every applied entry, and of a state that was replaced by a snapshot. */
  onApplied(index: number): void {
    const state = this.#parts.state();
    if (state === null || this.#journal === null) return;
    if (state.schemaVersion !== this.#schemaVersion) this.#adopt(state);
    const through = state.localWrites.sequenceOf(this.#parts.memberId);
    const first = this.#queue.first?.sequence ?? Infinity;
    if (first <= through || through > this.#journal.last) this.#settle(through, index);
    this.#trimming.run(this.#journal);
  }

  /** Takes nothing for a while, so that what waits comes to an end; what does, still. */
  close(forMs: number): OutboxStatus {
    this.#closedUntilMs = this.#parts.clock.monotonicMs() + forMs;
    this.#drain.kick();
    return this.status;
  }

  /** There may be a leader again. */
  kick(): void {
    this.#drain.kick();
  }

  /** While space is low, segments that were given up go back to the disk. */
  spareSpace(low: boolean): void {
    this.#journal?.spareSpace(low);
  }

  /** Whether what is taken from now on is encrypted; what waits is given up before it is forgotten. */
  encrypt(on: boolean): void {
    this.#journal?.encrypt(on);
  }

  /** Removes what was ordered from the disk, so that no file is left of an older key. */
  async forget(): Promise<void> {
    await this.#journal?.forget();
  }

  /** Takes and sends no more. The journal is closed by its owner. */
  stop(): void {
    this.#failure ??= new Error('the node is stopping');
    this.#drain.stop();
    this.#trimming.stop();
  }

  async #open(): Promise<Journal> {
    const { memberId, clock } = this.#parts;
    const journal = await this.#parts.openJournal();
    journal.onFailure((error) => this.#fail(error));
    const state = this.#parts.state();
    const through = state?.localWrites.sequenceOf(memberId) ?? 0;
    this.#requireWhole(journal, through);
    for (const { sequence, data } of journal.records()) {
      if (sequence <= through) continue;
      const { writes, schemaVersion } = readRecord(sequence, data);
      for (const write of writes) {
        this.#enqueue({
          sequence,
          memberId,
          write,
          schemaVersion,
          bytes: data.length,
          takenMs: Math.min(write.stamp.wallMs, clock.nowMs()),
          isDurable: true,
        });
      }
    }
    this.#journal = journal;
    if (state !== null) this.#adopt(state);
    this.#trimming.add(through, state?.appliedIndex ?? 0);
    this.#drain.kick();
    return journal;
  }

  /** @throws OutboxError `outbox_lost` */
  #requireWhole(journal: Journal, through: number): void {
    if (through <= journal.last) return;
    const held = `the cluster has ordered ${through} writes of member ${this.#parts.memberId}`;
    const text = `${held}, and its outbox ends at ${journal.last}: the outbox was lost`;
    throw new OutboxError('outbox_lost', text);
  }

  async #opened(): Promise<Journal> {
    try {
      return await this.open();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      throw new EngineError('unavailable', 'the outbox of this node cannot be used');
    }
  }

  #known(state: ReplicatedState, key: IdempotencyKey): Promise<Outcome> | Outcome | null {
    const ordered = state.outcomeOf(key.scope);
    if (ordered !== undefined) return replay(ordered, key.fingerprint);
    const taken = this.#requests.get(key.scope);
    if (taken === undefined) return null;
    if (taken.fingerprint !== key.fingerprint) return keyReuse();
    return taken.outcome.then((outcome) =>
      outcome.kind === 'applied' ? { ...outcome, replayed: true } : outcome,
    );
  }

  /** What a member takes that is no member any more is never ordered. */
  #requireOpen(state: ReplicatedState): void {
    const { memberId, clock } = this.#parts;
    const isMember = state.members().some(({ id }) => id === memberId);
    if (isMember && clock.monotonicMs() >= this.#closedUntilMs) return;
    throw new EngineError('unavailable', 'this node leaves its cluster: ask another one');
  }

  #requireRoom(): void {
    const { maxWrites, maxBytes } = this.#limits;
    if (this.#queue.length >= maxWrites || this.#queue.bytes >= maxBytes) {
      const waiting = `${this.#queue.length} writes wait to be ordered`;
      throw new EngineError('overloaded', `the outbox of this node is full: ${waiting}`);
    }
    if (this.#parts.isSpaceLow()) {
      throw new EngineError('out_of_space', 'the disk of this node is below its reserve');
    }
  }

  #plan(state: ReplicatedState, envelope: CommandEnvelope): LocalPlan {
    const { mergePatch, rowAccess, clock, random } = this.#parts;
    const planning = {
      state,
      rows: this.#planned,
      mergePatch,
      rowAccess,
      nowMs: clock.nowMs(),
      random: (size: number) => random.fill(new Uint8Array(size)),
    };
    return planLocally(planning, envelope);
  }

  /** From here on the write is in the outbox, whatever becomes of its client. */
  #take(
    journal: Journal,
    state: ReplicatedState,
    envelope: CommandEnvelope,
    plan: Extract<LocalPlan, { kind: 'write' }>,
  ): Promise<Outcome> {
    const { memberId, clock } = this.#parts;
    const { actor, idempotency } = envelope;
    const nowMs = clock.nowMs();
    const { wallMs, counter } = nextStamp(this.#lastStamp(state), nowMs, memberId);
    const write: LocalWrite = {
      stamp: { wallMs, counter },
      actor: { subject: actor.subject, method: actor.method },
      idempotency,
      changes: plan.changes,
    };
    const sequence = journal.last + 1;
    const data = encodeEntry(entryOf(memberId, state.schemaVersion, sequence, [write]));
    if (data.length > this.#limits.maxRecordBytes) {
      throw new EngineError('overloaded', `a write of ${data.length} bytes is too large`);
    }
    const queued: QueuedWrite = {
      sequence,
      memberId,
      write,
      schemaVersion: state.schemaVersion,
      bytes: data.length,
      takenMs: nowMs,
      isDurable: false,
    };
    const outcome = localOutcome(state.appliedIndex, plan);
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    journal.append(data, () => {
      this.#onDurable(queued);
      resolve(outcome);
    });
    this.#queue.push(queued);
    this.#planned.add(queued);
    return promise;
  }

  /** Behind everything that this node has seen ordered, and everything that it took itself. */
  #lastStamp({ localWrites }: ReplicatedState): Pick<LocalWrite['stamp'], 'wallMs' | 'counter'> {
    const own = this.#queue.last?.write.stamp;
    const { highest } = localWrites;
    return own === undefined ? highest : later(own, highest);
  }

  #onDurable(write: QueuedWrite): void {
    write.isDurable = true;
    // The schema may have changed meanwhile, and with it what the queue holds of the write.
    const present = this.#queue.find(write.sequence);
    if (present === undefined) return;
    present.isDurable = true;
    this.#durable.add(present);
    this.#drain.kick();
  }

  #enqueue(write: QueuedWrite): void {
    this.#queue.push(write);
    this.#planned.add(write);
    this.#durable.add(write);
    const { idempotency, changes } = write.write;
    if (idempotency === null) return;
    const { scope, fingerprint } = idempotency;
    const outcome = Promise.resolve(localOutcome(0, { effect: effectOf(changes), changes }));
    this.#requests.set(scope, { fingerprint, outcome });
  }

  /** Everything up to `through` is ordered, by the entry at `index` or one before it. */
  #settle(through: number, index: number): void {
    if (this.#journal !== null && through > this.#journal.last) {
      try {
        this.#requireWhole(this.#journal, through);
      } catch (error) {
        return this.#fail(error instanceof Error ? error : new Error(String(error)));
      }
    }
    for (
      let first = this.#queue.first;
      first !== undefined && first.sequence <= through;
      first = this.#queue.first
    ) {
      this.#queue.shift();
      this.#planned.remove(first);
      this.#durable.remove(first);
      const scope = first.write.idempotency?.scope;
      if (scope !== undefined) this.#requests.delete(scope);
    }
    this.#trimming.add(through, index);
    this.#drain.progress();
  }

  /** The schema changed: what waits is brought up to date, and what does not fit is marked so. */
  #adopt(state: ReplicatedState): void {
    const { schemaVersion } = state;
    this.#schemaVersion = schemaVersion;
    if (this.#queue.list().every((write) => write.schemaVersion === schemaVersion)) return;
    this.#queue.replace((queued) => {
      if (queued.schemaVersion === schemaVersion) return queued;
      const write = fitWrite(state, this.#parts.mergePatch, queued.write);
      return { ...queued, write, schemaVersion };
    });
    for (const rows of [this.#planned, this.#durable]) rows.clear();
    for (const write of this.#queue.list()) {
      this.#planned.add(write);
      if (write.isDurable) this.#durable.add(write);
    }
  }

  /** The next writes for the leader. */
  #next(): LocalWritesEntry | null {
    const { batchWrites, batchBytes } = this.#limits;
    const state = this.#parts.state();
    if (state === null || this.#failure !== null) return null;
    if (state.schemaVersion !== this.#schemaVersion) this.#adopt(state);
    const batch = this.#queue.batch(batchWrites, batchBytes);
    const [first] = batch;
    if (first === undefined) return null;
    const writes = batch.map(({ write }) => write);
    return entryOf(this.#parts.memberId, state.schemaVersion, first.sequence, writes);
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#drain.stop();
    this.#trimming.stop();
    this.#parts.onFailure(error);
  }
}

function entryOf(
  memberId: number,
  schemaVersion: number,
  firstSequence: number,
  writes: readonly LocalWrite[],
): LocalWritesEntry {
  const timestampMs = writes.at(-1)?.stamp.wallMs ?? 0;
  return {
    kind: 'localWrites',
    memberId,
    timestampMs,
    schemaVersion,
    origin: memberId,
    firstSequence,
    writes,
  };
}

/** @throws OutboxError `outbox_corrupt` */
function readRecord(sequence: number, data: Uint8Array): LocalWritesEntry {
  const entry = decodeEntry(data);
  if (entry.kind === 'localWrites' && entry.firstSequence === sequence) return entry;
  throw new OutboxError('outbox_corrupt', `record ${sequence} of the outbox is not a local write`);
}

function effectOf(changes: LocalWrite['changes']): 'updated' | 'deleted' {
  return changes[0]?.effect === 'deleted' ? 'deleted' : 'updated';
}

function localOutcome(
  index: number,
  { effect, changes }: Omit<Extract<LocalPlan, { kind: 'write' }>, 'kind'>,
): Outcome {
  const aggregates = changes.map((change) => ({
    id: change.id,
    version: 0,
    json: change.effect === 'deleted' ? null : change.json,
  }));
  return { kind: 'applied', index, effect, aggregates, replayed: false, durability: 'local' };
}

function later<T extends { readonly wallMs: number; readonly counter: number }>(a: T, b: T): T {
  return (a.wallMs - b.wallMs || a.counter - b.counter) > 0 ? a : b;
}
