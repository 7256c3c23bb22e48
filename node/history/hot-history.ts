import type { Schema } from '@lithair/crds';
import type { ColdEntry, ColdObject, GenerationDigest } from '../entry/index.ts';
import type { FormerRules, HistoryReader, VersionRecord } from '../ports/index.ts';
import { type ChainEnd, linkBehind } from './evidence.ts';
import { isAtLeastAsStrict, keptRules } from './former-rules.ts';
import { type CapturedGeneration, Generation } from './generation.ts';
import { type HistoryRules, historyRules } from './rules.ts';

/** Digests that are remembered: those of generations that a member may still be archiving. */
const MAX_DIGESTS = 64;

/**
 * The history that is in memory: what apply made since the last compaction, and what is sealed but
 * not archived yet. Its content is a function of the log; which sealed generations are still here
 * is this member's own affair.
 */
export class HotHistory implements HistoryReader {
  private rules: ReadonlyMap<string, HistoryRules>;
  /** Sealed ones first, in order; the last one grows. */
  private generations: Generation[];
  private agreed: readonly GenerationDigest[] = [];
  private first = 1;
  private readonly chains = new Map<string, ChainEnd>();
  private readonly coldObjects = new Map<string, readonly ColdObject[]>();
  private past: readonly FormerRules[] = [];
  private schema: Schema;

  constructor(schema: Schema) {
    this.schema = schema;
    this.rules = rulesOf(schema, []);
    this.generations = [new Generation(1)];
  }

  /** The generation that grows. */
  get active(): Generation {
    const last = this.generations.at(-1);
    if (last === undefined) throw new Error('a history has an active generation');
    return last;
  }

  /** Log time of the oldest version of a model in memory; Infinity where there is none. */
  oldestMs(model: string): number {
    const times = this.generations.map((generation) => generation.oldestOf(model));
    return Math.min(...times);
  }

  /** Generations in memory, oldest first, the active one last. */
  get resident(): readonly Generation[] {
    return this.generations;
  }

  /** Sealed generations that are not archived here yet, oldest first. */
  get pending(): readonly Generation[] {
    return this.generations.slice(0, -1);
  }

  /** Whether there are such generations; asked at every entry. */
  get hasPending(): boolean {
    return this.generations.length > 1;
  }

  /** The first generation of which there may be archives: a restored cluster begins without. */
  get floor(): number {
    return this.first;
  }

  /** The first generation that is in memory: the ones before it are archived. */
  get firstResident(): number {
    return this.generations[0]?.number ?? this.active.number;
  }

  /** Digests of generations as the log tells them. */
  get digests(): readonly GenerationDigest[] {
    return this.agreed;
  }

  /** Seals the generation that grows, and begins the next. */
  seal(timeMs: number, digests: readonly GenerationDigest[]): void {
    const sealed = this.active;
    sealed.sealing = { rules: this.rules, timeMs };
    this.generations.push(new Generation(sealed.number + 1));
    this.learn(digests);
  }

  /** Takes note of digests that the log tells. */
  learn(digests: readonly GenerationDigest[]): void {
    this.agreed = [...this.agreed, ...digests].slice(-MAX_DIGESTS);
  }

  /** Begins without archives: what is not in memory is not kept. */
  forgetArchives(): void {
    this.first = this.firstResident;
  }

  /** Puts back where archives begin. */
  restoreFloor(floor: number): void {
    this.first = floor;
  }

  /** Lets go of a generation that is archived. */
  archived(number: number): void {
    this.generations = this.generations.filter(
      (generation) => generation === this.active || generation.number !== number,
    );
  }

  /**
   * Follows a change of the schema, made by an entry at a log time. What was recorded stays; rules
   * are applied by who reads it, former ones that kept less too: when a member removed bytes must
   * not show.
   *
   * @param end log index and log time at which the rules so far end; null: they are not remembered
   */
  adopt(schema: Schema, end: { readonly index: number; readonly timeMs: number } | null): void {
    const models = end === null ? [] : this.schema.models;
    const ended = models.map(({ name: model }) => {
      const rules = keptRules(this.rules.get(model));
      return { model, rules, untilIndex: end?.index ?? 0, untilMs: end?.timeMs ?? 0 };
    });
    const next = rulesOf(schema, []);
    this.past = [...this.past, ...ended].filter(
      ({ model, rules }) => !isAtLeastAsStrict(keptRules(next.get(model)), rules),
    );
    this.schema = schema;
    this.rules = rulesOf(schema, this.past);
  }

  /** Rules that kept less than the present ones and judge what is older, oldest first. */
  get formerRules(): readonly FormerRules[] {
    return this.past;
  }

