import type { ModelSchema } from '@lithair/crds';
import type {
  AggregateRecord,
  IndexKey,
  JoinedRows,
  KeyRange,
  ModelReader,
} from '../ports/index.ts';
import { idOfKey } from '../values/index.ts';
import type {
  Grave,
  IdRange,
  IndexKind,
  Mark,
  StoredRow,
  StoreStatistics,
} from './aggregate-store.ts';
import { ModelIds } from './model-ids.ts';
import type { ModelPlan, PlannedIndex } from './model-plan.ts';
import {
  joinRows,
  type KeyedHash,
  type NextIndex,
  type PreparedIndex,
  type RowShape,
  rowOfId,
  SlabStore,
} from './slab/index.ts';

/** The rows of one model with their order, their indexes and the ids that were deleted. */
export class ModelState implements ModelReader {
  private currentPlan: ModelPlan;
  private fields: readonly string[];
  /** Whoever adds to it otherwise keeps the order of a snapshot. */
  readonly store: SlabStore;

  constructor(plan: ModelPlan, hasher: KeyedHash) {
    this.currentPlan = plan;
    this.fields = namesOf(plan);
    this.store = new SlabStore(plan.indexed.map(kindOf), hasher);
    this.store.limitMemory(cacheBytesOf(plan));
  }

  get plan(): ModelPlan {
    return this.currentPlan;
  }

  get schema(): ModelSchema {
    return this.currentPlan.schema;
  }

  get size(): number {
    return this.store.size;
  }

  get indexedFields(): readonly string[] {
    return this.fields;
  }

  get fileReads(): number {
    return this.store.fileReads;
  }

  get statistics(): StoreStatistics {
    return this.store.statistics();
  }

  get(id: string): StoredRow | undefined {
    return this.store.get(id);
  }

  readAhead(id: string): Promise<void> | null {
    return this.store.readAhead(id);
  }

  readAheadOf(ids: Iterable<string>): Promise<void> | null {
    return this.store.readAheadOf(ids);
  }

  get idsOnly(): ModelReader | null {
    return this.currentPlan.schema.adaptive === undefined ? null : new ModelIds(this);
  }

  scan(range: IdRange, shape?: RowShape): Iterable<StoredRow> {
    return this.store.scan(range, shape);
  }

  /** @throws RangeError for a field that records carry no key for, the primary key apart */
  lookup(
    field: string,
    key: IndexKey,
    range: IdRange = { descending: false },
    shape?: RowShape,
  ): Iterable<StoredRow> {
    if (field === this.schema.primaryKey) return this.lookupId(idOfKey(key), range, shape);
    return this.store.lookup(this.indexed(field).position, key, range, shape);
  }

  /** @throws RangeError for a field without a bloom filter */
  lacks(field: string, key: IndexKey): boolean {
    return this.store.lacks(this.indexed(field).position, key);
  }

  /** @throws RangeError for a field without an ordered index, the primary key apart */
  range(field: string, range: KeyRange, shape?: RowShape): Iterable<StoredRow> {
    if (field === this.schema.primaryKey) return this.rangeOfIds(range, shape);
    const { position, isOrdered } = this.indexed(field);
    if (!isOrdered) throw new RangeError(`${field} has no ordered index`);
    return this.store.range(position, range, shape);
  }

  joined(rows: readonly AggregateRecord[]): JoinedRows {
    return joinRows(rows);
  }

  /** A live row that holds the key of the indexed field at a position. */
  holder(position: number, key: IndexKey): string | undefined {
    return this.store.holder(position, key);
  }

  /** Ids of the live rows with the key of the indexed field at a position. */
  holders(position: number, key: IndexKey): Iterable<string> {
    return this.store.holders(position, key);
  }

  /** The version of a live row; 0 for none. */
  versionOf(id: string): number {
    return this.store.versionOf(id);
  }

  /** The last version of a deleted id; 0 where the id was never used or is live. */
  deletedVersion(id: string): number {
    return this.store.deletedVersion(id);
  }

  /** What is known of the last write to an id, live or deleted. */
  mark(id: string): Mark | undefined {
    return this.store.mark(id);
  }

  /** Adds a row or replaces the one with its id. */
  put(row: StoredRow): void {
    this.store.put(row);
  }

  /** Deletes a row and remembers the version that its deletion was. */
  bury(grave: Grave): void {
    this.store.bury(grave);
  }

  /** The model under a schema that says the same of its rows. */
  replan(plan: ModelPlan): void {
    this.currentPlan = plan;
    this.fields = namesOf(plan);
    this.store.limitMemory(cacheBytesOf(plan));
  }

  /** Begins to build indexes that the next plan has; see `prepareSome`. */
  prepare(indexes: readonly PreparedIndex[]): void {
    if (indexes.length > 0) this.store.prepare(indexes);
  }

  /** Takes some rows into the indexes that are being prepared; true once all are in. */
  prepareSome(rows: number): boolean {
    return this.store.prepareSome(rows);
  }

  /** The model under a schema that says more of its rows; `upgrade` makes the JSON of one anew. */
  change(plan: ModelPlan, next: readonly NextIndex[], upgrade: (json: string) => string): void {
    this.store.change(next, upgrade);
    this.replan(plan);
  }

  private indexed(field: string): PlannedIndex {
    const indexed = this.currentPlan.indexed[this.fields.indexOf(field)];
    if (indexed === undefined) throw new RangeError(`${field} has no index`);
    return indexed;
  }

  private lookupId(
    id: string,
    { afterId, descending }: IdRange,
    shape: RowShape = 'whole',
  ): Iterable<StoredRow> {
    if (this.store.versionOf(id) === 0) return [];
    const row = shape === 'id' ? rowOfId(id) : this.store.get(id);
    if (row === undefined) return [];
    if (afterId === undefined) return [row];
    return (descending ? id < afterId : id > afterId) ? [row] : [];
  }

  /** Ids and their keys have the same order, so bounds of keys are bounds of ids. */
  private rangeOfIds(
    { from, to, after, descending }: KeyRange,
    shape?: RowShape,
  ): Iterable<StoredRow> {
    const range = {
      ...(from && { from: { ...from, key: idOfKey(from.key) } }),
      ...(to && { to: { ...to, key: idOfKey(to.key) } }),
      ...(after && { after: { ...after, key: after.id } }),
      descending,
    };
    return this.store.rangeOfIds(range, shape);
  }
}

/** Null for a model that is wholly in memory. */
function cacheBytesOf({ schema }: ModelPlan): number | null {
  return schema.adaptive === undefined ? null : schema.adaptive.cacheMiB * 1024 * 1024;
}

function namesOf(plan: ModelPlan): readonly string[] {
  return plan.indexed.map(({ name }) => name);
}

/** How the keys of an index are found. */
export function kindOf({
  isUnique,
  isOrdered,
  isPartial,
  isBloom,
}: Pick<PlannedIndex, 'isUnique' | 'isOrdered' | 'isPartial' | 'isBloom'>): IndexKind {
  if (isPartial) return 'partial';
  if (isBloom) return 'bloom';
  return isUnique && !isOrdered ? 'unique' : 'ordered';
}
