import { compileSchema, type Schema, validateSpec } from '@lithair/crds';
import { rowAccess } from '../../access/index.ts';
import { LeaderSession } from '../../command/index.ts';
import { FieldVault, memoryKeys } from '../../encryption/index.ts';
import { withFieldKey } from '../../field-keys.ts';
import { mergePatch } from '../../merge-patch.ts';
import {
  type AuditEntry,
  type CommandEnvelope,
  type Engine,
  EngineError,
  type EngineErrorCode,
  type HistoryReader,
  type NodeHealth,
  type Outcome,
  type ReadDemand,
} from '../../ports/index.ts';
import { createState, type ReplicatedState, type StateOptions } from '../../state/index.ts';
import { systemRandom } from '../../world.ts';

/**
 * One member with the real state and command rooms and no log: what is proposed is applied at
 * once. For tests and measurements of the rooms in front of the engine.
 */
export class SingleNode implements Engine {
  readonly current: ReplicatedState;
  /** In memory alone. */
  readonly fieldKeys = new FieldVault(memoryKeys(systemRandom), systemRandom);
  readonly #session: LeaderSession;
  /** What the next calls fail with, for tests of the error exits. */
  failure: EngineErrorCode | null = null;
  phase: NodeHealth['phase'] = 'ready';
  /** What reads wait for, and what happens meanwhile. */
  barrier: () => Promise<void> | null = () => null;
  readonly demands: ReadDemand[] = [];
  readonly audited: AuditEntry[] = [];
  /** Whether entries cannot be written. */
  auditFails = false;
  #index = 1;

  constructor(schema: Schema, options: StateOptions = {}) {
    const members = [
      { id: 1, name: 'n1', address: '127.0.0.1:1', diskUuid: 'disk', intent: 'voter' } as const,
    ];
    const nowMs = Date.UTC(2026, 0, 1);
    const keyed = withFieldKey(schema, null, this.fieldKeys);
    const initial = { clusterId: 'test', epoch: 1, schema: keyed, members, nowMs };
    this.current = createState(initial, options);
    this.current.apply(this.#index, 1, new Uint8Array(0));
    this.#session = new LeaderSession(this.current, 1, mergePatch, rowAccess, (asked) =>
      this.fieldKeys.of(asked),
    );
  }

  get health(): NodeHealth {
    return { phase: this.phase, detail: 'as the test wants', status: () => null };
  }

  state(): ReplicatedState | null {
    return this.phase === 'ready' ? this.current : null;
  }

  history(): HistoryReader | null {
    return this.state()?.history ?? null;
  }

  readBarrier(demand: ReadDemand): Promise<void> | null {
    this.demands.push(demand);
    if (this.demands.length > 100) this.demands.length = 0;
    this.#fail();
    return this.barrier();
  }

  audit(entry: AuditEntry): Promise<void> {
    if (this.auditFails) {
      return Promise.reject(new EngineError('unavailable', 'the audit log cannot be written'));
    }
    this.audited.push(entry);
    return Promise.resolve();
  }

  submit(envelope: CommandEnvelope): Promise<Outcome> {
    try {
      this.#fail();
      return Promise.resolve(this.execute(envelope));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  execute(envelope: CommandEnvelope): Outcome {
    this.expire('id' in envelope.command ? envelope.command : null);
    const done = this.#session.execute(envelope, Date.now(), randomBytes);
    if (done.kind === 'outcome') return done.outcome;
    this.#index += 1;
    this.#session.proposed(done.ticket, this.#index);
    const result = this.current.apply(this.#index, 1, done.data);
    this.#session.applied(this.#index);
    if (result.kind !== 'write') throw new Error('a command was not a write');
    return result.outcome;
  }

  /** Applies an entry that no command of this node made, as one with a damaged disk could. */
  inject(data: Uint8Array): void {
    this.#index += 1;
    this.current.apply(this.#index, 1, data);
  }

  /** Deletes rows whose time has come, as a leader does now and then and before each command. */
  expire(about: { readonly model: string; readonly id: string } | null = null): boolean {
    const done = this.#session.proposeExpiry(Date.now(), about);
    if (done === null) return false;
    this.#index += 1;
    this.#session.proposed(done.ticket, this.#index);
    this.current.apply(this.#index, 1, done.data);
    this.#session.applied(this.#index);
    return true;
  }

  /** Changes the model, as a change of the file would. */
  changeSchema(next: Schema): void {
    const keyed = withFieldKey(next, this.current.schema, this.fieldKeys);
    const done = this.#session.proposeSchema(keyed, Date.now());
    if (done.kind !== 'propose') throw new Error(`the schema change is ${done.kind}`);
    this.#index += 1;
    this.#session.proposed(done.ticket, this.#index);
    this.current.apply(this.#index, 1, done.data);
    this.#session.applied(this.#index);
  }

  #fail(): void {
    if (this.failure !== null) throw new EngineError(this.failure, 'as the test wants');
  }
}

const pool = new Uint8Array(8192);
let used = pool.length;

/** Drawn in blocks: a call to the system for each id would be a tenth of a write. */
function randomBytes(size: number): Uint8Array {
  if (used + size > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  used += size;
  return pool.slice(used - size, used);
}

/** Compiles models as they stand in a file. */
export function schemaOf(models: readonly unknown[], auth: unknown = { mode: 'open' }): Schema {
  const spec = validateSpec({ auth, models });
  if (!spec.ok) throw new Error(JSON.stringify(spec.problems));
  return compileSchema(spec.value);
}