  formerOf(model: string): readonly FormerRules[] {
    return this.rules.get(model)?.former ?? [];
  }

  /** Puts back what a snapshot holds of them. */
  restoreFormer(former: readonly FormerRules[]): void {
    this.past = former;
    this.rules = rulesOf(this.schema, former);
  }

  /** What is in the cold store of a model, from old to new. */
  coldOf(model: string): readonly ColdObject[] {
    return this.coldObjects.get(model) ?? [];
  }

  /** Models that have something in the cold store, sorted. */
  coldModels(): string[] {
    return [...this.coldObjects.keys()].sort();
  }

  /** Takes note of what is in the cold store of a model. */
  setCold(model: string, objects: readonly ColdObject[]): void {
    if (objects.length === 0) this.coldObjects.delete(model);
    else this.coldObjects.set(model, objects);
  }

  /** They belong to another cluster, which may remove them: a backup holds what is in them. */
  forgetCold(): void {
    this.coldObjects.clear();
  }

  /**
   * Replaces objects by others, or adds some at the end; false where the list is not as whoever
   * decided that saw it.
   */
  changeCold({ model, removed, added }: Omit<ColdEntry, 'kind'>): boolean {
    const present = this.coldOf(model);
    const names = present.map(({ name }) => name);
    const [first] = removed;
    const at = first === undefined ? present.length : names.indexOf(first);
    if (at < 0 || removed.some((name, offset) => names[at + offset] !== name)) return false;
    const next = present.toSpliced(at, removed.length, ...added);
    const isOrdered = next.every(({ upToMs }, place) => upToMs > (next[place - 1]?.upToMs ?? -1));
    if (!isOrdered || new Set(next.map(({ name }) => name)).size < next.length) return false;
    this.setCold(model, next);
    return true;
  }

  /** The rules of a model; undefined where it keeps no history. */
  rulesOf(model: string): HistoryRules | undefined {
    return this.rules.get(model);
  }

  /** Adds what apply has accepted for a model that keeps history. */
  add(model: string, record: VersionRecord): void {
    this.active.add(model, this.chained(model, record));
  }

  /** Where the chains of models end, by name of the model. */
  chainEnds(): readonly ChainEnd[] {
    return [...this.chains.values()].sort((a, b) => (a.model < b.model ? -1 : 1));
  }

  /** Puts back where a chain ends. */
  restoreChain(end: ChainEnd): void {
    this.chains.set(end.model, end);
  }

  private chained(model: string, record: VersionRecord): VersionRecord {
    if (this.rules.get(model)?.chained !== true) return record;
    const end = this.chains.get(model) ?? { model, position: 0, link: '' };
    const evidence = linkBehind(end, record);
    this.chains.set(model, { model, position: evidence.position, link: evidence.link });
    return { ...record, evidence };
  }

  /** Puts back what a snapshot holds, generation by generation, oldest first. */
  restore(number: number, model: string, record: VersionRecord): void {
    this.begin(number);
    this.active.add(model, record);
  }

  /** Begins a generation unless it has begun; an empty active one gives way to it. */
  begin(number: number): void {
    if (number <= this.active.number) return;
    if (this.active.count === 0) this.generations.pop();
    this.generations.push(new Generation(number));
  }

  /**
   * All generations in memory as they are now, the active one last; or that one alone, which is
   * the same on every member.
   */
  capture(which: 'resident' | 'active' = 'resident'): readonly CapturedGeneration[] {
    const captured = which === 'resident' ? this.generations : [this.active];
    return captured.map((generation) => ({
      number: generation.number,
      versions: generation.versions(),
    }));
  }

  versions(
    model: string,
    id: string,
    beforeVersion: number,
    limit: number,
  ): readonly VersionRecord[] {
    const found: VersionRecord[] = [];
    for (const generation of this.generations.toReversed()) {
      for (const record of generation.chain(model, id).toReversed()) {
        if (found.length === limit) return found;
        if (record.version < beforeVersion) found.push(record);
      }
    }
    return found;
  }

  asOf(model: string, id: string, timeMs: number): VersionRecord | undefined {
    for (const generation of this.generations.toReversed()) {
      const found = generation.chain(model, id).findLast((record) => record.timeMs <= timeMs);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function rulesOf(
  schema: Schema,
  former: readonly FormerRules[],
): ReadonlyMap<string, HistoryRules> {
  return new Map(
    schema.models.flatMap((model) => {
      const ofModel = former.filter((rules) => rules.model === model.name);
      const rules = historyRules(model, ofModel);
      return rules === null ? [] : [[model.name, rules] as const];
    }),
  );
}
