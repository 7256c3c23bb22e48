import { parseSchema, type Schema, schemaFingerprint } from '@lithair/crds';
import {
  type ActivateEntry,
  APPLY_VERSION,
  type Change,
  type CompactEntry,
  decodeEntry,
  type Entry,
  isActivation,
  isPut,
  type SchemaEntry,
  type WriteEntry,
} from '../entry/index.ts';
import { defaultEvent, HotHistory } from '../history/index.ts';
import type {
  AggregateRecord,
  IndexKey,
  MemberRecord,
  Outcome,
  StateReader,
  VersionRecord,
  WrittenAggregate,
} from '../ports/index.ts';
import type { StoreStatistics } from './aggregate-store.ts';
import { requireSupported } from './apply-version.ts';
import { findConflicts, type RowsView, rejectionOf } from './conflicts.ts';
import { type DedupRecord, DedupTable, dedupLimitsOf } from './dedup.ts';
import { StateError } from './errors.ts';
import { LocalWrites } from './local-writes.ts';
import { MemberTable } from './member-table.ts';
import { type ModelPlan, planModels } from './model-plan.ts';
import { ModelState } from './model-state.ts';
import type { AppliedOutcome } from './outcome-codec.ts';
import { PlainChanges } from './plain-changes.ts';
import { replay, schemaChanged } from './repeated.ts';
import { type BodyFile, HASH_KEY_BYTES, KeyedHash } from './slab/index.ts';
import { StateSnapshot } from './snapshot.ts';
import type {
  ApplyResult,
  EventSink,
  PendingChange,
  Preparation,
  Refounding,
  RowVersion,
  SchemaOutcome,
  StateEvent,
  StateHead,
  WriteAuthor,
} from './types.ts';
import { indexesToPrepare, upgradeModel } from './upgrade.ts';

/** A millisecond or two. */
const PREPARED_ROWS = 100;

/** What a state is made with besides its content. */
export interface StateOptions {
  readonly onEvent?: EventSink;
  /**
   * Secret of the tables of keys that clients choose, {@link HASH_KEY_BYTES} bytes; see
   * `KeyedHash`. Nothing replicated depends on it. Without one, for tools and tests, it is fixed.
   */
  readonly hashKey?: Uint8Array;
  /** Rows that are taken into new indexes in one slice; default 100. A member's own affair. */
  readonly preparedRows?: number;
  /** The apply version that this member takes part up to; default the latest. */
  readonly latestApplyVersion?: number;
  /** The snapshot that is restored, for models that leave bodies to it. Without it they do not. */
  readonly openBodies?: () => Promise<BodyFile | null>;
}

/** From this apply version on, rules of history that get weaker are remembered. */
const FORMER_RULES = 5;

/**
 * The replicated state machine: what the log amounts to. Every member applies the same entries in
 * the same order and comes to the same state, so nothing here reads a clock, draws randomness or
 * does I/O; and a write only compares and sets.
 */
export class ReplicatedState implements StateReader, RowsView {
  readonly clusterId: string;
  readonly epoch: number;
  private currentSchema: Schema;
  private fingerprint: string;
  private currentSchemaVersion: number;
  private index: number;
  private timeMs: number;
  private sequence: number;
  /** The apply version in force in the cluster. */
  applyVersion: number;
  private readonly latestVersion: number;
  private models: ReadonlyMap<string, ModelState>;
  private readonly memberTable: MemberTable;
  private pending: PendingChange | null = null;
  private dedup: DedupTable;
  /** What is remembered of the past, for models that keep any. */
  history: HotHistory;
  /** Writes that members took by themselves. */
  readonly localWrites = new LocalWrites();
  private readonly onEvent: EventSink | undefined;
  private readonly hasher: KeyedHash;
  private readonly hashKey: Uint8Array;
  private readonly preparedRows: number;
  private readonly plain = new PlainChanges();

