/** Nodes with an outbox each and one order between them, for tests of this room. */
import { compileSchema, type Schema, validateSpec } from '@lithair/crds';
import { rowAccess } from '../../access/index.ts';
import { encodeEntry, type LocalWritesEntry } from '../../entry/index.ts';
import { clock, logger, seeded } from '../../log/fixture.ts';
import { type DataDirectory, MemoryFileSystem, openDataDirectory } from '../../log/index.ts';
import { mergePatch } from '../../merge-patch.ts';
import type { Clock, Command, CommandEnvelope, Outcome } from '../../ports/index.ts';
import { createState, type ReplicatedState } from '../../state/index.ts';
import { type OrderAnswer, Outbox, type OutboxLimits } from '../index.ts';

export const MEMBERS = [1, 2, 3];
const LOG_OPTIONS = { segmentBytes: 64 * 1024 };

/** Compiles models as they stand in a file. */
export function schemaOf(models: readonly object[]): Schema {
  const spec = validateSpec({ auth: { mode: 'open' }, models });
  if (!spec.ok) throw new Error(JSON.stringify(spec.problems));
  return compileSchema(spec.value);
}

export function memoModel(fields: readonly object[] = []): object {
  return {
    name: 'Memo',
    fields: [
      { name: 'id', type: 'uuid', primaryKey: true },
      { name: 'text', type: 'string', index: 'ordered', maxLength: 100 },
      { name: 'kind', type: 'string', index: 'hash' },
      ...fields,
    ],
    lifecycle: { versioned: 1000 },
    persistence: { consistency: 'eventual' },
  };
}

function newState(schema: Schema): ReplicatedState {
  const members = MEMBERS.map((id) => ({
    id,
    name: `n${id}`,
    address: `h:${id}`,
    diskUuid: `d${id}`,
    intent: 'voter' as const,
  }));
  return createState({ clusterId: 'c', epoch: 1, schema, members, nowMs: clock.nowMs() });
}

/** The one log: what is ordered is applied by whoever is given it. */
export class Order {
  readonly entries: Uint8Array[] = [];

  append(entry: Parameters<typeof encodeEntry>[0]): void {
    this.entries.push(encodeEntry(entry));
  }
}

/** One member: its state, its disk and its outbox. */
export class LocalNode {
  readonly memberId: number;
  fs: MemoryFileSystem;
  readonly order: Order;
  readonly schema: Schema;
  readonly limits: Partial<OutboxLimits>;
  state: ReplicatedState;
  outbox: Outbox;
  clock: Clock = clock;
  failure: Error | null = null;
  spaceIsLow = false;
  /** Whether its log knows that what was ordered is committed. */
  knowsCommit = true;
  /** When its log has that on the disk, and says so. */
  onceDurable: (done: () => void) => void = setImmediate;
  /** Whether it reaches the leader. */
  connected = false;
  /** Batches that it sent. */
  sent: LocalWritesEntry[] = [];
  #directory: DataDirectory | null = null;
  #keys = 0;

  constructor(
    memberId: number,
    order: Order,
    schema = schemaOf([memoModel()]),
    limits: Partial<OutboxLimits> = {},
  ) {
    this.memberId = memberId;
    this.order = order;
    this.schema = schema;
    this.limits = limits;
    this.fs = new MemoryFileSystem();
    this.state = newState(schema);
    this.outbox = this.#create();
  }

  /** Opens the outbox on the disk as it is. */
  async start(): Promise<void> {
    const { fs } = this;
    const random = seeded(this.memberId);
    const dir = '/data';
    this.#directory = await openDataDirectory({ dir, fs, clock: this.clock, random, logger });
    if (this.#directory.identity === null) {
      const diskUuid = `d${this.memberId}`;
      const name = `n${this.memberId}`;
      const { memberId } = this;
      await this.#directory.writeIdentity({ diskUuid, name, clusterId: 'c', memberId });
    }
    await this.outbox.open();
  }

  /** Stops in order: the outbox first, then its file. */
  async stop(): Promise<void> {
    this.outbox.stop();
    await this.#directory?.close();
  }

  /** Dies and starts again, with a state as of so many entries. */
  async restart(applied = this.state.appliedIndex): Promise<void> {
    this.outbox.stop();
    const random = seeded(applied + this.#keys);
    this.fs = this.fs.crash('power', () => random.fraction());
    const { entries } = this.order;
    this.state = newState(this.schema);
    this.outbox = this.#create();
    for (const data of entries.slice(0, applied)) {
      this.state.apply(this.state.appliedIndex + 1, 1, data);
    }
    await this.start();
  }

  /** Applies what is ordered and not applied here. */
  catchUp(): void {
    for (const data of this.order.entries.slice(this.state.appliedIndex)) {
      const index = this.state.appliedIndex + 1;
      const result = this.state.apply(index, 1, data);
      if (result.kind === 'localWrites') this.outbox.onOrdered(index, result.outcome);
      this.outbox.onApplied(index);
    }
  }

  submit(command: Command, key: string | null = null, fingerprint = 'f'): Promise<Outcome> {
    const envelope: CommandEnvelope = {
      command,
      actor: { subject: 'somebody', method: 'apiKey', roles: [] },
      schemaVersion: this.state.schemaVersion,
      idempotency: key === null ? null : { scope: key, fingerprint },
      timeoutMs: 1000,
    };
    return this.outbox.submit(envelope);
  }

  create(id: string, text: string): Promise<Outcome> {
    return this.submit({ kind: 'create', model: 'Memo', body: { id, text } });
  }

  /** The text that this node shows; null for none. */
  text(id: string): string | null {
    const json = this.outbox.view(this.state).model('Memo')?.get(id)?.json;
    return json === undefined ? null : String(JSON.parse(json).text);
  }

  #create(): Outbox {
    const random = seeded(this.memberId * 7 + this.#keys++);
    const clockOf = (): Clock => this.clock;
    return new Outbox({
      memberId: this.memberId,
      clock: {
        nowMs: () => clockOf().nowMs(),
        monotonicMs: () => clockOf().monotonicMs(),
        after: (ms, callback) => clockOf().after(ms, callback),
      },
      random,
      logger,
      mergePatch,
      rowAccess,
      limits: this.limits,
      openJournal: () => {
        if (this.#directory === null) throw new Error('not started');
        return this.#directory.openOutbox(LOG_OPTIONS);
      },
      state: () => this.state,
      isSpaceLow: () => this.spaceIsLow,
      order: (writes) => this.#send(writes),
      onceCommitted: (_index, done) => {
        if (!this.knowsCommit) return false;
        this.onceDurable(done);
        return true;
      },
      onFailure: (error) => {
        this.failure = error;
      },
    });
  }

  #send(writes: LocalWritesEntry): Promise<OrderAnswer> {
    if (!this.connected) return Promise.reject(new Error('nobody leads'));
    this.sent.push(writes);
    this.order.append(writes);
    setImmediate(() => this.catchUp());
    return Promise.resolve('ordered');
  }
}
