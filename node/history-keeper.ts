import type { ColdStoreSpec } from '@lithair/crds';
import {
  type Archive,
  ArchivedHistory,
  type ArchiveFile,
  type AskMember,
  type ColdArchive,
  type Expiry,
  fetchArchive,
  type HeldArchive,
  hasArchives,
} from './archive/index.ts';
import type { ColdStore } from './cold/index.ts';
import { type ColdFigures, ColdKeeper } from './cold-keeper.ts';
import type { ColdObject, GenerationDigest } from './entry/index.ts';
import { momentOf } from './history/index.ts';
import type { Leader } from './leader.ts';
import type { Clock, HistoryReader, Logger, TimerHandle } from './ports/index.ts';
import type { ReplicatedState } from './state/index.ts';

/** How much history stays in memory, and when it is looked after. */
export interface HistoryLimits {
  /** Bytes of versions in memory above which they are sealed and archived. */
  readonly hotBytes: number;
  /** Between two looks, milliseconds. */
  readonly pollMs: number;
  /** Between two removals of what expired, milliseconds. */
  readonly expireEveryMs: number;
}

const LIMITS: HistoryLimits = {
  hotBytes: 8 * 1024 * 1024,
  pollMs: 1_000,
  expireEveryMs: 60 * 60 * 1000,
};

const COMPACT_TIMEOUT_MS = 10_000;
/** After a failure of the disk or of a peer. */
const RETRY_MS = 5_000;
/** So long a member that lacks archives asks at every look, and is not ready, before it gives up. */
const PATIENCE_MS = 5_000;

/** What a {@link HistoryKeeper} works with. */
export interface HistoryKeeperParts {
  readonly archive: Archive;
  readonly leader: Pick<Leader, 'compact' | 'changeCold' | 'confirm' | 'leadingTerm'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Opens the store that the model declares. */
  readonly openStore: (settings: ColdStoreSpec) => ColdStore;
  /** Lets other work run between slices. */
  readonly pause: () => Promise<void>;
  /** Null until the first snapshot. */
  state(): ReplicatedState | null;
  /** Whether this member executes commands. */
  isLeading(): boolean;
  /** As of {@link ColdKeeper}; default: nothing is in the way. */
  whyKeysDiffer?(all: boolean): Promise<string | null>;
  /** Other members that may have archives, the likeliest first. */
  members(): readonly AskMember[];
  readonly limits?: Partial<HistoryLimits>;
}

/**
 * Brings history from memory to the archive of this member, and keeps both in bounds: on the
 * leader it proposes compactions, on every member it archives what they seal, joins files, and
 * removes what is not kept any more. One thing at a time.
 */
export class HistoryKeeper {
  readonly #parts: HistoryKeeperParts;
  readonly #limits: HistoryLimits;
  /** What sealed generations came to here, and was not told to the others yet. */
  #untold: GenerationDigest[] = [];
  #digests = new Map<number, string>();
  #work: Promise<void> = Promise.resolve();
  #archiving = false;
  #expiredMs: number;
  #retryMs = 0;
  #gaveUp = false;
  /** Since when archives are missing here; null where none are. */
  #lackingMs: number | null = null;
  #timer: TimerHandle | null = null;
  #stopped = false;
  readonly #coldKeeper: ColdKeeper;
  #cold: { readonly settings: string; readonly archive: ColdArchive } | null = null;