  /** Begins with no rows; see `createState` and `restoreState`. */
  constructor(head: StateHead, members: MemberTable, options: StateOptions) {
    this.clusterId = head.clusterId;
    this.epoch = head.epoch;
    this.currentSchema = head.schema;
    this.fingerprint = schemaFingerprint(head.schema);
    this.currentSchemaVersion = head.schemaVersion;
    this.index = head.appliedIndex;
    this.timeMs = head.logTimeMs;
    this.sequence = head.eventSequence;
    this.applyVersion = head.applyVersion;
    this.latestVersion = options.latestApplyVersion ?? APPLY_VERSION;
    requireSupported(head.applyVersion, this.latestVersion);
    this.memberTable = members;
    this.hashKey = options.hashKey ?? new Uint8Array(HASH_KEY_BYTES);
    this.hasher = new KeyedHash(this.hashKey);
    this.preparedRows = options.preparedRows ?? PREPARED_ROWS;
    this.models = new Map(
      Array.from(planModels(head.schema), ([name, plan]) => [
        name,
        new ModelState(plan, this.hasher),
      ]),
    );
    this.dedup = new DedupTable(dedupLimitsOf(head.schema), this.hasher);
    this.history = new HotHistory(head.schema);
    this.onEvent = options.onEvent;
    this.pending = head.pendingSchema && this.describePending(head.pendingSchema);
  }

  get schema(): Schema {
    return this.currentSchema;
  }

  get schemaVersion(): number {
    return this.currentSchemaVersion;
  }

  get schemaFingerprint(): string {
    return this.fingerprint;
  }

  /** The model change that is decided and not in force; null where there is none. */
  get pendingChange(): PendingChange | null {
    return this.pending;
  }

  /** How far this member is with that change; null where there is none. */
  get preparation(): Preparation | null {
    if (this.pending === null) return null;
    let [prepared, total] = [0, 0];
    for (const { store } of this.modelsInPreparation()) {
      prepared += store.preparedRows;
      total += store.size;
    }
    return { ...this.pending, prepared: Math.min(prepared, total), total };
  }

  get appliedIndex(): number {
    return this.index;
  }

  get logTimeMs(): number {
    return this.timeMs;
  }

  /** Accepted events so far. */
  get eventSequence(): number {
    return this.sequence;
  }

  get nextMemberId(): number {
    return this.memberTable.nextId;
  }

  members(): readonly MemberRecord[] {
    return this.memberTable.list();
  }

  removedMemberIds(): readonly number[] {
    return this.memberTable.removedIds();
  }

  model(name: string): ModelState | undefined {
    return this.models.get(name);
  }

  /** All models, in the order of the schema. */
  modelStates(): readonly ModelState[] {
    return Array.from(this.models.values());
  }

  /** What each model takes in memory, in the order of the schema. */
  statistics(): readonly { readonly model: string; readonly statistics: StoreStatistics }[] {
    return Array.from(this.models, ([model, { statistics }]) => ({ model, statistics }));
  }

  plan(model: string): ModelPlan | undefined {
    return this.models.get(model)?.plan;
  }

  find(model: string, id: string): AggregateRecord | undefined {
    return this.models.get(model)?.get(id);
  }

  versionOf(model: string, id: string): number {
    return this.models.get(model)?.versionOf(id) ?? 0;
  }

  deletedVersion(model: string, id: string): number {
    return this.models.get(model)?.deletedVersion(id) ?? 0;
  }

  /** The last id of a model within bounds that a row has or had: ids are not forgotten. */
  lastUsedId(model: string, from: string, to: string): string | undefined {
    return this.models.get(model)?.store.lastUsedId(from, to);
  }

  holder(model: string, position: number, key: IndexKey): string | undefined {
    return this.models.get(model)?.holder(position, key);
  }

  holders(model: string, position: number, key: IndexKey): Iterable<string> {
    return this.models.get(model)?.holders(position, key) ?? [];
  }

  /** What came of an earlier request with an idempotency scope. */
  outcomeOf(scope: string): DedupRecord | undefined {
    return this.dedup.find(scope);
  }

  /** How many outcomes are kept. */
  get outcomeCount(): number {
    return this.dedup.size;
  }

  /** Memory of the kept outcomes. */
  get outcomeBytes(): number {
    return this.dedup.bytes;
  }

  /** Kept outcomes as they are now, oldest first, read as they are asked for; to be read once. */
  outcomes(): Iterable<DedupRecord> {
    return this.dedup.records();
  }

  /** Keeps an outcome that is no older than the others; puts it back from a snapshot. */
  addOutcome(record: DedupRecord): void {
    this.dedup.add(record);
  }

  /**
   * Applies one committed entry. What cannot be done is an outcome and changes nothing; empty data
   * is the entry that a new term begins with.
   *
   * @throws EntryError for an entry that this binary cannot read: the member must stop
   * @throws StateError `out_of_order`: a bug of the caller
   */
  apply(index: number, _term: number, data: Uint8Array): ApplyResult {
    this.advance(index);
    return data.length === 0
      ? { kind: 'none' }
      : this.applyEntry(decodeEntry(data, this.latestVersion));
  }

