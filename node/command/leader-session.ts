import { canonicalJson, type ModelSchema, type Schema } from '@lithair/crds';
import { hasEncryptedFields } from '../encryption/index.ts';
import {
  type Change,
  type ColdObject,
  encodeEntry,
  type GenerationDigest,
  isPut,
  type LocalWritesEntry,
} from '../entry/index.ts';
import type { CommandEnvelope, IdempotencyKey, Outcome, WrittenAggregate } from '../ports/index.ts';
import {
  keyReuse,
  neededBySchema,
  type ReplicatedState,
  replay,
  schemaChanged,
} from '../state/index.ts';
import { expiryOf } from '../values/index.ts';
import { CommandError } from './errors.ts';
import { EXPIRY_ACTOR, expiredRows, type RowName } from './expired-rows.ts';
import { MetRows } from './met-rows.ts';
import { Overlay, type PendingRows } from './overlay.ts';
import { type Plan, type PlannedRows, planCommand } from './planning.ts';
import { refusal } from './refusal.ts';
import { prepareSchemaChange } from './schema-change.ts';
import { SealedRows } from './sealed-rows.ts';
import { Sequences } from './sequences.ts';
import { StuckRows } from './stuck-rows.ts';
import type {
  Execution,
  FieldCipherOf,
  MergePatch,
  RandomBytes,
  RowAccess,
  SchemaExecution,
  Ticket,
} from './types.ts';

/** Below this many settled proposals the queue is not compacted. */
const COMPACT_FROM = 1024;

interface Proposal extends Ticket {
  index: number;
  readonly rows: PendingRows;
  readonly isSchemaChange: boolean;
}

type AppliedOutcome = Extract<Outcome, { kind: 'applied' }>;

/** A request with an idempotency key on its way. */
interface UnderWay {
  readonly fingerprint: string;
  /** What its first sender was already told. */
  answered: AppliedOutcome | null;
}

/**
 * Executes commands while this member leads: on the applied state and, laid over it, what was
 * proposed and is not applied yet. Make one when leadership begins, after the first entry of the
 * own term is applied, and drop it when leadership ends.
 *
 * The caller proposes what `execute` and `proposeSchema` return, in that order, tells the place
 * of each (`proposed`) or that it has none (`dropped`), and calls `applied` after the state has
 * applied each entry of the log.
 */
export class LeaderSession {
  private readonly state: ReplicatedState;
  private readonly memberId: number;
  private readonly mergePatch: MergePatch;
  private readonly rowAccess: RowAccess;
  private readonly cipherOf: FieldCipherOf;
  private sealing: { readonly schema: Schema; readonly rows: SealedRows | null } | null = null;
  private readonly overlay: Overlay;
  private readonly sequences: Sequences;
  /** Requests under way, by idempotency scope. */
  private readonly scopes = new Map<string, UnderWay>();
  /** Proposals with a place in the log, in its order; those before `head` are settled. */
  private placed: Proposal[] = [];
  private head = 0;
  private unplaced: Proposal | null = null;
  private schemaChange: Proposal | null = null;
  private lastMs = 0;
  private readonly stuck = new StuckRows();
  /** Rows whose time has come, and that the last command met and was refused. */
  inTheWay: readonly RowName[] = [];
  private knownExpiry: { readonly schema: Schema; readonly isSome: boolean } | null = null;

  /**
   * @param mergePatch needed where patches are executed
   * @param rowAccess needed where models have rules for single rows, or rights on fields
   * @param cipherOf needed where models have encrypted fields
   */
  constructor(
    state: ReplicatedState,
    memberId: number,
    mergePatch: MergePatch = noPatches,
    rowAccess: RowAccess = NO_ACCESS,
    cipherOf: FieldCipherOf = noFieldKey,
  ) {
    this.state = state;
    this.memberId = memberId;
    this.mergePatch = mergePatch;
    this.rowAccess = rowAccess;
    this.cipherOf = cipherOf;
    this.overlay = new Overlay(state);
    this.sequences = new Sequences(state);
  }

