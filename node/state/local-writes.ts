import {
  compareStamps,
  type LocalChange,
  type LocalWrite,
  type LocalWritesEntry,
  nextStamp,
  type Stamp,
} from '../entry/index.ts';
import type { WrittenAggregate } from '../ports/index.ts';
import type { DedupRecord } from './dedup.ts';
import { markOf, stampOf } from './marks.ts';
import type { ModelState } from './model-state.ts';
import type { LocalWritesOutcome, RowVersion, StateEvent, WriteAuthor } from './types.ts';

/**
 * How far ahead of log time the stamp of a write may be. A clock that runs further ahead wins no
 * more than this over the others. Part of what apply means.
 */
export const MAX_AHEAD_MS = 60_000;

/** How much of a member's outbox is ordered, and the stamp of the last of it. */
export interface OrderedOutbox {
  readonly memberId: number;
  readonly sequence: number;
  readonly stamp: Omit<Stamp, 'memberId'>;
}

/** The state around, as far as local writes are concerned. */
export interface LocalWritesState {
  readonly appliedIndex: number;
  readonly logTimeMs: number;
  readonly schemaVersion: number;
  model(name: string): ModelState | undefined;
  isMember(id: number): boolean;
  /** What came of an earlier request with an idempotency scope. */
  outcomeOf(scope: string): DedupRecord | undefined;
  /** Keeps an outcome for whoever repeats the request. */
  addOutcome(record: DedupRecord): void;
  /** The row before a change, for those who want it. */
  before(change: Pick<LocalChange, 'model' | 'id'>): StateEvent['before'];
  /** Records a change as an event and a version. */
  accept(
    author: WriteAuthor,
    at: number,
    change: RowVersion,
    written: WrittenAggregate,
    before: StateEvent['before'],
  ): void;
}

/** What the writes of one entry came to so far. */
interface Tally {
  conflicts: number;
  unfit: number;
  repeated: number;
  changes: number;
}

const NEVER = { wallMs: 0, counter: 0 };

/**
 * Writes that members took by themselves, as they come into the log: each exactly once, by its
 * place in the outbox of its member, and the one with the latest stamp wins. One that loses is
 * remembered as a version that changed nothing.
 */
export class LocalWrites {
  private readonly outboxes = new Map<number, OrderedOutbox>();
  private highestStamp: OrderedOutbox['stamp'] = NEVER;

  /** The latest stamp of any write that was ordered; whoever stamps a write goes on behind it. */
  get highest(): OrderedOutbox['stamp'] {
    return this.highestStamp;
  }

  /** Up to where a member's outbox is ordered; 0 where nothing is. */
  sequenceOf(memberId: number): number {
    return this.outboxes.get(memberId)?.sequence ?? 0;
  }

  /** In the order of members; the first, of member 0, holds the highest stamp of all. */
  list(): readonly OrderedOutbox[] {
    if (this.highestStamp.wallMs === 0) return [];
    const all = { memberId: 0, sequence: 0, stamp: this.highestStamp };
    return [all, ...[...this.outboxes.values()].toSorted((a, b) => a.memberId - b.memberId)];
  }

  /** Puts back what {@link list} gave. */
  restore(outbox: OrderedOutbox): void {
    if (outbox.memberId === 0) this.highestStamp = outbox.stamp;
    else this.outboxes.set(outbox.memberId, outbox);
  }

  /** A removed member writes no more, and its id is not used again. */
  forget(memberId: number): void {
    this.outboxes.delete(memberId);
  }

  /** Another cluster goes on behind the stamps of this one, with members of its own. */
  refound(from: LocalWrites): void {
    this.highestStamp = from.highestStamp;
  }

  apply(state: LocalWritesState, entry: LocalWritesEntry): LocalWritesOutcome {
    const { origin, firstSequence, writes } = entry;
    const through = this.sequenceOf(origin);
    const refused = (code: 'not_a_member' | 'schema_changed' | 'gap') =>
      ({ kind: 'refused', code, origin, through }) as const;
    if (!state.isMember(origin)) return refused('not_a_member');
    if (entry.schemaVersion !== state.schemaVersion) return refused('schema_changed');
    if (firstSequence > through + 1) return refused('gap');
    const tally = { conflicts: 0, unfit: 0, repeated: 0, changes: 0 };
    for (const write of writes.slice(through + 1 - firstSequence)) {
      this.applyWrite(state, entry, write, tally);
    }
    const { conflicts, unfit, repeated } = tally;
    const ordered = { conflicts, unfit, repeated };
    return { kind: 'ordered', origin, through: this.sequenceOf(origin), ...ordered };
  }