  /**
   * Applies one committed entry, `bytes[start, end)`, as `apply` does, for those that do not ask
   * what came of it. What is frequent is not decoded; the bytes are not kept. Errors as there.
   */
  replay(index: number, term: number, bytes: Buffer, start: number, end: number): void {
    const { plain } = this;
    const model = this.onEvent === undefined ? plain.find(this, bytes, start, end) : null;
    if (model === null) {
      this.apply(index, term, bytes.subarray(start, end));
      return;
    }
    const { write, row } = plain;
    this.advance(index);
    this.passTime(write.timestampMs);
    this.sequence += 1;
    model.store.putPlain(row, write, write.expectedVersion + 1, this.timeMs, this.sequence);
  }

  /**
   * Does a slice of the work that must be done before data is applied; true once nothing is left.
   * Entries may be applied all the same: what is left is then done at once, however long it takes.
   */
  readyFor(data: Uint8Array): boolean {
    if (this.pending === null || !isActivation(data)) return true;
    return this.prepareSome();
  }

  /** Builds a slice of the indexes that a decided model change needs; true once they are built. */
  prepareSome(): boolean {
    return Array.from(this.models.values()).every((model) => model.prepareSome(this.preparedRows));
  }

  /** Takes a slice of rows over to the snapshot that their bodies are left to; true once all are. */
  coolSome(): boolean {
    return Array.from(this.models.values()).every(({ store }) => store.coolSome());
  }

  /** Begins to build what a decided change needs, for rows that a snapshot brought. */
  resumePreparation(): void {
    if (this.pending !== null) this.prepare(this.pending.schema);
  }

  /** Applies what a membership change carries for the member table; empty context: nothing. */
  applyMember(index: number, term: number, context: Uint8Array): ApplyResult {
    return this.apply(index, term, context);
  }

  /** The state as it stands now, serialized lazily while later entries are applied. */
  snapshot(): StateSnapshot {
    return new StateSnapshot(this);
  }

  /**
   * The same rows and outcomes as the state of another cluster or epoch: what a restore founds. This state
   * must not be used any more.
   */
  refounded(cluster: Refounding): ReplicatedState {
    const head: StateHead = {
      clusterId: cluster.clusterId,
      epoch: cluster.epoch,
      schema: this.currentSchema,
      schemaVersion: this.currentSchemaVersion,
      appliedIndex: this.index,
      logTimeMs: this.timeMs,
      eventSequence: this.sequence,
      pendingSchema: this.pending?.schema ?? null,
      applyVersion: this.applyVersion,
    };
    const next = new ReplicatedState(
      head,
      new MemberTable(cluster.members, cluster.removedIds ?? []),
      {
        hashKey: this.hashKey,
        latestApplyVersion: this.latestVersion,
      },
    );
    next.models = this.models;
    next.dedup = this.dedup;
    next.history = this.history;
    if (!cluster.keepsArchives) next.history.forgetArchives();
    next.localWrites.refound(this.localWrites);
    next.history.forgetCold();
    return next;
  }

  private advance(index: number): void {
    const isNext = this.index === 0 ? index > 0 : index === this.index + 1;
    if (!isNext) {
      throw new StateError('out_of_order', `entry ${index} does not follow ${this.index}`);
    }
    this.index = index;
  }

  private applyEntry(entry: Entry): ApplyResult {
    switch (entry.kind) {
      case 'write':
        return { kind: 'write', outcome: this.applyWrite(entry) };
      case 'schema':
        return { kind: 'schema', outcome: this.applySchema(entry) };
      case 'member':
        return { kind: 'member', outcome: this.memberTable.put(entry.member) };
      case 'memberRemoval':
        this.localWrites.forget(entry.memberId);
        return { kind: 'member', outcome: this.memberTable.remove(entry.memberId) };
      case 'compact':
        return { kind: 'compact', sealed: this.applyCompact(entry) };
      case 'activate':
        return { kind: 'schema', outcome: this.applyActivation(entry) };
      case 'applyVersion':
        return { kind: 'applyVersion', raised: this.raise(entry.to) };
      case 'localWrites':
        this.passTime(entry.timestampMs);
        return { kind: 'localWrites', outcome: this.localWrites.apply(this, entry) };
      case 'cold':
        this.passTime(entry.timestampMs);
        return { kind: 'cold', changed: this.history.changeCold(entry) };
    }
  }