  /** Proposals that are not applied yet. */
  get pendingCount(): number {
    return this.placed.length - this.head + (this.unplaced === null ? 0 : 1);
  }

  /**
   * Executes a command; see {@link Execution}.
   *
   * @throws CommandError `unplaced_proposal`
   */
  execute(envelope: CommandEnvelope, nowMs: number, random: RandomBytes): Execution {
    this.requirePlaced();
    this.inTheWay = [];
    const { idempotency } = envelope;
    const known = idempotency === null ? null : this.knownOutcome(idempotency);
    if (known !== null) return this.certain(known);
    if (this.schemaChange !== null || envelope.schemaVersion !== this.state.schemaVersion) {
      return this.certain(schemaChanged());
    }
    const { mergePatch, rowAccess } = this;
    const { schema } = this.state;
    const sealing = isAsStored(envelope.command) ? null : this.sealedRows();
    const rows = this.watched(sealing ?? this.overlay);
    const { actor } = envelope;
    const making = { nowMs: this.stamp(nowMs), random, actor, nextNumber: this.nextNumber };
    const context = { rows, ...making, schema, mergePatch, rowAccess };
    const plan = planCommand(context, envelope.command);
    switch (plan.kind) {
      case 'rejected':
        this.inTheWay = this.expiredAmong(rows, making.nowMs);
        return this.computed(plan.outcome);
      case 'change':
        return this.propose(envelope, sealing?.sealed(plan.changes, random) ?? plan.changes, null);
      case 'unchanged':
        return this.unchanged(envelope, this.asStored(plan));
    }
  }

  /** Where nothing expires, nothing can be in the way. */
  private watched(rows: PlannedRows): PlannedRows {
    return this.expires() ? new MetRows(rows) : rows;
  }

  private expiredAmong(met: PlannedRows, nowMs: number): readonly RowName[] {
    return met instanceof MetRows ? met.expired(nowMs, this.stuck) : [];
  }

  /** Null where the schema has no encrypted field. */
  private sealedRows(): SealedRows | null {
    const { schema } = this.state;
    if (this.sealing?.schema !== schema) {
      const rows = hasEncryptedFields(schema.models)
        ? new SealedRows(this.overlay, () => this.cipherOf(schema) ?? noFieldKey())
        : null;
      this.sealing = { schema, rows };
    }
    return this.sealing.rows;
  }

  /** Outcomes hold rows as they are stored, whatever they were planned on. */
  private asStored(plan: Extract<Plan, { kind: 'unchanged' }>) {
    if (this.sealedRows() === null) return plan;
    const stored = this.overlay.find(plan.model, plan.aggregate.id);
    if (stored === undefined) return plan;
    return { ...plan, aggregate: { ...plan.aggregate, json: stored.json } };
  }

  /**
   * Proposes a model change. Until it is applied, commands are answered with `schema_changed`: they
   * were validated against a schema that is about to go.
   *
   * @throws CommandError `unplaced_proposal`
   */
  proposeSchema(next: Schema, nowMs: number): SchemaExecution {
    this.requirePlaced();
    if (this.schemaChange !== null) return { kind: 'in_progress' };
    const plan = prepareSchemaChange(this.state, next);
    if (plan.kind !== 'additive') return plan;
    const needs = neededBySchema(plan.next);
    const data = encodeEntry({
      kind: 'schema',
      ...(needs > 0 && { needs }),
      memberId: this.memberId,
      timestampMs: this.stamp(nowMs),
      expectedSchemaVersion: this.state.schemaVersion,
      schemaJson: canonicalJson(plan.next),
    });
    const ticket = { index: 0, rows: [], scope: null, isSchemaChange: true, foreseen: null };
    this.schemaChange = ticket;
    this.unplaced = ticket;
    return { kind: 'propose', changes: plan.changes, data, ticket };
  }

