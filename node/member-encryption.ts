import { compileSchema, type LithairModelSpec, type ModelSchema, type Schema } from '@lithair/crds';
import type { EncryptionStatus } from '@lithair/crds/contract';
import { coldOwner } from './archive/index.ts';
import type { LinkTransport } from './consensus/index.ts';
import {
  encryptedFields,
  FieldVault,
  type FileKeys,
  hasEncryptedFields,
  type KeyMark,
  type Keyring,
  type MasterKeys,
} from './encryption/index.ts';
import {
  asksForEncryption,
  EncryptionKeeper,
  type EncryptionKeeperParts,
  isSecretModel,
  surveyOrdered,
  whyKeysRefused,
} from './encryption-keeper.ts';
import { NodeError } from './exit.ts';
import { EXIT } from './exit-codes.ts';
import { fieldKeysOf } from './field-keys.ts';
import type { FileSystem, LogOptions } from './log/index.ts';
import { AdminError, type AdminHandler } from './membership/index.ts';
import type { Clock, Logger, MemberRecord, Random } from './ports/index.ts';
import type { ReplicatedState } from './state/index.ts';

const STATUS_REQUEST_MS = 3_000;
/** What all members need the same keys for. */
const OPENING = 'open encrypted fields';

/** What a member's encryption works with. */
export interface MemberEncryptionParts {
  /** Of the member. */
  readonly name: string;
  readonly dataDir: string;
  readonly spec: LithairModelSpec;
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Null where there are none. */
  readonly keys: MasterKeys | null;
  /** The keys that are needed are not there: the process must end. */
  readonly onRefused: (reason: string) => void;
}

/** Asks another member for `GET /_admin/status`; gives its answer. */
export type AskStatus = (memberId: number, request: Uint8Array) => Promise<Uint8Array | undefined>;

/** What it works with from the time on at which the member takes part in its cluster. */
export interface AttachedParts
  extends Pick<EncryptionKeeperParts, 'log' | 'outbox' | 'audit' | 'state' | 'rewrite'> {
  readonly ask: AskStatus;
  readonly place: { readonly clusterId: string; readonly memberId: number };
}

interface DiskPlace {
  readonly diskUuid: string;
  /** Whether the cluster begins here. */
  readonly founder: boolean;
}

/** Over the links to the other members. */
export function askingStatus(transport: Pick<LinkTransport, 'request'>): AskStatus {
  return async (id, request) => transport.request(id, 'admin', request, STATUS_REQUEST_MS);
}

/** The keys of one member through its life: at its start, for its log and archive, and later on. */
export class MemberEncryption {
  /** The key of encrypted fields, as far as the master keys open it. */
  readonly fields: FieldVault;
  readonly #parts: MemberEncryptionParts;
  #keys: FileKeys | null = null;
  #diskUuid = '';
  #attached: (AttachedParts & { readonly shared: FileKeys | null }) | null = null;
  #keeper: EncryptionKeeper | null = null;

  constructor(parts: MemberEncryptionParts) {
    this.#parts = parts;
    this.fields = new FieldVault(parts.keys, parts.random);
  }

  /** Null where there are no keys, and before there is a state. */
  get status(): EncryptionStatus | null {
    return this.#keeper?.status ?? null;
  }

  /** @throws NodeError where the model asks for encryption, and there are no keys */
  requireKeys(): void {
    const { keys, spec } = this.#parts;
    const secret = spec.models.find(({ security }) => security?.encryptionAtRest === true);
    const sealed = compileSchema(spec).models.find((model) => hasEncryptedFields([model]));
    if (keys !== null || (secret ?? sealed) === undefined) return;
    const what =
      secret === undefined
        ? `model ${sealed?.name} has encrypted fields (${namesOf(sealed)})`
        : `model ${secret.name} asks for encryptionAtRest`;
    throw new NodeError(`${what}, and no keys were given (--keys FILE)`);
  }