  private applyWrite(
    state: LocalWritesState,
    { origin, schemaVersion }: LocalWritesEntry,
    write: LocalWrite,
    tally: Tally,
  ): void {
    const stamp = this.take(origin, write.stamp, state.logTimeMs + MAX_AHEAD_MS);
    const { idempotency } = write;
    const known = idempotency === null ? undefined : state.outcomeOf(idempotency.scope);
    // Another body under the key of an earlier request was answered, too: it is a write of its own.
    if (idempotency !== null && known?.fingerprint === idempotency.fingerprint) {
      tally.repeated += 1;
      return;
    }
    const author = { actor: write.actor, memberId: origin, schemaVersion };
    const results = write.changes.map((change, at) =>
      applyChange(state, author, tally.changes + at, change, stamp),
    );
    tally.changes += results.length;
    tally.conflicts += results.filter(({ fate }) => fate === 'lost').length;
    tally.unfit += results.filter(({ fate }) => fate === 'unfit').length;
    const isUnfit = results.some(({ fate }) => fate === 'unfit');
    if (idempotency === null || known !== undefined || isUnfit) return;
    const aggregates = results.map(({ written }) => written);
    const effect = results[0]?.effect ?? 'updated';
    const index = state.appliedIndex;
    const outcome = { kind: 'applied', index, effect, aggregates, replayed: false } as const;
    state.addOutcome({ ...idempotency, timeMs: state.logTimeMs, outcome });
  }

  /** The stamp that counts: not too far ahead of log time, and behind the member's last one. */
  private take(memberId: number, given: LocalWrite['stamp'], ceilingMs: number): Stamp {
    const last = this.outboxes.get(memberId);
    const bounded = given.wallMs > ceilingMs ? { wallMs: ceilingMs, counter: 0 } : given;
    const isBehind = compareTimes(bounded, last?.stamp ?? NEVER) > 0;
    const stamp = isBehind
      ? { ...bounded, memberId }
      : nextStamp(last?.stamp ?? NEVER, 0, memberId);
    const { wallMs, counter } = stamp;
    const sequence = (last?.sequence ?? 0) + 1;
    this.outboxes.set(memberId, { memberId, sequence, stamp: { wallMs, counter } });
    if (compareTimes(stamp, this.highestStamp) > 0) this.highestStamp = { wallMs, counter };
    return stamp;
  }
}

function compareTimes(a: OrderedOutbox['stamp'], b: OrderedOutbox['stamp']): number {
  return a.wallMs - b.wallMs || a.counter - b.counter;
}

/** What became of one change. */
interface ChangeResult {
  readonly fate: 'won' | 'lost' | 'unfit';
  readonly effect: 'created' | 'updated' | 'deleted';
  readonly written: WrittenAggregate;
}

function applyChange(
  state: LocalWritesState,
  author: WriteAuthor,
  at: number,
  change: LocalChange,
  stamp: Stamp,
): ChangeResult {
  const { id } = change;
  const model = state.model(change.model);
  const json = change.effect === 'deleted' ? null : change.json;
  if (model === undefined || model.schema.consistency !== 'eventual') {
    return { fate: 'unfit', effect: 'updated', written: { id, version: 0, json } };
  }
  const mark = model.mark(id);
  const version = (mark?.version ?? 0) + 1;
  const effect = effectOf(model, change);
  const written = { id, version, json };
  if (!fits(model, change)) {
    remember(state, author, at, { change, model, version, name: 'Refused' });
    return { fate: 'unfit', effect, written };
  }
  if (mark !== undefined && compareStamps(stampOf(mark), stamp) >= 0) {
    remember(state, author, at, { change, model, version, name: 'Overridden' });
    return { fate: 'lost', effect, written };
  }
  const before = state.before(change);
  if (change.effect === 'put') {
    model.put({ id, version, json: change.json, keys: change.keys, ...markOf(stamp) });
  } else model.bury({ id, version, ...markOf(stamp) });
  const { events } = change;
  const accepted = { effect, model: change.model, ...(events && { events }) };
  state.accept(author, at, accepted, written, before);
  return { fate: 'won', effect, written };
}

function effectOf(model: ModelState, { effect, id }: LocalChange): ChangeResult['effect'] {
  if (effect === 'deleted') return 'deleted';
  return model.versionOf(id) === 0 ? 'created' : 'updated';
}

/** The version is used up, and the row stays what it is. */
function remember(
  state: LocalWritesState,
  author: WriteAuthor,
  at: number,
  lost: {
    readonly change: LocalChange;
    readonly model: ModelState;
    readonly version: number;
    readonly name: string;
  },
): void {
  const { change, model, version, name } = lost;
  const { id } = change;
  advance(model, id, version);
  const json = change.effect === 'deleted' ? null : change.json;
  const event = `${change.model}${name}`;
  const recorded = { effect: 'overridden', model: change.model, events: [event] } as const;
  state.accept(author, at, recorded, { id, version, json }, null);
}

function advance(model: ModelState, id: string, version: number): void {
  const row = model.get(id);
  if (row !== undefined) model.put({ ...row, version });
  else model.bury({ id, timestampMs: 0, sequence: 0, ...model.mark(id), version });
}

function fits(
  model: ModelState,
  change: LocalChange,
): change is Exclude<LocalChange, { effect: 'unfit' }> {
  if (change.effect === 'unfit') return false;
  return change.effect === 'deleted' || change.keys.length === model.plan.indexed.length;
}
