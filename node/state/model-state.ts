import type { ModelSchema } from '@lithair/crds';
import type { AggregateRecord, IndexKey, KeyRange, ModelReader } from '../ports/index.ts';
import { idOfKey } from '../values/index.ts';
import { type AggregateStore, MapAggregateStore } from './aggregate-store.ts';
import {
  type FieldIndex,
  HashIndex,
  type IdRange,
  idsInRange,
  OrderedIndex,
  pairsInRange,
} from './field-index.ts';
import type { ModelPlan } from './model-plan.ts';
import { SortedPairs } from './sorted-pairs.ts';

/** The rows of one model with their order, their indexes and the ids that were deleted. */
export class ModelState implements ModelReader {
  /** Replaced where another model begins or ceases to refer to this one. */
  plan: ModelPlan;
  private readonly store: AggregateStore = new MapAggregateStore();
  private readonly order = new SortedPairs();
  private readonly indexes: readonly FieldIndex[];
  /** Last version of each deleted id, so that versions go on where it is created again. */
  private readonly tombstones = new Map<string, number>();

  constructor(plan: ModelPlan) {
    this.plan = plan;
    this.indexes = plan.indexed.map(({ isOrdered }) =>
      isOrdered ? new OrderedIndex() : new HashIndex(),
    );
  }

  get schema(): ModelSchema {
    return this.plan.schema;
  }

  get size(): number {
    return this.store.size;
  }

  get indexedFields(): readonly string[] {
    return this.plan.indexed.map(({ field }) => field.name);
  }

  get(id: string): AggregateRecord | undefined {
    return this.store.get(id);
  }

  scan(range: IdRange): Iterable<AggregateRecord> {
    return this.records(idsInRange(this.order, range));
  }

  /** @throws RangeError for a field that records carry no key for, the primary key apart */
  lookup(
    field: string,
    key: IndexKey,
    range: IdRange = { descending: false },
  ): Iterable<AggregateRecord> {
    if (field === this.schema.primaryKey) return this.lookupId(idOfKey(key), range);
    return this.records(this.indexOf(field).ids(key, range));
  }

  /** @throws RangeError for a field without an ordered index, the primary key apart */
  range(field: string, range: KeyRange): Iterable<AggregateRecord> {
    if (field === this.schema.primaryKey) return this.rangeOfIds(range);
    const index = this.indexOf(field);
    if (!(index instanceof OrderedIndex)) throw new RangeError(`${field} has no ordered index`);
    return this.records(index.range(range));
  }

  /** A live row that holds the key of the indexed field at a position. */
  holder(position: number, key: IndexKey): string | undefined {
    return this.indexes[position]?.first(key);
  }

  /** Ids of the live rows with the key of the indexed field at a position. */
  holders(position: number, key: IndexKey): Iterable<string> {
    return this.indexes[position]?.ids(key, { descending: false }) ?? [];
  }

  /** The last version of a deleted id; 0 where the id was never used or is live. */
  deletedVersion(id: string): number {
    return this.tombstones.size === 0 ? 0 : (this.tombstones.get(id) ?? 0);
  }

  /** Adds a row or replaces the one with its id. */
  put(record: AggregateRecord): void {
    const before = this.store.get(record.id);
    this.store.set(record);
    if (before === undefined) {
      this.order.insert(record.id, record.id);
      if (this.tombstones.size > 0) this.tombstones.delete(record.id);
    }
    for (let at = 0; at < this.indexes.length; at++) {
      this.reindex(at, record.id, before?.keys[at], record.keys[at]);
    }
  }

  /** Deletes a row and remembers the version that its deletion was. */
  remove(id: string, version: number): void {
    const before = this.store.get(id);
    if (before === undefined) return;
    this.store.delete(id);
    this.order.delete(id, id);
    for (let at = 0; at < this.indexes.length; at++)
      this.reindex(at, id, before.keys[at], undefined);
    this.tombstones.set(id, version);
  }

  /** Restores what is remembered of a deleted id. */
  bury(id: string, version: number): void {
    this.tombstones.set(id, version);
  }

  rows(): readonly AggregateRecord[] {
    return this.store.rows();
  }

  /** Deleted ids in the order of their deletion, each with its last version. */
  graves(): readonly (readonly [string, number])[] {
    return Array.from(this.tombstones);
  }

  private reindex(
    at: number,
    id: string,
    before: IndexKey | undefined,
    after: IndexKey | undefined,
  ): void {
    if (before === after) return;
    const index = this.indexes[at];
    if (before !== undefined) index?.delete(before, id);
    if (after !== undefined) index?.insert(after, id);
  }

  private indexOf(field: string): FieldIndex {
    const indexed = this.plan.indexed.find((candidate) => candidate.field.name === field);
    const index = indexed && this.indexes[indexed.position];
    if (index === undefined) throw new RangeError(`${field} has no index`);
    return index;
  }

  private lookupId(id: string, range: IdRange): Iterable<AggregateRecord> {
    const record = this.store.get(id);
    const { afterId, descending } = range;
    if (record === undefined) return [];
    if (afterId === undefined) return [record];
    return (descending ? id < afterId : id > afterId) ? [record] : [];
  }

  /** Ids and their keys have the same order, so bounds of keys are bounds of ids. */
  private rangeOfIds({ from, to, after, descending }: KeyRange): Iterable<AggregateRecord> {
    return this.records(
      pairsInRange(this.order, {
        ...(from && { from: { ...from, key: idOfKey(from.key) } }),
        ...(to && { to: { ...to, key: idOfKey(to.key) } }),
        ...(after && { after: { ...after, key: after.id } }),
        descending,
      }),
    );
  }

  private *records(ids: Iterable<string>): Generator<AggregateRecord, void, undefined> {
    for (const id of ids) {
      const record = this.store.get(id);
      if (record !== undefined) yield record;
    }
  }
}
