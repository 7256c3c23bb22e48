import type { Problem, Schema } from '@lithair/crds';
import { rowAccess } from './access/index.ts';
import {
  type Execution,
  LeaderSession,
  prepareSchemaChange,
  type SchemaExecution,
} from './command/index.ts';
import {
  type Consensus,
  ConsensusError,
  type EarlyStage,
  type LeadershipEvent,
  type Proposed,
} from './consensus/index.ts';
import { type FieldVault, openedKey } from './encryption/index.ts';
import {
  type ColdObject,
  encodeEntry,
  type GenerationDigest,
  type LocalWritesEntry,
  neededApplyVersion,
} from './entry/index.ts';
import { withFieldKey } from './field-keys.ts';
import { mergePatch } from './merge-patch.ts';
import type { OrderAnswer } from './outbox/index.ts';
import {
  type Clock,
  type CommandEnvelope,
  EngineError,
  type Logger,
  type Outcome,
  type Random,
} from './ports/index.ts';
import type { ApplyResult, ReplicatedState } from './state/index.ts';
import type { RequestTrace, Tracer } from './telemetry/index.ts';

/** What came of asking the leader for a model change. */
export type ModelChange =
  | { readonly kind: 'unchanged'; readonly schemaVersion: number }
  | {
      readonly kind: 'applied' | 'would-apply';
      readonly schemaVersion: number;
      readonly changes: readonly string[];
    }
  /** It is decided; the indexes that it needs are being built. `changes`: where this call decided. */
  | {
      readonly kind: 'preparing';
      readonly schemaVersion: number;
      readonly changes: readonly string[];
    }
  | { readonly kind: 'breaking'; readonly reasons: readonly Problem[] }
  /** Another change is under way or came first; safe to ask again. */
  | { readonly kind: 'conflict' };

/** So often rows that have expired and are in the way of one command are deleted in front of it, 200 at a time. */
const MAX_IN_THE_WAY = 8;

/** What a leader is given from outside. */
interface LeaderWorld {
  readonly random: Random;
  /** Records commands of requests that are recorded. */
  readonly tracer: Tracer;
  readonly logger: Pick<Logger, 'debug'>;
}

/**
 * The leader's side of a write: gives commands to the session of the present leadership, proposes
 * what it decides, and answers once that is applied. Between leaderships there is no session.
 */
export class Leader {
  readonly #logClock: Pick<Clock, 'nowMs'>;
  readonly #random: Random;
  readonly #isSpaceLow: () => boolean;
  readonly #vault: FieldVault;
  readonly #tracer: Tracer;
  readonly #logger: Pick<Logger, 'debug'>;
  #consensus: Consensus<ApplyResult, ReplicatedState> | null = null;
  #session: LeaderSession | null = null;

  /**
   * @param logClock stamps entries
   * @param isSpaceLow true while nothing new may be written
   * @param vault makes and opens the key of encrypted fields
   */
  constructor(
    logClock: Pick<Clock, 'nowMs'>,
    { random, tracer, logger }: LeaderWorld,
    isSpaceLow: () => boolean,
    vault: FieldVault,
  ) {
    this.#logClock = logClock;
    this.#random = random;
    this.#isSpaceLow = isSpaceLow;
    this.#vault = vault;
    this.#tracer = tracer;
    this.#logger = logger;
  }

  /** Closes the circle: consensus hands commands here, and this proposes through consensus. */
  attach(consensus: Consensus<ApplyResult, ReplicatedState>): void {
    this.#consensus = consensus;
    consensus.onLeadership((event) => this.#onLeadership(consensus, event));
  }

  /** Must hear of every applied entry, in order. */
  onApplied(index: number): void {
    this.#session?.applied(index);
  }

  /**
   * Executes a command here.
   *
   * @throws ConsensusError where it certainly had no effect, EngineError otherwise
   */
  execute(envelope: CommandEnvelope): Promise<Outcome> {
    return envelope.trace === undefined
      ? this.#execute(envelope, null)
      : this.#executeTraced(envelope, this.#tracer.resume(envelope.trace, 'execute'));
  }

  async #executeTraced(envelope: CommandEnvelope, trace: RequestTrace): Promise<Outcome> {
    const forwardedBy = envelope.trace?.forwardedBy;
    trace.note('lithair.model', envelope.command.model);
    trace.note('lithair.operation', envelope.command.kind);
    if (forwardedBy !== undefined) trace.note('lithair.forwarded_by', forwardedBy);
    trace.enter('propose');
    let failed = true;
    try {
      const outcome = await this.#execute(envelope, trace);
      failed = false;
      return outcome;
    } finally {
      trace.finish({ failed });
    }
  }

