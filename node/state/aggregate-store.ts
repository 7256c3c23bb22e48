import type { AggregateRecord } from '../ports/index.ts';

/**
 * Where the live rows of one model are kept, by id. Rows come out of `rows` in the order in which
 * their ids came in; a replaced row keeps its place, a deleted id that comes again goes to the
 * end. That order is part of the replicated state, because snapshots are written in it.
 */
export interface AggregateStore {
  readonly size: number;
  get(id: string): AggregateRecord | undefined;
  /** Adds a row, or replaces the one with its id. */
  set(record: AggregateRecord): void;
  /** False where there is no such row. */
  delete(id: string): boolean;
  /** The rows as they are now; later changes do not show in the array. */
  rows(): readonly AggregateRecord[];
}

/** Rows as objects in one hash table. */
export class MapAggregateStore implements AggregateStore {
  private readonly byId = new Map<string, AggregateRecord>();

  get size(): number {
    return this.byId.size;
  }

  get(id: string): AggregateRecord | undefined {
    return this.byId.get(id);
  }

  set(record: AggregateRecord): void {
    this.byId.set(record.id, record);
  }

  delete(id: string): boolean {
    return this.byId.delete(id);
  }

  rows(): readonly AggregateRecord[] {
    return Array.from(this.byId.values());
  }
}