  /**
   * How the log of a disk and its audit log are opened; the latter refuses by itself what the keys
   * do not open.
   *
   * @throws NodeError that names the files that the given keys do not open
   */
  async open({ diskUuid, founder }: DiskPlace): Promise<LogOptions> {
    const { keys: masters, fs, random, dataDir, spec, onRefused } = this.#parts;
    const keys = masters?.of(diskUuid, random) ?? null;
    const reason = whyKeysRefused(await surveyOrdered(fs, dataDir, keys));
    if (reason !== null) throw new NodeError(reason, EXIT.dataRefused);
    this.#keys = keys;
    this.#diskUuid = diskUuid;
    // Whoever joins does not know yet what the cluster asks for.
    const encrypts = keys !== null && (!founder || asksForEncryption(compileSchema(spec)));
    return { keys, encrypts, onSecret: ({ message }) => onRefused(message) };
  }

  /** How the archive is opened. */
  archive(state: () => ReplicatedState | null) {
    return { keys: this.#keys, isSecret: (model: string) => isSecretModel(state(), model) };
  }

  /** Begins to follow the model. */
  attach(parts: AttachedParts): void {
    const { keys: masters, dataDir: dir } = this.#parts;
    const own = { masters, fields: this.fields, keys: this.#keys, diskUuid: this.#diskUuid };
    const shared = this.#keys?.forOwner(coldOwner(parts.place.clusterId)) ?? null;
    this.#attached = { ...parts, shared };
    const sharedKeys = () => shared?.checks() ?? [];
    this.#keeper = new EncryptionKeeper({ ...this.#parts, ...own, dir, ...parts, sharedKeys });
    this.#keeper.onApplied();
  }

  /** The present state, the other members that it knows, and how they are asked. */
  #cluster() {
    if (this.#attached === null) throw new Error('encryption is not attached');
    const { state, place, ask, shared } = this.#attached;
    const present = state();
    const members = present?.members() ?? [];
    const others = members.filter(({ id }) => id !== place.memberId);
    return { state: present, others, ask, shared };
  }

  /**
   * Why something that all members read must not be encrypted with our newest key: those that do
   * not have it; with `all`, also those that do not answer. Null where nothing is in the way.
   */
  async whyKeysDiffer(all: boolean, purpose = 'read cold objects'): Promise<string | null> {
    const { others, ask, shared } = this.#cluster();
    const active = shared?.activeId ?? 0;
    const own = shared?.checks().find(({ id }) => id === active);
    if (own === undefined) return null;
    for (const { id, name } of others) {
      const marks = marksOf(await statusOf(id, ask));
      if (marks === null && all) return untold(name);
      const lack = marks === null ? null : lackOf(marks, own);
      if (lack !== null) return differing(name, lack, purpose);
    }
    return null;
  }

  /**
   * Before a learner gets a vote: without the key that wraps that of encrypted fields it ends once it
   * has caught up, and its vote may be one that the majority needs.
   *
   * @throws AdminError `keys_missing` that names the key, `unavailable` where the learner does not tell
   */
  readonly admitVoter = async ({ id, name }: MemberRecord): Promise<void> => {
    const { state, ask, shared } = this.#cluster();
    const wrapping = (state === null ? [] : fieldKeysOf(state)).map(({ masterKey }) => masterKey);
    if (wrapping.length === 0) return;
    const marks = marksOf(await statusOf(id, ask));
    if (marks === null) throw new AdminError('unavailable', untold(name));
    for (const own of shared?.checks() ?? []) {
      const lack = wrapping.includes(own.id) ? lackOf(marks, own) : null;
      if (lack === null) continue;
      throw new AdminError('keys_missing', differing(name, lack, OPENING));
    }
  };

  onApplied(): void {
    this.#keeper?.onApplied();
  }

  start(): void {
    this.#keeper?.start();
  }

  /** The state is the newest that was committed: its encrypted fields must open from here on. */
  requireFields(): void {
    this.#keeper?.requireFields();
  }

  stop(): void {
    this.#keeper?.stop();
  }

  /** Takes changed master keys in; a start that is under way keeps those that it began with. */
  async changeKeys(keyring: Keyring): Promise<void> {
    await this.#keeper?.offer(keyring);
  }

  /**
   * Before a model asks for encryption for the first time: every member must have keys, so that
   * none of them would have to end.
   *
   * @throws AdminError that names the member that has none, or does not answer
   */
  readonly admit = async (next: Schema): Promise<void> => {
    const { state, others, ask } = this.#cluster();
    if (state === null) return;
    const asksAnew = asksForEncryption(next) && !asksForEncryption(state.schema);
    const sealsAnew = hasEncryptedFields(next.models) && state.schema.fieldKey === undefined;
    if (!asksAnew && !sealsAnew) return;
    const what = asksAnew ? 'asks for encryptionAtRest' : 'has encrypted fields';
    if (this.#keys === null) throw keysMissing(what, this.#parts.name);
    for (const { id, name } of others) {
      if (!(await hasKeys(id, name, ask))) throw keysMissing(what, name);
    }
    if (!sealsAnew) return;
    const differ = await this.whyKeysDiffer(true, OPENING);
    if (differ !== null) throw new AdminError('keys_missing', differ);
  };
}

function namesOf(model: ModelSchema | undefined): string {
  return model === undefined ? '' : encryptedFields(model).join(', ');
}

function keysMissing(what: string, member: string): AdminError {
  const message = `a model ${what}, and member ${member} was given no keys`;
  return new AdminError('keys_missing', message);
}

/** Has a member write everything anew, as `lithair compact` does. */
export async function compactThrough(admin: AdminHandler): Promise<void> {
  const request = { method: 'POST', path: '/_admin/compact', query: '', body: undefined };
  const { status, body } = await admin.handle(request);
  if (status < 300) return;
  throw new Error(`status ${status}: ${JSON.stringify(memberOf(body, 'detail') ?? null)}`);
}

/** What a member says of itself; undefined where it does not answer. */
async function statusOf(id: number, ask: AskStatus): Promise<unknown> {
  const request = { method: 'GET', path: '/_admin/status', query: '' };
  const answer = await ask(id, Buffer.from(JSON.stringify(request))).catch(() => undefined);
  return memberOf(JSON.parse(Buffer.from(answer ?? 'null').toString()), 'body');
}

/** `id:check` of each key that a member has; null where it does not tell. */
function marksOf(status: unknown): readonly string[] | null {
  if (memberOf(status, 'clusterId') === undefined) return null;
  const keys = memberOf(memberOf(status, 'encryption'), 'keys');
  if (!Array.isArray(keys)) return [];
  return keys.map(
    (key: unknown) => `${String(memberOf(key, 'id'))}:${String(memberOf(key, 'check'))}`,
  );
}

function untold(name: string): string {
  return `member ${name} does not say which keys it has`;
}

/** How a member with these marks lacks a key, as a sentence goes on; null where it has it. */
function lackOf(marks: readonly string[], { id, check }: KeyMark): string | null {
  if (marks.includes(`${id}:${check}`)) return null;
  return `${marks.some((mark) => mark.startsWith(`${id}:`)) ? 'another' : 'no'} key ${id}`;
}

function differing(name: string, lack: string, purpose: string): string {
  return `member ${name} has ${lack}: all members need the same keys to ${purpose}`;
}

async function hasKeys(id: number, name: string, ask: AskStatus): Promise<boolean> {
  const status = await statusOf(id, ask);
  if (memberOf(status, 'clusterId') === undefined) {
    throw new AdminError('unavailable', `member ${name} does not say whether it has keys`);
  }
  return (memberOf(status, 'encryption') ?? null) !== null;
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