  async #execute(envelope: CommandEnvelope, trace: RequestTrace | null): Promise<Outcome> {
    const { consensus, session } = this.#leading();
    const execution = this.#executed(consensus, session, envelope);
    if (execution.kind === 'outcome')
      return this.#confirmed(consensus, execution, envelope.timeoutMs);
    if (this.#isSpaceLow()) {
      session.dropped(execution.ticket);
      throw new EngineError('out_of_space', 'the disk of the leader is below its reserve');
    }
    if (execution.durability !== 'quorum') {
      return this.#answerEarly(consensus, session, execution, envelope.timeoutMs);
    }
    const { result, index } = this.#propose(consensus, session, execution, envelope.timeoutMs);
    if (trace !== null) followEntry(consensus, index, trace);
    return outcomeOf(await result);
  }

  #executed(
    consensus: Consensus<ApplyResult, ReplicatedState>,
    session: LeaderSession,
    envelope: CommandEnvelope,
  ): Execution {
    this.#expireBefore(consensus, session, envelope);
    const execute = () =>
      session.execute(envelope, this.#logClock.nowMs(), (bytes) => this.#bytes(bytes));
    let execution = execute();
    for (let tried = 0; tried < MAX_IN_THE_WAY && session.inTheWay.length > 0; tried++) {
      this.#expireBefore(consensus, session, envelope);
      execution = execute();
    }
    return execution;
  }

  /**
   * What a command meets has not expired: what had is deleted in front of it. A deletion that finds
   * no place now is left to the sweep, and the command goes on.
   */
  #expireBefore(
    consensus: Consensus<ApplyResult, ReplicatedState>,
    session: LeaderSession,
    { command, timeoutMs }: CommandEnvelope,
  ): void {
    if (this.#isSpaceLow()) return;
    const about = 'id' in command ? command : null;
    const expiry = session.proposeExpiry(this.#logClock.nowMs(), about);
    if (expiry === null) return;
    try {
      // Where it is lost, so is the command behind it.
      this.#propose(consensus, session, expiry, timeoutMs).result.catch(() => null);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#logger.debug({ reason }, 'expired rows could not be deleted in front of a command');
    }
  }

  /** Deletes rows whose time has come; false where there were none. Errors as {@link execute}. */
  async expireRows(timeoutMs: number): Promise<boolean> {
    const { consensus, session } = this.#leading();
    if (this.#isSpaceLow()) return false;
    const expiry = session.proposeExpiry(this.#logClock.nowMs(), null);
    if (expiry === null) return false;
    const result = await this.#propose(consensus, session, expiry, timeoutMs).result;
    return result.kind === 'write' && result.outcome.kind === 'applied';
  }

  /** Answers before a majority has the entry, as its model allows; raft takes no notice of it. */
  async #answerEarly(
    consensus: Consensus<ApplyResult, ReplicatedState>,
    session: LeaderSession,
    execution: Extract<Execution, { kind: 'propose' }>,
    timeoutMs: number,
  ): Promise<Outcome> {
    const stage = execution.durability === 'leader' ? 'stored' : 'taken';
    const { result, early } = this.#propose(consensus, session, execution, timeoutMs, stage);
    // What is lost later was answered already, with the header that says so.
    const fate = result.catch(() => null);
    await early;
    const applied = await Promise.race([fate, NOT_YET]);
    return applied === null ? session.foresee(execution.ticket) : outcomeOf(applied);
  }

  /**
   * Changes the model, or says what a change would do.
   *
   * @param wanted without the key of encrypted fields, which the cluster keeps or makes
   * @throws errors as {@link execute}
   */
  async changeModel(wanted: Schema, dryRun: boolean, timeoutMs: number): Promise<ModelChange> {
    return this.#changeModel(
      withFieldKey(wanted, this.#state().schema, this.#vault),
      dryRun,
      timeoutMs,
    );
  }

  /** Whether there is a newer master key than the one that wraps the key of encrypted fields. */
  get hasOldFieldKey(): boolean {
    const { fieldKey } = this.#state().schema;
    return fieldKey !== undefined && fieldKey.masterKey !== this.#vault.activeId;
  }

  /**
   * Wraps the key of encrypted fields by the newest master key; false where it is, or there is none, or
   * the model is being changed. Errors as {@link execute}.
   */
  async renewFieldKey(timeoutMs: number): Promise<boolean> {
    const { schema } = this.#state();
    const renewed = schema.fieldKey === undefined ? null : this.#vault.renewed(schema.fieldKey);
    if (renewed === null) return false;
    const change = await this.#changeModel({ ...schema, fieldKey: renewed }, false, timeoutMs);
    return change.kind === 'applied';
  }

  async #changeModel(next: Schema, dryRun: boolean, timeoutMs: number): Promise<ModelChange> {
    const { consensus, session } = this.#leading();
    if (dryRun) return this.#stillLeading(consensus, this.#plannedModelChange(next), timeoutMs);
    const execution = session.proposeSchema(next, this.#logClock.nowMs());
    if (execution.kind !== 'propose') {
      return this.#stillLeading(consensus, refusedModelChange(execution), timeoutMs);
    }
    const result = await this.#propose(consensus, session, execution, timeoutMs).result;
    if (result.kind !== 'schema') throw new Error(`a model change was applied as ${result.kind}`);
    if (result.outcome.kind === 'rejected') return { kind: 'conflict' };
    const { kind, schemaVersion } = result.outcome;
    return { kind, schemaVersion, changes: execution.changes };
  }

  /** Puts a model change in force whose indexes are built here; errors as {@link execute}. */
  async activate(schemaVersion: number, timeoutMs: number): Promise<void> {
    const { consensus, session } = this.#leading();
    const execution = session.proposeActivation(schemaVersion, this.#logClock.nowMs());
    if (execution !== null) {
      await this.#propose(consensus, session, execution, timeoutMs).result;
    }
  }

  /**
   * Seals the history that is in memory, on all members; false where there was nothing to seal.
   * Errors as {@link execute}.
   */
  async compact(digests: readonly GenerationDigest[], timeoutMs: number): Promise<boolean> {
    const { consensus, session } = this.#leading();
    const execution = session.proposeCompaction(this.#logClock.nowMs(), digests);
    const result = await this.#propose(consensus, session, execution, timeoutMs).result;
    return result.kind === 'compact' && result.sealed;
  }

  /** Puts an apply version in force; false where it is not the next one. Errors as above. */
  async raiseApplyVersion(to: number, timeoutMs: number): Promise<boolean> {
    const { consensus } = this.#leading();
    const data = encodeEntry({ kind: 'applyVersion', to });
    const result = await consensus.propose(data, timeoutMs).result;
    return result.kind === 'applyVersion' && result.raised;
  }

  /**
   * Orders writes that a member took by itself. What apply made of them the member hears from its
   * own log; errors as {@link execute}.
   */
  async orderLocalWrites(writes: LocalWritesEntry, timeoutMs: number): Promise<OrderAnswer> {
    const { consensus, session } = this.#leading();
    const last = writes.firstSequence + writes.writes.length - 1;
    if (this.#state().localWrites.sequenceOf(writes.origin) >= last) return 'ordered';
    if (this.#isSpaceLow()) return 'later';
    const execution = session.proposeLocalWrites(writes, this.#logClock.nowMs());
    if (execution === null) return 'schema_changed';
    const result = await this.#propose(consensus, session, execution, timeoutMs).result;
    if (result.kind !== 'localWrites')
      throw new Error(`local writes were applied as ${result.kind}`);
    return result.outcome.kind === 'ordered' ? 'ordered' : result.outcome.code;
  }

  /**
   * Changes which archives of a model are in the cold store, on all members; false where the list
   * is not as the caller saw it. Errors as {@link execute}.
   */
  async changeCold(
    model: string,
    removed: readonly string[],
    added: readonly ColdObject[],
    timeoutMs: number,
  ): Promise<boolean> {
    const { consensus, session } = this.#leading();
    const execution = session.proposeCold(this.#logClock.nowMs(), model, removed, added);
    const result = await this.#propose(consensus, session, execution, timeoutMs).result;
    return result.kind === 'cold' && result.changed;
  }

  /** The term in which this member leads; 0 where it does not. */
  get leadingTerm(): number {
    return this.#consensus?.leadingTerm ?? 0;
  }

  /** Resolves where this member certainly leads, and has applied what was committed before. */
  async confirm(timeoutMs: number): Promise<void> {
    const { consensus } = this.#leading();
    await consensus.confirmRead(timeoutMs);
  }

  /** A leader that was cut off may answer from a model that is no longer the newest. */
  async #stillLeading(
    consensus: Consensus<ApplyResult, ReplicatedState>,
    answer: ModelChange,
    timeoutMs: number,
  ): Promise<ModelChange> {
    const term = consensus.leadingTerm;
    await consensus.confirmRead(timeoutMs);
    if (consensus.leadingTerm !== term) throw notLeading();
    return answer;
  }

  #plannedModelChange(next: Schema): ModelChange {
    const plan = prepareSchemaChange(this.#state(), next);
    if (plan.kind !== 'additive') return refusedModelChange(plan);
    const { schemaVersion } = this.#state();
    return { kind: 'would-apply', schemaVersion: schemaVersion + 1, changes: plan.changes };
  }

  #propose(
    consensus: Consensus<ApplyResult, ReplicatedState>,
    session: LeaderSession,
    execution: Pick<Extract<Execution | SchemaExecution, { kind: 'propose' }>, 'data' | 'ticket'>,
    timeoutMs: number,
    stage: EarlyStage | null = null,
  ): Proposed<ApplyResult> {
    try {
      requireInForce(execution.data, this.#state().applyVersion);
      const proposed = consensus.propose(execution.data, timeoutMs, stage);
      session.proposed(execution.ticket, proposed.index);
      return proposed;
    } catch (error) {
      session.dropped(execution.ticket);
      throw error;
    }
  }

  /** An answer that rests on uncommitted writes, or on leading still, waits until that is certain. */
  async #confirmed(
    consensus: Consensus<ApplyResult, ReplicatedState>,
    execution: Extract<Execution, { kind: 'outcome' }>,
    timeoutMs: number,
  ): Promise<Outcome> {
    const term = consensus.leadingTerm;
    if (execution.dependsOnIndex > 0) {
      await consensus.waitApplied(execution.dependsOnIndex, timeoutMs);
    }
    if (execution.confirm) await consensus.confirmRead(timeoutMs);
    if (consensus.leadingTerm !== term) throw notLeading();
    return execution.outcome;
  }

  #onLeadership(consensus: Consensus<ApplyResult, ReplicatedState>, event: LeadershipEvent): void {
    const { state } = consensus;
    this.#session =
      event.leading && state !== null
        ? new LeaderSession(state, consensus.memberId, mergePatch, rowAccess, (schema) =>
            openedKey(this.#vault, schema, 'on the leader'),
          )
        : null;
  }

  #leading(): { consensus: Consensus<ApplyResult, ReplicatedState>; session: LeaderSession } {
    if (this.#consensus === null || this.#session === null) throw notLeading();
    return { consensus: this.#consensus, session: this.#session };
  }

  #state(): ReplicatedState {
    const state = this.#consensus?.state;
    if (state === null || state === undefined) throw notLeading();
    return state;
  }

  #bytes(count: number): Uint8Array {
    return this.#random.fill(new Uint8Array(count));
  }
}

/** What not every member can apply must not get into the log. */
function requireInForce(data: Uint8Array, inForce: number): void {
  const needed = neededApplyVersion(data);
  if (needed <= inForce) return;
  const text = `it needs apply version ${needed}, and the cluster is at ${inForce}`;
  throw new EngineError('unavailable', `${text}: update all members first`);
}

/** The phases of an entry: until a majority has it, and until it is applied. */
function followEntry(
  consensus: Consensus<ApplyResult, ReplicatedState>,
  index: number,
  trace: RequestTrace,
): void {
  trace.note('lithair.index', index);
  trace.enter('commit');
  consensus.onceCommitted(index, () => trace.enter('apply'));
}

const NOT_YET = Promise.resolve(null);

function outcomeOf(result: ApplyResult): Outcome {
  if (result.kind !== 'write') throw new Error(`a write was applied as ${result.kind}`);
  return result.outcome;
}

function refusedModelChange(execution: Exclude<SchemaExecution, { kind: 'propose' }>): ModelChange {
  switch (execution.kind) {
    case 'same':
      return { kind: 'unchanged', schemaVersion: execution.schemaVersion };
    case 'breaking':
      return { kind: 'breaking', reasons: execution.reasons };
    case 'preparing':
      return { kind: 'preparing', schemaVersion: execution.schemaVersion, changes: [] };
    case 'in_progress':
      return { kind: 'conflict' };
  }
}

function notLeading(): ConsensusError {
  return new ConsensusError('not_leader', 'this is not the leader');
}
