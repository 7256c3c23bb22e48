import type { ModelSchema, Schema, WrappedFieldKey } from '@lithair/crds';
import type { EncryptionStatus } from '@lithair/crds/contract';
import { archivePlaces, COLD_OBJECT } from './archive/index.ts';
import { type AuditLog, auditPlaces } from './audit/index.ts';
import {
  type EncryptionError,
  FieldVault,
  type FileKeys,
  type KeyMark,
  type Keyring,
  MasterKeys,
} from './encryption/index.ts';
import { fieldKeysOf } from './field-keys.ts';
import { type FileSystem, type KeyUse, type Log, surveyKeys, surveyPlaces } from './log/index.ts';
import type { Outbox } from './outbox/index.ts';
import type { Clock, Logger, Random, TimerHandle } from './ports/index.ts';
import type { ReplicatedState } from './state/index.ts';

const LOOK_EVERY_MS = 5_000;
/** So many files are named where keys are refused. */
const NAMED_FILES = 3;

/** Whether anything of a schema must not lie on a disk in plain. */
export function asksForEncryption({ models }: Schema): boolean {
  return models.some(isSecret);
}

function isSecret({ encryptionAtRest }: Pick<ModelSchema, 'encryptionAtRest'>): boolean {
  return encryptionAtRest === true;
}

/** Whether the files of one model are encrypted; where it is not known, they are. */
export function isSecretModel(state: ReplicatedState | null, name: string): boolean {
  const model = state?.schema.models.find((candidate) => candidate.name === name);
  return model === undefined || isSecret(model);
}

/** Which keys the files of a data directory need. Takes no lock. */
export async function surveyDirectory(
  fs: FileSystem,
  dir: string,
  keys: FileKeys | null,
): Promise<readonly KeyUse[]> {
  const audited = await surveyPlaces(fs, dir, keys, await auditPlaces(fs, dir));
  return [...(await surveyOrdered(fs, dir, keys)), ...audited];
}

/** The same without the audit log, whose files may be many, and which knows them once it is open. */
export async function surveyOrdered(
  fs: FileSystem,
  dir: string,
  keys: FileKeys | null,
): Promise<readonly KeyUse[]> {
  return surveyKeys(fs, dir, keys, await archivePlaces(fs, dir));
}

/** One sentence for all files that the keys do not open; null where they open all. */
export function whyKeysRefused(uses: readonly KeyUse[]): string | null {
  const refusals = uses.map(({ refusal }) => refusal).filter((refusal) => refusal !== null);
  const named = refusals.slice(0, NAMED_FILES).map((refusal: EncryptionError) => refusal.message);
  if (named.length === 0) return null;
  const more = refusals.length - named.length;
  return `${named.join('; ')}${more > 0 ? `; and so do ${more} more files` : ''}`;
}

/** What an {@link EncryptionKeeper} works with. */
export interface EncryptionKeeperParts {
  readonly fs: FileSystem;
  readonly dir: string;
  readonly log: Log;
  /** Null while there is none. */
  readonly outbox: () => Pick<Outbox, 'encrypt' | 'forget'> | null;
  readonly audit: Pick<AuditLog, 'encrypt' | 'renew' | 'keyUses'>;
  readonly masters: MasterKeys | null;
  /** Opens the key of encrypted fields. */
  readonly fields: Pick<FieldVault, 'of'>;
  /** Of this disk; null together with `masters`. */
  readonly keys: FileKeys | null;
  /** Of what all members share: what tells their keys from others of the same ids. */
  readonly sharedKeys: () => readonly KeyMark[];
  readonly diskUuid: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Null until the first snapshot. */
  readonly state: () => ReplicatedState | null;
  /** Writes everything anew that this member has on its disk, and removes what it was written from. */
  readonly rewrite: () => Promise<void>;
  /** The model asks for encryption, and there are no keys: the process must end. */
  readonly onRefused: (reason: string) => void;
}

/**
 * Keeps the files of this member encrypted as the model says, and with the newest key: decides what
 * new files are, finds those that are otherwise, and has them rewritten in the background.
 */
export class EncryptionKeeper {
  readonly #parts: EncryptionKeeperParts;
  #schemaVersion = -1;
  #uses: readonly KeyUse[] = [];
  #rewriting = false;
  #isCaughtUp = false;
  #timer: TimerHandle | null = null;
  #stopped = false;

  constructor(parts: EncryptionKeeperParts) {
    this.#parts = parts;
  }