  /**
   * Proposes to put the model change in force that is being prepared; commands are answered with
   * `schema_changed` until it is. Null where there is nothing to put in force, or it is proposed.
   *
   * @throws CommandError `unplaced_proposal`
   */
  proposeActivation(schemaVersion: number, nowMs: number) {
    this.requirePlaced();
    if (this.schemaChange !== null) return null;
    if (this.state.pendingChange?.schemaVersion !== schemaVersion) return null;
    const data = encodeEntry({
      kind: 'activate',
      memberId: this.memberId,
      timestampMs: this.stamp(nowMs),
      schemaVersion,
    });
    const ticket = { index: 0, rows: [], scope: null, isSchemaChange: true, foreseen: null };
    this.schemaChange = ticket;
    this.unplaced = ticket;
    return { kind: 'propose', data, ticket } as const;
  }

  /**
   * Proposes to seal the generation of history that grows, with what is known of earlier ones.
   *
   * @throws CommandError `unplaced_proposal`
   */
  proposeCompaction(nowMs: number, digests: readonly GenerationDigest[]) {
    this.requirePlaced();
    const data = encodeEntry({
      kind: 'compact',
      memberId: this.memberId,
      timestampMs: this.stamp(nowMs),
      generation: this.state.history.active.number,
      digests,
    });
    const ticket = { index: 0, rows: [], scope: null, isSchemaChange: false, foreseen: null };
    this.unplaced = ticket;
    return { kind: 'propose', data, ticket } as const;
  }

  /**
   * Proposes writes that a member took by itself; null where they are of another schema than the
   * one that is in force, or about to be.
   *
   * @throws CommandError `unplaced_proposal`
   */
  proposeLocalWrites(writes: LocalWritesEntry, nowMs: number) {
    this.requirePlaced();
    const isOther = writes.schemaVersion !== this.state.schemaVersion;
    if (this.schemaChange !== null || isOther) return null;
    const timestampMs = this.stamp(nowMs);
    const data = encodeEntry({ ...writes, memberId: this.memberId, timestampMs });
    const ticket = { index: 0, rows: [], scope: null, isSchemaChange: false, foreseen: null };
    this.unplaced = ticket;
    return { kind: 'propose', data, ticket } as const;
  }

  /**
   * Proposes to delete rows whose time has come; the one that a command is about first, so that the
   * command finds it gone. Null where there are none.
   *
   * @throws CommandError `unplaced_proposal`
   */
  proposeExpiry(nowMs: number, about: RowName | null) {
    this.requirePlaced();
    if (this.schemaChange !== null || !this.expires()) return null;
    const first = [...(about === null ? [] : [about]), ...this.inTheWay];
    this.inTheWay = [];
    const changes = expiredRows(this.overlay, this.state, this.stamp(nowMs), first, this.stuck);
    if (changes.length === 0) return null;
    const { memberId, lastMs: timestampMs } = this;
    const { schemaVersion } = this.state;
    const idempotency = null;
    const { subject, method } = EXPIRY_ACTOR;
    const entry = { memberId, timestampMs, schemaVersion, idempotency, changes };
    const data = encodeEntry({ kind: 'write', actor: { subject, method }, ...entry });
    const rows = this.overlay.add(changes);
    const ticket = { index: 0, rows, scope: null, isSchemaChange: false, foreseen: null };
    this.unplaced = ticket;
    return { kind: 'propose', data, ticket } as const;
  }

  /** Whether rows of some model go by themselves. */
  private expires(): boolean {
    const { schema } = this.state;
    if (this.knownExpiry?.schema !== schema) {
      const isSome = schema.models.some((model) => expiryOf(model) !== null);
      this.knownExpiry = { schema, isSome };
    }
    return this.knownExpiry.isSome;
  }

