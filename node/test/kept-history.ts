/** Members that keep history, without consensus: entries are applied to all of them in one order. */
import { type ColdStoreSpec, compileSchema, type Schema, validateSpec } from '@lithair/crds';
import { Archive, type AskMember, blockingZstd, serveArchive } from '../archive/index.ts';
import { type ColdStore, openColdStore } from '../cold/index.ts';
import type { FileKeys } from '../encryption/index.ts';
import { type ColdObject, type Entry, encodeEntry, type GenerationDigest } from '../entry/index.ts';
import { HistoryKeeper, type HistoryLimits } from '../history-keeper.ts';
import { type FileSystem, MemoryFileSystem } from '../log/index.ts';
import type { Clock, LogFields, Logger } from '../ports/index.ts';
import { type ApplyResult, createState, type ReplicatedState } from '../state/index.ts';

export const SECOND_MS = 1_000;
const START_MS = Date.UTC(2026, 0, 1);

/** A clock that goes on when it is told to; timers fire only then. */
export class ManualClock implements Clock {
  ms = START_MS;
  nowMs = (): number => this.ms;
  monotonicMs = (): number => this.ms - START_MS;
  after = () => ({ cancel: () => undefined });
}

/** What was logged, worst first to look at in a test. */
export class LogLines implements Logger {
  readonly lines: {
    readonly level: string;
    readonly message: string;
    readonly fields: LogFields;
  }[] = [];
  debug = (): void => undefined;
  info = (fields: LogFields, message: string): void => this.#add('info', fields, message);
  warn = (fields: LogFields, message: string): void => this.#add('warn', fields, message);
  error = (fields: LogFields, message: string): void => this.#add('error', fields, message);

  messages(level: string): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }

  #add(level: string, fields: LogFields, message: string): void {
    this.lines.push({ level, fields, message });
  }
}

/** One model with a text field `price`, of which all versions are kept, and `note`. */
export function noteSchema(more: Record<string, unknown> = {}): Schema {
  const { store, ...model } = more;
  const fields = [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'price', type: 'string' },
    { name: 'note', type: 'string' },
  ];
  const lifecycle = { versioned: 1000 };
  const models = [{ name: 'Note', fields, lifecycle, ...model }];
  const spec = validateSpec({ auth: { mode: 'open' }, models, ...(store ? { store } : {}) });
  if (!spec.ok) throw new Error(JSON.stringify(spec.problems));
  return compileSchema(spec.value);
}

export function priceOf(id: string, version: number): string {
  return `<price:${id}:${version}>`;
}

/** What a member is made of. */
export class KeptMember {
  readonly id: number;
  readonly fs: FileSystem;
  readonly logger = new LogLines();
  readonly group: KeptGroup;
  state: ReplicatedState;
  archive: Archive;
  keeper: HistoryKeeper;

  private constructor(
    group: KeptGroup,
    id: number,
    fs: FileSystem,
    state: ReplicatedState,
    archive: Archive,
  ) {
    this.group = group;
    this.id = id;
    this.fs = fs;
    this.state = state;
    this.archive = archive;
    this.keeper = this.#keep();
  }

  static async open(
    group: KeptGroup,
    id: number,
    state: ReplicatedState,
    fs: FileSystem = new MemoryFileSystem(),
  ): Promise<KeptMember> {
    return new KeptMember(group, id, fs, state, await openArchive(fs, group.keys));
  }

  /** Starts the process again on what is on the disk, with the same state. */
  async restart(fs: FileSystem = this.fs): Promise<KeptMember> {
    const next = await KeptMember.open(this.group, this.id, this.state, fs);
    this.group.replace(this, next);
    return next;
  }

  ask: AskMember = async (request) => serveArchive(this.archive, request, this.keeper.isComplete);

  #keep(): HistoryKeeper {
    const { group } = this;
    return new HistoryKeeper({
      archive: this.archive,
      clock: group.clock,
      logger: this.logger,
      leader: group.leaderOf(this),
      openStore: (settings) => group.openStore(settings, this),
      pause: () => Promise.resolve(),
      state: () => this.state,
      isLeading: () => group.leader === this,
      members: () => group.members.filter((other) => other !== this).map(({ ask }) => ask),
      limits: group.limits,
    });
  }
}

/** A cluster of them. */
export class KeptGroup {
  readonly clock = new ManualClock();
  /** The disk that all members share. */
  coldFs: FileSystem = new MemoryFileSystem();
  /** What members encrypt with; null: nothing. */
  keys: FileKeys | null = null;
  /** Hears of every applied entry. */
  onApplied: () => void = () => undefined;
  readonly limits: Partial<HistoryLimits>;
  members: KeptMember[] = [];
  leader: KeptMember | null = null;
  #index = 1;