  /** One step at a time: a binary supports the version before its latest, and no older one. */
  private raise(to: number): boolean {
    if (to !== this.applyVersion + 1) return false;
    this.applyVersion = to;
    return true;
  }

  private passTime(timestampMs: number): void {
    if (timestampMs > this.timeMs) this.timeMs = timestampMs;
    this.dedup.expire(this.timeMs);
  }

  private applyWrite(entry: WriteEntry): Outcome {
    this.passTime(entry.timestampMs);
    const { idempotency } = entry;
    const known = idempotency === null ? undefined : this.dedup.find(idempotency.scope);
    if (idempotency !== null && known !== undefined) return replay(known, idempotency.fingerprint);
    if (entry.schemaVersion !== this.currentSchemaVersion) return schemaChanged();
    const conflicts = findConflicts(this, entry.changes);
    if (conflicts.length > 0) return rejectionOf(conflicts, entry.changes.length > 1);
    const outcome = this.commit(entry);
    if (idempotency !== null) {
      const { scope, fingerprint } = idempotency;
      this.dedup.add({ scope, fingerprint, timeMs: this.timeMs, outcome });
    }
    return outcome;
  }

  private commit(entry: WriteEntry): AppliedOutcome {
    const { changes } = entry;
    const aggregates: WrittenAggregate[] = [];
    for (let at = 0; at < changes.length; at++) {
      const change = changes[at];
      if (change === undefined) continue;
      const before = this.before(change);
      const written = this.commitChange(change);
      aggregates.push(written);
      const { effect, model, events } = change;
      if (effect === 'unchanged') continue;
      const made = events === undefined ? { effect, model } : { effect, model, events };
      this.accept(entry, at, made, written, before);
    }
    const effect = changes[0]?.effect ?? 'unchanged';
    // Whoever deletes a row is told of that row, not of those that went or changed with it.
    if (effect === 'deleted') aggregates.length = 1;
    return { kind: 'applied', index: this.index, effect, aggregates, replayed: false };
  }

  private commitChange(change: Change): WrittenAggregate {
    const { id } = change;
    const model = this.models.get(change.model);
    if (model === undefined) throw new StateError('broken', `no model ${change.model}`);
    const version = change.expectedVersion + 1;
    const timestampMs = this.timeMs;
    const sequence = this.sequence + 1;
    if (isPut(change)) {
      const { json, keys } = change;
      model.put({ id, version, json, keys, timestampMs, sequence });
      return { id, version, json };
    }
    if (change.effect === 'unchanged') {
      return { id, version: change.expectedVersion, json: model.get(id)?.json ?? null };
    }
    model.bury({ id, version, timestampMs, sequence });
    return { id, version, json: null };
  }

  isMember(id: number): boolean {
    return this.memberTable.has(id);
  }

  /** The old row, read only for those who want it. */
  before({ model, id }: Pick<Change, 'model' | 'id'>): StateEvent['before'] {
    const isWanted = this.onEvent !== undefined || this.history.rulesOf(model)?.audited === true;
    const row = isWanted ? this.find(model, id) : undefined;
    return row === undefined ? null : { version: row.version, json: row.json };
  }

  /** Records a change that was made as an event, and in the history of its model. */
  accept(
    entry: WriteAuthor,
    at: number,
    change: RowVersion,
    written: WrittenAggregate,
    before: StateEvent['before'],
  ): void {
    const { effect, model } = change;
    const sequence = this.sequence + 1;
    this.sequence += change.events?.length ?? 1;
    if (this.onEvent === undefined && this.history.rulesOf(model) === undefined) return;
    const events = change.events ?? [defaultEvent(model, effect)];
    this.remember(entry, { effect, model, events, sequence }, written, before);
    if (this.onEvent === undefined) return;
    for (const [position, type] of events.entries()) {
      this.tell(entry, at, { effect, model, type, sequence: sequence + position }, written, before);
    }
  }

  private remember(
    entry: WriteAuthor,
    event: Pick<VersionRecord, 'effect' | 'events' | 'sequence'> & { readonly model: string },
    { id, version, json }: WrittenAggregate,
    before: StateEvent['before'],
  ): void {
    const { effect, model, events, sequence } = event;
    const rules = this.history.rulesOf(model);
    if (rules === undefined) return;
    this.history.add(model, {
      id,
      version,
      effect,
      events,
      sequence,
      index: this.index,
      timeMs: this.timeMs,
      actor: rules.audited ? entry.actor : null,
      json,
      before: rules.audited ? (before?.json ?? null) : null,
      changed: null,
      evidence: null,
    });
  }