  /**
   * Proposes a change of what is in the cold store.
   *
   * @throws CommandError `unplaced_proposal`
   */
  proposeCold(
    nowMs: number,
    model: string,
    removed: readonly string[],
    added: readonly ColdObject[],
  ) {
    this.requirePlaced();
    const { memberId } = this;
    const timestampMs = this.stamp(nowMs);
    const data = encodeEntry({ kind: 'cold', memberId, timestampMs, model, removed, added });
    const ticket = { index: 0, rows: [], scope: null, isSchemaChange: false, foreseen: null };
    this.unplaced = ticket;
    return { kind: 'propose', data, ticket } as const;
  }

  private readonly nextNumber = (model: string, prefix: string, digits: number): string | null => {
    if (this.pendingCount === 0) this.sequences.settle();
    return this.sequences.next(model, prefix, digits);
  };

  /** Tells that a proposal got its place in the log. */
  proposed(ticket: Ticket, index: number): void {
    const proposal = this.takeUnplaced(ticket);
    proposal.index = index;
    this.placed.push(proposal);
  }

  /**
   * The answer to a proposal with a place in the log, before apply has decided over it. It holds as
   * long as the entry is not lost with its leader. Whoever repeats the request gets it, too.
   *
   * @throws CommandError `unforeseen` where its model demands a majority
   */
  foresee({ index, scope, foreseen }: Ticket): Outcome {
    if (foreseen === null) throw new CommandError('unforeseen', 'only apply can tell its outcome');
    const outcome = { kind: 'applied', index, ...foreseen, replayed: false } as const;
    const underWay = scope === null ? undefined : this.scopes.get(scope);
    if (underWay !== undefined) underWay.answered = outcome;
    return outcome;
  }

  /** Tells that a proposal was not taken: it never will be in the log. */
  dropped(ticket: Ticket): void {
    this.settle(this.takeUnplaced(ticket), false);
  }

  /** Tells that the state has applied the log up to an index. */
  applied(index: number): void {
    for (;;) {
      const oldest = this.placed[this.head];
      if (oldest === undefined || oldest.index > index) break;
      this.head += 1;
      this.settle(oldest, true);
    }
    const isDrained = this.head > 0 && this.head === this.placed.length;
    if (!isDrained && this.head < COMPACT_FROM) return;
    this.placed = this.placed.slice(this.head);
    this.head = 0;
  }

  private requirePlaced(): void {
    if (this.unplaced === null) return;
    throw new CommandError('unplaced_proposal', 'the last proposal has neither place nor end');
  }

  private takeUnplaced(ticket: Ticket): Proposal {
    const { unplaced } = this;
    if (unplaced === null || unplaced !== ticket) {
      throw new CommandError('unplaced_proposal', 'this is not the proposal that awaits its place');
    }
    this.unplaced = null;
    return unplaced;
  }

  private settle(proposal: Proposal, isApplied: boolean): void {
    this.overlay.remove(proposal.rows);
    if (proposal.scope !== null) this.scopes.delete(proposal.scope);
    if (!proposal.isSchemaChange) return;
    this.schemaChange = null;
    // One that was dropped changed no layout, and writes before it may still be pending.
    if (isApplied) this.overlay.reset();
  }

  /** Time as the log will have it: never before what is applied or proposed. */
  private stamp(nowMs: number): number {
    this.lastMs = Math.max(Math.floor(nowMs), this.state.logTimeMs, this.lastMs);
    return this.lastMs;
  }

  private knownOutcome({ scope, fingerprint }: IdempotencyKey): Outcome | null {
    const known = this.state.outcomeOf(scope);
    if (known !== undefined) return replay(known, fingerprint);
    const underWay = this.scopes.get(scope);
    if (underWay === undefined) return null;
    if (underWay.fingerprint !== fingerprint) return keyReuse();
    if (underWay.answered !== null) return { ...underWay.answered, replayed: true };
    return refusal('idempotency_in_progress', 'a request with this Idempotency-Key is under way');
  }