  constructor(limits: Partial<HistoryLimits> = {}) {
    this.limits = limits;
  }

  static async of(
    count: number,
    schema: Schema,
    limits: Partial<HistoryLimits> = {},
  ): Promise<KeptGroup> {
    const group = new KeptGroup(limits);
    for (let id = 1; id <= count; id++) {
      const state = createState({
        clusterId: 'c1',
        epoch: 1,
        schema,
        members: [{ id: 1, name: 'n1', address: 'n1:1', diskUuid: 'd1', intent: 'voter' }],
        nowMs: group.clock.nowMs(),
      });
      group.members.push(await KeptMember.open(group, id, state));
    }
    group.leader = group.members[0] ?? null;
    return group;
  }

  /** A group of one that goes on with a state, on a disk which holds the store, too. */
  static async around(
    state: ReplicatedState,
    fs: FileSystem,
    { keys, limits }: Pick<KeptGroup, 'keys' | 'limits'>,
  ): Promise<KeptGroup> {
    const group = new KeptGroup(limits);
    group.keys = keys;
    group.coldFs = fs;
    group.#index = Math.max(1, state.appliedIndex);
    group.clock.ms = Math.max(group.clock.ms, state.logTimeMs);
    const member = await KeptMember.open(group, 1, state, fs);
    group.members.push(member);
    group.leader = member;
    return group;
  }

  replace(old: KeptMember, next: KeptMember): void {
    this.members = this.members.map((member) => (member === old ? next : member));
    if (this.leader === old) this.leader = next;
  }

  /** Applies an entry on all members. */
  apply(entry: Entry): ApplyResult {
    this.#index += 1;
    const results = this.members.map(({ state, keeper }) => {
      const result = state.apply(this.#index, 1, encodeEntry(entry));
      keeper.onApplied();
      return result;
    });
    const [first] = results;
    if (first === undefined) throw new Error('a group has members');
    this.onApplied();
    return first;
  }

  /** Makes the next version of a note. */
  change(id: string): void {
    const state = this.members[0]?.state;
    if (state === undefined) throw new Error('a group has members');
    const version = state.find('Note', id)?.version ?? state.deletedVersion('Note', id);
    const json = JSON.stringify({ id, price: priceOf(id, version + 1), note: `note ${version}` });
    this.apply({
      kind: 'write',
      memberId: 1,
      timestampMs: this.clock.nowMs(),
      schemaVersion: state.schemaVersion,
      actor: { subject: 'clerk', method: 'apiKey' },
      idempotency: null,
      changes: [
        {
          effect: version === 0 ? 'created' : 'updated',
          model: 'Note',
          id,
          expectedVersion: version,
          json,
          keys: [],
        },
      ],
    });
  }

  /** What a keeper asks of the leader. */
  leaderOf(member: KeptMember) {
    const isLeading = () => this.leader === member;
    return {
      compact: (digests: readonly GenerationDigest[]) => this.compact(digests),
      changeCold: async (
        model: string,
        removed: readonly string[],
        added: readonly ColdObject[],
      ): Promise<boolean> => {
        if (!isLeading()) throw new Error('this is not the leader');
        const timestampMs = this.clock.nowMs();
        const entry = { kind: 'cold', memberId: 1, timestampMs, model, removed, added } as const;
        const result = this.apply(entry);
        return result.kind === 'cold' && result.changed;
      },
      confirm: async (): Promise<void> => {
        if (!isLeading()) throw new Error('this is not the leader');
      },
      get leadingTerm() {
        return isLeading() ? 1 : 0;
      },
    };
  }

  /** The store of a member: the same for all of them, unless a test brings another one. */
  openStore(settings: ColdStoreSpec, _member: KeptMember): ColdStore {
    return openColdStore(settings, this.coldFs);
  }

  async compact(digests: readonly { generation: number; digest: string }[]): Promise<boolean> {
    const state = this.members[0]?.state;
    if (state === undefined) throw new Error('a group has members');
    const result = this.apply({
      kind: 'compact',
      memberId: 1,
      timestampMs: this.clock.nowMs(),
      generation: state.history.active.number,
      digests,
    });
    return result.kind === 'compact' && result.sealed;
  }
}

function openArchive(fs: FileSystem, keys: FileKeys | null): Promise<Archive> {
  return Archive.open({
    fs,
    dir: '/data',
    clusterId: 'c1',
    compression: blockingZstd,
    logger: new LogLines(),
    pause: () => Promise.resolve(),
    keys,
  });
}
