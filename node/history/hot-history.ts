import type { Schema } from '@lithair/crds';
import type { HistoryReader, VersionRecord } from '../ports/index.ts';
import { type CapturedGeneration, Generation } from './generation.ts';
import { type HistoryRules, historyRules } from './rules.ts';

/**
 * The history that is in memory: what apply made since the last compaction, and what is sealed but
 * not archived yet. Its content is a function of the log; which sealed generations are still here
 * is this member's own affair.
 */
export class HotHistory implements HistoryReader {
  private rules: ReadonlyMap<string, HistoryRules>;
  /** Sealed ones first, in order; the last one grows. */
  private generations: Generation[];

  constructor(schema: Schema) {
    this.rules = rulesOf(schema);
    this.generations = [new Generation(1)];
  }

  /** The generation that grows. */
  get active(): Generation {
    const last = this.generations.at(-1);
    if (last === undefined) throw new Error('a history has an active generation');
    return last;
  }

  /** Generations in memory, oldest first, the active one last. */
  get resident(): readonly Generation[] {
    return this.generations;
  }

  /** Follows a change of the schema. What was recorded stays; rules are applied by who reads it. */
  adopt(schema: Schema): void {
    this.rules = rulesOf(schema);
  }

  /** The rules of a model; undefined where it keeps no history. */
  rulesOf(model: string): HistoryRules | undefined {
    return this.rules.get(model);
  }

  /** Adds what apply has accepted for a model that keeps history. */
  add(model: string, record: VersionRecord): void {
    this.active.add(model, record);
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

  /** All generations in memory as they are now, the active one last. */
  capture(): readonly CapturedGeneration[] {
    return this.generations.map((generation) => ({
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

function rulesOf(schema: Schema): ReadonlyMap<string, HistoryRules> {
  return new Map(
    schema.models.flatMap((model) => {
      const rules = historyRules(model);
      return rules === null ? [] : [[model.name, rules] as const];
    }),
  );
}