  /** What of the disk is encrypted with which key; null where there are no keys. */
  get status(): EncryptionStatus | null {
    const { keys, sharedKeys } = this.#parts;
    if (keys === null) return null;
    const counts = new Map<number, number>();
    const ids = [...this.#uses.map(({ keyId }) => keyId), ...this.#keysOfFields()];
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
    const files = [...counts].sort(([a], [b]) => a - b).map(([key, count]) => ({ key, count }));
    const pending = this.#stale(this.#uses).length;
    return { activeKey: keys.activeId, keys: sharedKeys(), files, pending };
  }

  /** Must hear of every applied entry, and of the state that a start begins with. */
  onApplied(): void {
    const state = this.#parts.state();
    if (state === null || state.schemaVersion === this.#schemaVersion) return;
    this.#schemaVersion = state.schemaVersion;
    this.#adjust(state);
    if (this.#isCaughtUp) this.requireFields();
  }

  /** Begins to look at the disk, now and then. */
  start(): void {
    const { keys, clock, logger } = this.#parts;
    if (this.#stopped || keys === null) return;
    this.#look().catch((error: unknown) => {
      logger.warn({ reason: reasonOf(error) }, 'files could not be encrypted anew; trying again');
    });
    this.#timer?.cancel();
    this.#timer = clock.after(LOOK_EVERY_MS, () => this.start());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Takes a changed keyring in, unless files here need what it does not hold. */
  async offer(keyring: Keyring): Promise<void> {
    const { fs, dir, masters, diskUuid, logger } = this.#parts;
    if (masters === null || masters.keyring.equals(keyring)) return;
    const offered = new MasterKeys(keyring).of(diskUuid, null);
    const reason =
      whyKeysRefused(await surveyDirectory(fs, dir, offered)) ?? this.#whyFieldsNeedMore(keyring);
    if (reason !== null) {
      logger.error({ reason }, 'the changed keys are not used: files need what they lack');
      return;
    }
    masters.replace(keyring);
    logger.info({ keys: keyring.ids.join(' '), active: keyring.activeId }, 'read the keys anew');
    this.start();
  }

  #whyFieldsNeedMore(keyring: Keyring): string | null {
    const { state, random } = this.#parts;
    const present = state();
    const vault = new FieldVault(new MasterKeys(keyring), random);
    const reasons = present === null ? [] : fieldKeysOf(present).map((key) => whyNot(key, vault));
    return reasons.find((reason) => reason !== null) ?? null;
  }

  /** New files follow the model from here on. */
  #adjust(state: ReplicatedState): void {
    const { keys, log, outbox, audit, onRefused } = this.#parts;
    const isOn = asksForEncryption(state.schema);
    if (isOn && keys === null) {
      const model = state.schema.models.find(isSecret)?.name;
      onRefused(`model ${model} asks for encryptionAtRest, and no keys were given (--keys FILE)`);
      return;
    }
    log.encrypt(isOn);
    outbox()?.encrypt(isOn);
    audit.encrypt(isOn);
  }

  /** The master keys that wrap the key of encrypted fields, where there is one. */
  #keysOfFields(): ReadonlySet<number> {
    const state = this.#parts.state();
    const wrapped = state === null ? [] : fieldKeysOf(state);
    return new Set(wrapped.map(({ masterKey }) => masterKey));
  }

  /**
   * Has the process end where the key of encrypted fields does not open. Not asked of what the log had
   * before its end: that may have been wrapped by a master key that is gone.
   */
  requireFields(): void {
    this.#isCaughtUp = true;
    const fieldKey = this.#parts.state()?.schema.fieldKey;
    const reason = fieldKey === undefined ? null : whyNot(fieldKey, this.#parts.fields);
    if (reason !== null) this.#parts.onRefused(reason);
  }

  async #look(): Promise<void> {
    const state = this.#parts.state();
    if (state === null || this.#rewriting) return;
    this.#rewriting = true;
    try {
      // The newest key may be another one than at the last look.
      this.#adjust(state);
      await this.#survey();
      if (this.#uses.some(isOfOutbox)) await this.#forget();
      // What is in the cold store is written anew by the leader, as its part of looking after that.
      const own = this.#uses.filter((use) => !isOfOutbox(use) && !isObject(use));
      const stale = this.#stale(own);
      if (stale.length > 0) await this.#rewrite(stale);
    } finally {
      this.#rewriting = false;
    }
  }

  /** Files of the outbox go as soon as what they hold is ordered; they cannot be written anew. */
  async #forget(): Promise<void> {
    if (this.#stale(this.#uses.filter(isOfOutbox)).length === 0) return;
    await this.#parts.outbox()?.forget();
    await this.#survey();
  }

  async #rewrite(stale: readonly KeyUse[]): Promise<void> {
    const { clock, logger, rewrite, audit, log, keys } = this.#parts;
    const files = stale.length;
    const key = log.isEncrypted ? (keys?.activeId ?? 0) : 0;
    const startedMs = clock.monotonicMs();
    logger.info({ files, key }, 'writing files anew that have another key than they should');
    if (stale.some((use) => !isOfAudit(use))) await rewrite();
    if (stale.some(isOfAudit)) await audit.renew();
    await this.#survey();
    const left = this.#stale(this.#uses).length;
    const durationMs = Math.round(clock.monotonicMs() - startedMs);
    logger.info({ files, left, key, durationMs }, 'wrote files anew');
  }

  async #survey(): Promise<void> {
    const { fs, dir, keys, audit } = this.#parts;
    this.#uses = [...(await surveyOrdered(fs, dir, keys)), ...audit.keyUses];
  }

  /** Those that are not encrypted as they should be. */
  #stale(uses: readonly KeyUse[]): readonly KeyUse[] {
    const { keys, log, state } = this.#parts;
    const active = keys?.activeId ?? 0;
    return uses.filter((use) => {
      const model = modelOf(use);
      const isOn = model === null ? log.isEncrypted : isSecretModel(state(), model);
      return use.keyId !== (isOn ? active : 0);
    });
  }
}

/** Why the key of encrypted fields does not open; null where it does. */
function whyNot(fieldKey: WrappedFieldKey, vault: Pick<FieldVault, 'of'>): string | null {
  try {
    vault.of({ fieldKey });
    return null;
  } catch (error) {
    return reasonOf(error);
  }
}

function isOfOutbox({ file }: KeyUse): boolean {
  return file.startsWith('outbox/');
}

function isOfAudit({ file }: KeyUse): boolean {
  return file.startsWith('audit/');
}

function isObject({ file }: KeyUse): boolean {
  return file.startsWith(COLD_OBJECT);
}

/** The model whose archive it is; null for a file of all models. */
function modelOf(use: KeyUse): string | null {
  const name = isObject(use) ? use.file.slice(COLD_OBJECT.length) : use.file;
  return /^(?:archive\/)?([A-Za-z0-9]+)-/.exec(name)?.[1] ?? null;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