  private tell(
    entry: WriteAuthor,
    subIndex: number,
    event: Pick<StateEvent, 'effect' | 'model' | 'type' | 'sequence'>,
    written: WrittenAggregate,
    before: StateEvent['before'],
  ): void {
    this.onEvent?.({
      ...event,
      index: this.index,
      subIndex,
      id: written.id,
      version: written.version,
      timestampMs: this.timeMs,
      actor: entry.actor,
      memberId: entry.memberId,
      schemaVersion: entry.schemaVersion,
      json: written.json,
      before,
    });
  }

  /** False where another compaction came first, or there is nothing to seal. */
  private applyCompact({ timestampMs, generation, digests }: CompactEntry): boolean {
    this.passTime(timestampMs);
    const { active } = this.history;
    if (active.number !== generation || active.count === 0) return false;
    this.history.seal(this.timeMs, digests);
    return true;
  }

  private applySchema(entry: SchemaEntry): SchemaOutcome {
    this.passTime(entry.timestampMs);
    if (entry.expectedSchemaVersion !== this.currentSchemaVersion) return this.versionConflict();
    if (this.pending !== null) {
      const message = 'another model change is being prepared';
      return { kind: 'rejected', code: 'in_progress', message };
    }
    const next = parseSchema(entry.schemaJson);
    const names = new Set(next.models.map(({ name }) => name));
    const gone = Array.from(this.models.keys()).find((name) => !names.has(name));
    if (gone !== undefined) {
      return { kind: 'rejected', code: 'invalid', message: `model ${gone} cannot be dropped` };
    }
    const waits = this.prepare(next);
    if (!waits || entry.atOnce === true) return this.activate(next);
    this.pending = this.describePending(next);
    const { schemaVersion, fingerprint } = this.pending;
    return { kind: 'preparing', schemaVersion, fingerprint };
  }

  private applyActivation({ timestampMs, schemaVersion }: ActivateEntry): SchemaOutcome {
    this.passTime(timestampMs);
    if (this.pending?.schemaVersion !== schemaVersion) return this.versionConflict();
    return this.activate(this.pending.schema);
  }

  private versionConflict(): SchemaOutcome {
    const message = `the schema is at version ${this.currentSchemaVersion} already`;
    return { kind: 'rejected', code: 'version_conflict', message };
  }

  private describePending(schema: Schema): PendingChange {
    const fingerprint = schemaFingerprint(schema);
    return { schema, fingerprint, schemaVersion: this.currentSchemaVersion + 1 };
  }

  private modelsInPreparation(): readonly ModelState[] {
    return Array.from(this.models.values()).filter(({ store }) => store.isPreparing);
  }

  /** Begins to build the indexes that a schema needs; false where there are no rows to look at. */
  private prepare(next: Schema): boolean {
    let rows = 0;
    for (const [name, plan] of planModels(next)) {
      const model = this.models.get(name);
      const indexes = model === undefined ? [] : indexesToPrepare(model.plan, plan);
      if (model === undefined || indexes.length === 0) continue;
      model.prepare(indexes);
      rows += model.size;
    }
    return rows > 0;
  }

  private activate(next: Schema): SchemaOutcome {
    const plans = planModels(next);
    this.pending = null;
    this.models = new Map(
      Array.from(plans, ([name, plan]) => {
        const before = this.models.get(name);
        return [name, this.nextModel(before, plan)];
      }),
    );
    this.dedup.limitTo(dedupLimitsOf(next));
    this.currentSchema = next;
    const end = { index: this.index, timeMs: this.timeMs };
    this.history.adopt(next, this.applyVersion >= FORMER_RULES ? end : null);
    this.fingerprint = schemaFingerprint(next);
    this.currentSchemaVersion += 1;
    const { currentSchemaVersion: schemaVersion, fingerprint } = this;
    return { kind: 'applied', schemaVersion, fingerprint };
  }

  private nextModel(before: ModelState | undefined, plan: ModelPlan): ModelState {
    if (before === undefined) return new ModelState(plan, this.hasher);
    upgradeModel(before, plan);
    return before;
  }
}
