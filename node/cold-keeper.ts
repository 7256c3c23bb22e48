import {
  type Archive,
  type ArchiveFile,
  type ColdArchive,
  type Expiry,
  FOLD_FILES,
  FOLDED_BYTES,
  foldersOf,
  holdsExpired,
  mayHoldExpired,
  type PackedObject,
  reachesBack,
  type Versions,
} from './archive/index.ts';
import { ColdError } from './cold/index.ts';
import { holdsSame } from './cold-agreement.ts';
import type { ColdObject } from './entry/index.ts';
import type { HistoryRules } from './history/index.ts';
import type { Leader } from './leader.ts';
import type { Clock, Logger, VersionRecord } from './ports/index.ts';
import type { ReplicatedState } from './state/index.ts';

const PROPOSE_TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 5 * 60_000;
/** Between two looks of the leader through what is in the store. */
const TIDY_EVERY_MS = 24 * 60 * 60_000;
/** What gets cold moves in steps of a twentieth of the time that it stays warm, in these bounds. */
const STEPS = 20;
const LEAST_STEP_MS = 1_000;
const MOST_STEP_MS = 24 * 60 * 60_000;

/** What a {@link ColdKeeper} works with. */
export interface ColdKeeperParts {
  readonly archive: Archive;
  readonly leader: Pick<Leader, 'changeCold' | 'confirm' | 'leadingTerm'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pause: () => Promise<void>;
  /** Null until the first snapshot. */
  state(): ReplicatedState | null;
  /** Null where the model declares no cold store. */
  cold(): ColdArchive | null;
  isLeading(): boolean;
  expiry(state: ReplicatedState): Expiry;
  /**
   * Why objects must not be encrypted with our newest key: members that answer and do not have it;
   * with `all`, also those that do not answer. Null where nothing is in the way.
   */
  whyKeysDiffer(all: boolean): Promise<string | null>;
  /** Runs what changes the archive here, when nothing else does. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
}

/** What the cold tier came to since the start. */
export interface ColdFigures {
  readonly uploadedObjects: number;
  readonly uploadedBytes: number;
  readonly failures: number;
  /** Objects that lack something which this member keeps on its disk for that reason. */
  readonly disputed: number;
}

/**
 * Moves archives to the cold store, and keeps it in bounds. The leader writes each object, reads it
 * back and then has all members take note of it; every member makes sure of the object for itself
 * before it lets go of what it has on its disk. A store that does not answer holds up nothing else:
 * archives stay where they are, and it is asked again, ever more seldom.
 */
export class ColdKeeper {
  readonly #parts: ColdKeeperParts;
  /** Objects that this member has made sure of. */
  readonly #settled = new Set<string>();
  readonly #disputed = new Set<string>();
  /** Rules under which an object held nothing that is not kept. */
  readonly #clean = new Map<string, HistoryRules | undefined>();
  #work: Promise<void> = Promise.resolve();
  #isBusy = false;
  #retryMs = 0;
  #delayMs = FIRST_RETRY_MS;
  #tidiedMs: number;
  #uploaded = { objects: 0, bytes: 0 };
  #failures = 0;
  /** Why objects wait for their new key, as it was told last. */
  #waitsFor: string | null = null;
  #stopped = false;

  constructor(parts: ColdKeeperParts) {
    this.#parts = parts;
    this.#tidiedMs = parts.clock.monotonicMs();
  }

  get figures(): ColdFigures {
    const { objects, bytes } = this.#uploaded;
    return {
      uploadedObjects: objects,
      uploadedBytes: bytes,
      failures: this.#failures,
      disputed: this.#disputed.size,
    };
  }

  /** Looks after the cold store, unless it is being looked after or did not answer just now. */
  look(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#isBusy || nowMs < this.#retryMs || this.#stopped) return;
    this.#isBusy = true;
    const isDue = nowMs - this.#tidiedMs >= TIDY_EVERY_MS;
    void this.#look(nowMs, isDue);
  }

  async #look(nowMs: number, isDue: boolean): Promise<void> {
    try {
      await this.#round(isDue, false);
      this.#delayMs = FIRST_RETRY_MS;
      if (isDue) this.#tidiedMs = nowMs;
    } catch (error) {
      this.#failed(error);
    }
    this.#isBusy = false;
  }

  /**
   * Moves all that is cold by now, and on the leader removes from the store what is not kept.
   *
   * @throws ColdError where the store does not answer
   */
  tidy(): Promise<void> {
    return this.#round(true, true);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work.catch(() => undefined);
  }