  constructor(parts: HistoryKeeperParts) {
    this.#parts = parts;
    this.#limits = { ...LIMITS, ...parts.limits };
    this.#expiredMs = parts.clock.monotonicMs();
    this.#coldKeeper = new ColdKeeper({
      ...parts,
      state: () => parts.state(),
      isLeading: () => parts.isLeading(),
      cold: () => this.#coldArchive(),
      expiry: (state) => this.#expiry(state),
      whyKeysDiffer: async (all) => (await parts.whyKeysDiffer?.(all)) ?? null,
      inTurn: (work) => this.#inTurn(work),
    });
  }

  get coldFigures(): ColdFigures {
    return this.#coldKeeper.figures;
  }

  /** The cold store that the model declares now; null where it declares none. */
  #coldArchive(): ColdArchive | null {
    const state = this.#parts.state();
    const settings = state?.schema.store.cold;
    if (state === null || settings === undefined) return null;
    const text = JSON.stringify([settings, state.epoch]);
    if (this.#cold?.settings !== text) {
      this.#cold?.archive.store.close();
      const store = this.#parts.openStore(settings);
      this.#cold = { settings: text, archive: this.#parts.archive.withStore(store, state.epoch) };
    }
    return this.#cold.archive;
  }

  /** The past of the present state; null until there is one. */
  reader(): HistoryReader | null {
    const state = this.#parts.state();
    if (state === null) return null;
    return new ArchivedHistory(state.history, this.#parts.archive, this.#coldArchive());
  }

  /** Whether everything that is not in memory is archived here. */
  get isComplete(): boolean {
    const state = this.#parts.state();
    return state !== null && hasArchives(state.history, this.#parts.archive);
  }

  /**
   * What is archived, held still until it is released: first what is cold. Files of a model may
   * reach into the one before.
   *
   * @throws ColdError where an object cannot be had
   */
  async hold(): Promise<HeldArchive> {
    const held = this.#parts.archive.hold();
    try {
      return { ...held, files: [...(await this.#coldFiles()), ...held.files] };
    } catch (error) {
      held.release();
      throw error;
    }
  }

  /** What is in the cold store, of all models. */
  coldObjects(): readonly ColdObject[] {
    const history = this.#parts.state()?.history;
    return (history?.coldModels() ?? []).flatMap((model) => history?.coldOf(model) ?? []);
  }

  /** Bytes of the archives on the disk. */
  get archivedBytes(): number {
    return this.#parts.archive.files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async #coldFiles(): Promise<readonly ArchiveFile[]> {
    const objects = this.coldObjects();
    const cold = this.#coldArchive();
    if (objects.length > 0 && cold === null) throw new Error('no cold store is declared');
    const files: ArchiveFile[] = [];
    for (const object of objects) if (cold !== null) files.push(await cold.file(object));
    return files;
  }

  /** Generations up to this one are archived here. */
  get generation(): number {
    return this.#parts.archive.generation;
  }

  /** Whether nothing more is to be waited for: no member has what is missing here, at least now. */
  get isSettled(): boolean {
    return this.isComplete || this.#gaveUp;
  }

  /** Begins to look after history, now and then. */
  start(): void {
    if (this.#stopped) return;
    this.#look().catch((error: unknown) => this.#failed(error));
    this.#timer = this.#parts.clock.after(this.#limits.pollMs, () => this.start());
  }

  /** Must hear of every applied entry: archives what was sealed. */
  onApplied(): void {
    const state = this.#parts.state();
    if (state === null || !state.history.hasPending || this.#archiving) return;
    if (this.#parts.clock.monotonicMs() < this.#retryMs) return;
    this.#archiving = true;
    this.#inTurn(() => this.#archivePending())
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#archiving = false;
      });
  }

  /** Seals what is in memory, on all members. On the leader alone. */
  seal(): Promise<void> {
    return this.#propose();
  }

  /** Archives what is sealed, and removes from the archives here what is not kept any more. */
  async tidy(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#archivePending();
      await this.#fold(true);
    });
    await this.#coldKeeper.tidy();
  }

  /**
   * Takes what is cold into the archives here, as a member does that goes on without the others: the
   * store's objects stay with their epoch.
   *
   * @returns how many objects; null where the store does not give them, and nothing was changed
   */
  async takeBack(): Promise<number | null> {
    const objects = this.coldObjects().length;
    if (objects === 0) return 0;
    try {
      await this.#inTurn(() => this.#takeBack());
      this.#parts.logger.info({ objects }, 'took back what was in the cold store');
      return objects;
    } catch (error) {
      const fields = { objects, reason: reasonOf(error) };
      const message =
        'what is in the cold store of this epoch cannot be read: it stays there alone';
      this.#parts.logger.error(fields, message);
      return null;
    }
  }

  async #takeBack(): Promise<void> {
    const { archive } = this.#parts;
    const held = await this.hold();
    try {
      await archive.beginWith(eachOf(held.files), Infinity, archive.generation);
    } finally {
      held.release();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#coldKeeper.stop();
    this.#cold?.archive.store.close();
    await this.#work.catch(() => undefined);
    await this.#parts.archive.close();
  }

  async #look(): Promise<void> {
    const state = this.#parts.state();
    const nowMs = this.#parts.clock.monotonicMs();
    if (state === null || this.#archiving || nowMs < this.#retryMs) return;
    if (!this.isComplete) {
      this.#lackingMs ??= nowMs;
      return this.#inTurn(() => this.#fetch());
    }
    this.#lackingMs = null;
    this.onApplied();
    if (this.#parts.isLeading() && this.#isDue(state)) await this.#propose();
    if (state.schema.store.cold !== undefined) this.#coldKeeper.look();
    if (nowMs - this.#expiredMs < this.#limits.expireEveryMs) return;
    this.#expiredMs = nowMs;
    await this.#inTurn(() => this.#fold(true));
  }

  /** Whether memory holds too much, or something for too long. */
  #isDue({ history, schema }: ReplicatedState): boolean {
    const { active } = history;
    if (active.bytes >= this.#limits.hotBytes) return true;
    const { oldestMs } = active;
    if (oldestMs === null) return false;
    const hotMs = schema.models.map(({ name }) => {
      const rules = history.rulesOf(name);
      return rules === undefined ? Infinity : Math.min(rules.hotMs, rules.coldAfterMs);
    });
    return this.#parts.clock.nowMs() - oldestMs > Math.min(...hotMs);
  }

  async #propose(): Promise<void> {
    const untold = this.#untold;
    await this.#parts.leader.compact(untold, COMPACT_TIMEOUT_MS);
    this.#untold = this.#untold.filter((digest) => !untold.includes(digest));
  }

  async #archivePending(): Promise<void> {
    const { archive } = this.#parts;
    for (;;) {
      const history = this.#parts.state()?.history;
      const sealed = history?.pending[0];
      if (history === undefined || sealed === undefined || this.#stopped) return;
      if (sealed.number > archive.generation) {
        // Archives of generations in between are still on their way.
        if (!this.isComplete) return;
        if (sealed.number === history.floor) await archive.beginAt(sealed.number);
        const knowsRules = sealed.sealing !== null;
        const digest = await archive.store(sealed, (model) => history.rulesOf(model));
        if (knowsRules) this.#remember(sealed.number, digest);
      }
      history.archived(sealed.number);
      this.#compare(history.digests);
      await this.#fold(false);
    }
  }

  #remember(generation: number, digest: string): void {
    this.#digests.set(generation, digest);
    for (const old of this.#digests.keys()) if (old <= generation - 64) this.#digests.delete(old);
    if (this.#parts.isLeading()) this.#untold.push({ generation, digest });
  }

  /** Members must come to the same archives; one that does not has another state than the others. */
  #compare(digests: readonly GenerationDigest[]): void {
    for (const { generation, digest } of digests) {
      const own = this.#digests.get(generation);
      if (own === undefined) continue;
      this.#digests.delete(generation);
      if (own === digest) continue;
      const fields = { generation, own, told: digest };
      this.#parts.logger.error(fields, 'the history of this member differs from the leader’s');
    }
  }

  async #fold(thorough: boolean): Promise<void> {
    const state = this.#parts.state();
    if (state === null || !this.isComplete) return;
    const files = await this.#parts.archive.fold(this.#expiry(state), thorough);
    if (files > 0) this.#parts.logger.info({ files, thorough }, 'wrote archives anew');
  }

  #expiry(state: ReplicatedState): Expiry {
    const { history, logTimeMs: nowMs } = state;
    const reader = new ArchivedHistory(history, this.#parts.archive, this.#coldArchive());
    return {
      nowMs,
      rules: (model) => history.rulesOf(model),
      moment: (model, id) => {
        const rules = history.rulesOf(model);
        const newest = state.find(model, id)?.version ?? state.deletedVersion(model, id);
        return rules === undefined ? { newest, nowMs } : momentOf(reader, rules, id, newest, nowMs);
      },
    };
  }

  async #fetch(): Promise<void> {
    const state = this.#parts.state();
    if (state === null || this.isComplete) return;
    const upTo = state.history.firstResident - 1;
    let [isLost, found] = [true, false];
    for (const ask of this.#parts.members()) {
      const answer = await this.#fetchFrom(ask, upTo);
      found = answer === 'fetched';
      if (answer !== 'never') isLost = false;
      if (found) break;
    }
    if (found) return;
    if (isLost) return this.#goOnWithout(upTo);
    // Links to the others may still be on their way.
    const lackingMs = this.#parts.clock.monotonicMs() - (this.#lackingMs ?? 0);
    if (lackingMs < PATIENCE_MS) return;
    this.#gaveUp = true;
    throw new Error(`no member has the archives up to generation ${upTo} now`);
  }

  async #fetchFrom(ask: AskMember, upTo: number): Promise<'fetched' | 'later' | 'never'> {
    const { archive, logger } = this.#parts;
    try {
      const answer = await fetchArchive(archive, upTo, ask);
      if (answer !== 'fetched') return answer;
      const files = archive.files.length;
      logger.info({ generation: archive.generation, files }, 'fetched archives');
      return answer;
    } catch (error) {
      logger.warn({ reason: reasonOf(error) }, 'could not fetch archives from a member');
      return 'later';
    }
  }

  /** Every member lacks them, or there is no other: waiting for them would keep memory growing. */
  async #goOnWithout(upTo: number): Promise<void> {
    const { archive, logger } = this.#parts;
    const fields = { from: archive.generation + 1, upTo };
    logger.error(fields, 'no member has the history of these generations any more: it is lost');
    await archive.skipTo(upTo);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work);
    this.#work = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  #failed(error: unknown): void {
    this.#retryMs = this.#parts.clock.monotonicMs() + RETRY_MS;
    this.#parts.logger.warn({ reason: reasonOf(error) }, 'history could not be looked after');
  }
}

async function* eachOf(files: readonly ArchiveFile[]): AsyncGenerator<ArchiveFile> {
  yield* files;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