  private unchanged(envelope: CommandEnvelope, plan: Extract<Plan, { kind: 'unchanged' }>) {
    const { id, version } = plan.aggregate;
    if (envelope.idempotency !== null) {
      const change = {
        effect: 'unchanged',
        model: plan.model,
        id,
        expectedVersion: version,
      } as const;
      return this.propose(envelope, [change], plan.aggregate);
    }
    return this.computed({
      kind: 'applied',
      index: Math.max(this.lastIndex(), this.state.appliedIndex),
      effect: 'unchanged',
      aggregates: [plan.aggregate],
      replayed: false,
    });
  }

  /** @param unchanged the aggregate that a write leaves as it is */
  private propose(
    envelope: CommandEnvelope,
    changes: readonly Change[],
    unchanged: WrittenAggregate | null,
  ): Execution {
    const { actor, idempotency } = envelope;
    const data = encodeEntry({
      kind: 'write',
      memberId: this.memberId,
      timestampMs: this.lastMs,
      schemaVersion: envelope.schemaVersion,
      actor,
      idempotency,
      changes,
    });
    if (idempotency !== null) {
      const { scope, fingerprint } = idempotency;
      this.scopes.set(scope, { fingerprint, answered: null });
    }
    const durability = this.overlay.plan(envelope.command.model)?.schema.durability;
    const foreseen =
      durability === undefined ? null : { durability, ...foreseenOf(changes, unchanged) };
    const rows = this.overlay.add(changes);
    const scope = idempotency?.scope ?? null;
    const ticket = { index: 0, rows, scope, isSchemaChange: false, foreseen };
    this.unplaced = ticket;
    return { kind: 'propose', data, ticket, durability: durability ?? 'quorum' };
  }

  /** An answer that holds whatever becomes of this leader. */
  private certain(outcome: Outcome): Execution {
    return { kind: 'outcome', outcome, dependsOnIndex: 0, confirm: false };
  }

  /** An answer computed on rows that may not be committed, by a leader that may be cut off. */
  private computed(outcome: Outcome): Execution {
    return { kind: 'outcome', outcome, dependsOnIndex: this.lastIndex(), confirm: true };
  }

  /** Index of the last proposal that is not applied; 0 for none. */
  private lastIndex(): number {
    return this.head < this.placed.length ? (this.placed.at(-1)?.index ?? 0) : 0;
  }
}

/**
 * A deletion looks at no encrypted value, and rows that stay as deleted ones keep their ciphertexts: a
 * row that does not open can be deleted, too.
 */
function isAsStored({ kind }: CommandEnvelope['command']): boolean {
  return kind === 'delete';
}

function foreseenOf(changes: readonly Change[], unchanged: WrittenAggregate | null) {
  const aggregates = changes.map((change): WrittenAggregate => {
    const version = change.expectedVersion + 1;
    return { id: change.id, version, json: isPut(change) ? change.json : null };
  });
  const effect = changes[0]?.effect ?? 'unchanged';
  if (effect === 'deleted') aggregates.length = 1;
  return { effect, aggregates: unchanged === null ? aggregates : [unchanged] };
}

/** Closed: a session that could not judge rows refuses models that ask for it. */
function noRowRules({ permissions }: ModelSchema): null {
  const { owner, publicIf, rows } = permissions ?? {};
  if ((owner ?? publicIf ?? rows) === undefined) return null;
  throw new CommandError('no_row_access', 'this session was made without a way to judge rows');
}

const NO_ACCESS: RowAccess = {
  judge: (_, model) => noRowRules(model),
  closed(_, { fields }) {
    const closed = fields.filter(({ hidden, permissions }) => hidden ?? permissions !== undefined);
    const names = new Set(closed.map(({ name }) => name));
    return { unreadable: names, unknown: names };
  },
};

/** Closed: a session without keys would store values in plain. */
function noFieldKey(): never {
  throw new CommandError('no_field_keys', 'this session was made without keys for fields');
}

function noPatches(): never {
  throw new CommandError('no_patches', 'this session was made without a way to merge patches');
}