  #round(tidies: boolean, atOnce: boolean): Promise<void> {
    const before = this.#work;
    const round = (async (): Promise<void> => {
      await before;
      await this.#inOrder(tidies, atOnce);
    })();
    this.#work = round.catch(() => undefined);
    return round;
  }

  async #inOrder(tidies: boolean, atOnce: boolean): Promise<void> {
    const cold = this.#parts.cold();
    const state = this.#parts.state();
    if (cold === null || state === null || this.#stopped) return;
    await this.#settle(cold, state);
    if (!this.#parts.isLeading()) return;
    for (const { name } of state.schema.models) await this.#moveAll(cold, state, name, atOnce);
    for (const model of state.history.coldModels()) await this.#fold(cold, state, model, tidies);
    if (tidies) await this.#collect(cold, state);
  }

  /** Every member: lets go of what is safe in the store. */
  async #settle(cold: ColdArchive, state: ReplicatedState): Promise<void> {
    const names = new Set<string>();
    for (const model of state.history.coldModels()) {
      for (const { name } of state.history.coldOf(model)) names.add(name);
      await this.#settleModel(cold, state, model);
    }
    for (const known of [this.#settled, this.#disputed, this.#clean]) {
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    }
    await cold.keepOnly(names);
  }

  async #settleModel(cold: ColdArchive, state: ReplicatedState, model: string): Promise<void> {
    let fromMs = -1;
    for (const object of state.history.coldOf(model)) {
      // What it says of itself is kept here, so that later questions need not go there.
      const file = await cold.file(object);
      if (this.#holds(model, object.upToMs)) {
        if (!(await this.#isSettled(cold, state, model, { object, file, fromMs }))) return;
        const files = await this.#parts.inTurn(() =>
          this.#parts.archive.trim(model, object.upToMs),
        );
        this.#parts.logger.info({ model, object: object.name, files }, 'let go of what is cold');
      }
      fromMs = object.upToMs;
    }
  }

  /** Whether this member has files that reach back so far. */
  #holds(model: string, upToMs: number): boolean {
    return this.#parts.archive.files.some((file) => reachesBack(file, model, upToMs));
  }

  async #isSettled(
    cold: ColdArchive,
    state: ReplicatedState,
    model: string,
    { object, file, fromMs }: { object: ColdObject; file: ArchiveFile; fromMs: number },
  ): Promise<boolean> {
    const { name, upToMs } = object;
    if (this.#settled.has(name)) return true;
    if (this.#disputed.has(name)) return false;
    await cold.verify(object);
    const held = this.#parts.archive.hold();
    try {
      const local = held.files.filter((each) => reachesBack(each, model, upToMs));
      const wanted = { model, fromMs, upToMs };
      if (await holdsSame(file, local, wanted, this.#parts.expiry(state))) {
        this.#settled.add(name);
        return true;
      }
    } finally {
      held.release();
    }
    this.#disputed.add(name);
    const message = 'a cold object lacks history that this member has: it is kept here, too';
    this.#parts.logger.error({ model, object: name }, message);
    return false;
  }

  /** Leader: one object after the other, from old to new, until nothing more is cold. */
  async #moveAll(
    cold: ColdArchive,
    state: ReplicatedState,
    model: string,
    atOnce: boolean,
  ): Promise<void> {
    const rules = state.history.rulesOf(model);
    if (rules === undefined || rules.coldAfterMs === Infinity) return;
    const boundaryMs = coldBoundary(rules, state.logTimeMs, atOnce);
    let fromMs = state.history.coldOf(model).at(-1)?.upToMs ?? -1;
    while (this.#parts.isLeading() && !this.#stopped) {
      const upToMs = this.#nextEnd(state, model, fromMs, boundaryMs);
      if (upToMs === null) return;
      await this.#requireSharedKey(cold, model);
      if (!(await this.#move(cold, state, { model, fromMs, upToMs }))) return;
      fromMs = upToMs;
    }
  }

  /** @throws ColdError where a member could not read what is encrypted with our newest key */
  async #requireSharedKey(cold: ColdArchive, model: string): Promise<void> {
    if (cold.keyIdOf(model) === 0) return;
    const reason = await this.#parts.whyKeysDiffer(false);
    if (reason !== null) throw new ColdError('COLD_KEY', reason);
  }

  /** Up to which log time the next object reaches; null where nothing is cold that is archived. */
  #nextEnd(
    { history }: ReplicatedState,
    model: string,
    fromMs: number,
    boundaryMs: number,
  ): number | null {
    const oldestHot = history.oldestMs(model);
    const due = this.#parts.archive.files.find(({ summary }) => {
      return summary.model === model && summary.newestMs > fromMs && summary.oldestMs <= boundaryMs;
    });
    if (due === undefined) return null;
    const upToMs = Math.min(due.summary.newestMs, boundaryMs);
    return upToMs > fromMs && oldestHot > upToMs ? upToMs : null;
  }

  /** False where the list of objects changed meanwhile: the next round looks again. */
  async #move(cold: ColdArchive, state: ReplicatedState, wanted: Stretch): Promise<boolean> {
    const { archive } = this.#parts;
    const held = archive.hold();
    try {
      const { model, upToMs } = wanted;
      const files = held.files.filter((file) => reachesBack(file, model, upToMs));
      const versions = between(foldersOf(files, model, this.#parts.expiry(state)), wanted);
      return await this.#replace(cold, state, wanted, [], versions);
    } finally {
      held.release();
    }
  }

  /** Writes what takes the place of objects, puts it into the store, and has all members know. */
  async #replace(
    cold: ColdArchive,
    state: ReplicatedState,
    { model, upToMs }: Stretch,
    removed: readonly ColdObject[],
    versions: Versions,
  ): Promise<boolean> {
    const { archive, leader } = this.#parts;
    const term = leader.leadingTerm;
    const aside = await archive.writeAside({ model, fromGeneration: 0, toGeneration: 0 }, versions);
    try {
      const packed = aside === null ? null : await cold.pack(aside, model, upToMs);
      const object = packed?.object ?? null;
      if (await changesNothing(cold, model, removed, object)) return true;
      if (packed !== null) await this.#upload(cold, packed);
      // What was put there by one that led before may have been cleared away since.
      if (leader.leadingTerm !== term) return false;
      if (!(await this.#publish(cold, model, removed, object))) return false;
    } finally {
      await aside?.close();
      if (aside !== null) await archive.discard([aside.name]);
    }
    await this.#settleModel(cold, state, model);
    return true;
  }

  async #upload(cold: ColdArchive, packed: PackedObject): Promise<void> {
    await cold.upload(packed);
    this.#uploaded.objects += 1;
    this.#uploaded.bytes += packed.object.bytes;
  }

  /** Has all members take note of an object, and clears away those that it replaces. */
  async #publish(
    cold: ColdArchive,
    model: string,
    removed: readonly ColdObject[],
    object: ColdObject | null,
  ): Promise<boolean> {
    const { leader, logger } = this.#parts;
    const names = removed.map(({ name }) => name);
    const added = object === null ? [] : [object];
    if (!(await leader.changeCold(model, names, added, PROPOSE_TIMEOUT_MS))) return false;
    const fields = { model, object: object?.name, bytes: object?.bytes, replaced: names.length };
    const to = cold.store.description;
    logger.info({ ...fields, to }, 'moved archives to the cold store');
    // What is left of a group may be one of its objects as it was.
    await cold.remove(names.filter((name) => name !== object?.name));
    return true;
  }

  /**
   * Leader: joins small objects; removes what is not kept, and whole objects as soon as they are;
   * encrypts as the model says, with the newest key.
   */
  async #fold(
    cold: ColdArchive,
    state: ReplicatedState,
    model: string,
    tidies: boolean,
  ): Promise<void> {
    for (const group of groupsOf(state.history.coldOf(model))) {
      const last = group.at(-1);
      if (last === undefined || this.#stopped || !this.#parts.isLeading()) return;
      const versions = await this.#folded(cold, state, model, group, tidies);
      if (versions === null) continue;
      const stretch = { model, fromMs: -1, upToMs: last.upToMs };
      if (!(await this.#replace(cold, state, stretch, group, versions))) return;
    }
  }

  /** What is kept of a group, where it is to be written anew; null where it stays. */
  async #folded(
    cold: ColdArchive,
    state: ReplicatedState,
    model: string,
    group: readonly ColdObject[],
    tidies: boolean,
  ): Promise<Versions | null> {
    const rules = state.history.rulesOf(model);
    if (group.every((object) => isAllExpired(rules, object, state.logTimeMs))) return [];
    const isDue =
      group.length >= FOLD_FILES ||
      (tidies && (await this.#expires(cold, state, model, group))) ||
      ((await isStale(cold, model, group)) && (await this.#mayEncryptAnew(cold, model)));
    if (!isDue) return null;
    const files = await Promise.all(group.map((object) => cold.file(object)));
    return foldersOf(files, model, this.#parts.expiry(state));
  }

  /** A member that has let go of its copy must be able to read what takes the place of an object. */
  async #mayEncryptAnew(cold: ColdArchive, model: string): Promise<boolean> {
    const isPlain = cold.keyIdOf(model) === 0;
    const reason = isPlain ? null : await this.#parts.whyKeysDiffer(true);
    if (reason !== null && reason !== this.#waitsFor) {
      this.#parts.logger.warn({ reason }, 'cold objects wait for their new key');
    }
    this.#waitsFor = reason;
    return reason === null;
  }

  async #expires(
    cold: ColdArchive,
    state: ReplicatedState,
    model: string,
    group: readonly ColdObject[],
  ): Promise<boolean> {
    const rules = state.history.rulesOf(model);
    const expiry = this.#parts.expiry(state);
    for (const object of group) {
      const isKnown = this.#clean.get(object.name) === rules;
      if (isKnown && !mayHoldExpired(rules, object.oldestMs, expiry.nowMs)) continue;
      if (await holdsExpired(await cold.file(object), expiry, this.#parts.pause)) return true;
      this.#clean.set(object.name, rules);
    }
    return false;
  }

  /** Leader: removes objects that nothing names, left by a member that ended in between. */
  async #collect(cold: ColdArchive, state: ReplicatedState): Promise<void> {
    const there = await cold.names();
    // Whatever an earlier leader had the members take note of is applied here after this.
    await this.#parts.leader.confirm(PROPOSE_TIMEOUT_MS);
    const models = state.history.coldModels();
    const named = new Set(
      models.flatMap((model) => state.history.coldOf(model)).map((o) => o.name),
    );
    const orphans = there.filter((name) => !named.has(name));
    await cold.remove(orphans);
    if (orphans.length === 0) return;
    this.#parts.logger.info({ objects: orphans.length }, 'removed objects that nothing names');
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    this.#retryMs = this.#parts.clock.monotonicMs() + this.#delayMs;
    const reason = error instanceof Error ? error.message : String(error);
    const fields = { reason, againInMs: this.#delayMs };
    this.#parts.logger.warn(fields, 'the cold store could not be looked after; nothing is lost');
    this.#delayMs = Math.min(this.#delayMs * 2, LAST_RETRY_MS);
  }
}

/** Versions of a model behind one log time, up to another. */
interface Stretch {
  readonly model: string;
  readonly fromMs: number;
  readonly upToMs: number;
}

async function* between(
  versions: Versions,
  { fromMs, upToMs }: Stretch,
): AsyncGenerator<readonly VersionRecord[]> {
  for await (const records of versions) {
    yield records.filter(({ timeMs }) => timeMs > fromMs && timeMs <= upToMs);
  }
}

/** The log time up to which versions are cold; in steps, so that objects do not get tiny. */
function coldBoundary({ coldAfterMs }: HistoryRules, nowMs: number, atOnce: boolean): number {
  const boundaryMs = nowMs - coldAfterMs;
  if (atOnce) return boundaryMs;
  const stepMs = Math.min(Math.max(coldAfterMs / STEPS, LEAST_STEP_MS), MOST_STEP_MS);
  return Math.floor(boundaryMs / stepMs) * stepMs;
}

/** Whether the list would stay as it is: one object by the same, or nothing by nothing. */
async function changesNothing(
  cold: ColdArchive,
  model: string,
  removed: readonly ColdObject[],
  object: ColdObject | null,
): Promise<boolean> {
  const [first, ...more] = removed;
  if (more.length > 0 || first?.digest !== object?.digest) return false;
  return first === undefined || !(await isStale(cold, model, [first]));
}

/** Whether objects are not encrypted as they should be, or not with the newest key. */
async function isStale(
  cold: ColdArchive,
  model: string,
  objects: readonly ColdObject[],
): Promise<boolean> {
  for (const object of objects) {
    if ((await cold.file(object)).keyId !== cold.keyIdOf(model)) return true;
  }
  return false;
}

/** Neighbours that together stay below the size of an archive. */
function groupsOf(objects: readonly ColdObject[]): readonly (readonly ColdObject[])[] {
  const groups: ColdObject[][] = [];
  let bytes = 0;
  for (const object of objects) {
    const group = groups.at(-1);
    if (group !== undefined && bytes + object.bytes <= FOLDED_BYTES) {
      group.push(object);
      bytes += object.bytes;
    } else {
      groups.push([object]);
      bytes = object.bytes;
    }
  }
  return groups;
}

/** Whether nothing of an object is kept, as can be told without reading it. */
function isAllExpired(
  rules: HistoryRules | undefined,
  { upToMs }: ColdObject,
  nowMs: number,
): boolean {
  if (rules === undefined) return true;
  const { primaryKey } = rules.model;
  if (nowMs - upToMs <= rules.retentionMs) return false;
  return rules.fields.every(({ name, depth, expires }) => {
    return name === primaryKey || expires || depth <= 1;
  });
}
