import type { AggregateRecord, KeyRange, ModelReader } from '../ports/index.ts';
import { NULL_KEY } from '../values/index.ts';
import type { QueryField } from './fields.ts';
import type { Filter } from './filter.ts';
import type { ListQuery } from './list-query.ts';
import { compareKeys, type Position } from './order.ts';

/** How the rows of a query are reached. */
export interface AccessPath {
  /**
   * `whole`: rows come in the order of the query; `first-term`: in the order of its first term,
   * ties in any order; `none`: in no useful order.
   */
  readonly sorted: 'whole' | 'first-term' | 'none';
  /** Rows behind a place, or all. The reader may be a newer one at each call. */
  rows(reader: ModelReader, behind: Place | null): Iterable<AggregateRecord>;
  /** Where a paused scan goes on. */
  placeOf(record: AggregateRecord, reader: ModelReader): Place;
}

/** A place in an access path: the key of its index, where it has one, and the id. */
export interface Place {
  readonly key: string;
  readonly id: string;
}

/** A lookup of more rows than this gives way to an ordered index that has the wanted order. */
const LOOKUP_PROBE = 1000;

/** Chooses the path that should look at the fewest rows. */
export function plan(query: ListQuery, reader: ModelReader): AccessPath {
  const byId = query.filters.find((filter) => filter.operator === 'eq' && filter.field.isId);
  if (byId !== undefined) return singlePath(byId.keys[0] ?? '');
  const sorted = sortedPath(query);
  const lookup = equalityFilter(query);
  if (lookup !== undefined) {
    const wins = sorted === null || isSmall(reader, lookup);
    return wins ? lookupPath(lookup, query) : sorted;
  }
  return sorted ?? rangePath(query) ?? scanPath(query);
}

function equalityFilter(query: ListQuery): Filter | undefined {
  const usable = query.filters.filter(
    (filter) => filter.operator === 'eq' && filter.field.access !== 'none',
  );
  return usable.find((filter) => filter.field.field.unique) ?? usable[0];
}

function isSmall(reader: ModelReader, { field, keys }: Filter): boolean {
  let seen = 0;
  for (const _ of reader.lookup(field.name, keys[0] ?? '')) {
    seen += 1;
    if (seen > LOOKUP_PROBE) return false;
  }
  return true;
}

function singlePath(id: string): AccessPath {
  return {
    sorted: 'whole',
    rows: (reader, behind) => {
      const record = behind === null ? reader.get(id) : undefined;
      return record === undefined ? [] : [record];
    },
    placeOf: (record) => ({ key: '', id: record.id }),
  };
}

function lookupPath({ field, keys }: Filter, query: ListQuery): AccessPath {
  const key = keys[0] ?? '';
  const isSorted = query.order.terms.length === 0 && !query.order.idDescending;
  return {
    sorted: isSorted ? 'whole' : 'none',
    rows: (reader, behind) => {
      const rows = reader.lookup(field.name, key);
      return behind === null ? rows : behindId(rows, behind.id);
    },
    placeOf: (record) => ({ key, id: record.id }),
  };
}

function* behindId(rows: Iterable<AggregateRecord>, id: string): Iterable<AggregateRecord> {
  for (const record of rows) if (compareKeys(record.id, id) > 0) yield record;
}

/** By the ordered index of the first term. */
function sortedPath(query: ListQuery): AccessPath | null {
  const [first, ...rest] = query.order.terms;
  if (first === undefined || first.field.access !== 'ordered') return null;
  const bounds = behindCursor(boundsOf(first.field, query.filters), query, first.descending);
  const path = indexPath(first.field, bounds, first.descending);
  return { ...path, sorted: rest.length === 0 ? 'whole' : 'first-term' };
}

/** Rows before the cursor's first key are on earlier pages; those with the same key may not be. */
function behindCursor(bounds: Bounds, query: ListQuery, descending: boolean): Bounds {
  const key = query.after?.keys[0];
  if (key === undefined || query.countsTotal) return bounds;
  const edge = { key, inclusive: true };
  if (descending) return isTighter(bounds.to, key, -1) ? bounds : { ...bounds, to: edge };
  return isTighter(bounds.from, key, 1) ? bounds : { ...bounds, from: edge };
}

/** Whether a bound leaves out at least as much as the cursor's key would. */
function isTighter(bound: KeyRange['from'], key: string, sign: 1 | -1): boolean {
  return bound !== undefined && compareKeys(bound.key, key) * sign >= 0;
}

/** By an ordered index that a filter bounds; the order has to be made. */
function rangePath(query: ListQuery): AccessPath | null {
  if (query.order.terms.length === 0) return null;
  const bounded = query.filters.find(
    (filter) => filter.field.access === 'ordered' && isBound(filter),
  );
  if (bounded === undefined) return null;
  return indexPath(bounded.field, boundsOf(bounded.field, query.filters), false);
}

function isBound(filter: Filter): boolean {
  return ['lt', 'lte', 'gt', 'gte'].includes(filter.operator);
}

function indexPath(field: QueryField, bounds: Bounds, descending: boolean): AccessPath {
  return {
    sorted: 'none',
    rows: (reader, behind) =>
      reader.range(field.name, { ...bounds, descending, ...(behind && { after: behind }) }),
    placeOf: (record, reader) => ({
      key: record.keys[reader.indexedFields.indexOf(field.name)] ?? NULL_KEY,
      id: record.id,
    }),
  };
}

type Bounds = Pick<KeyRange, 'from' | 'to'>;

/** The narrowest range that the filters of a field leave; null is outside of every range. */
function boundsOf(field: QueryField, filters: readonly Filter[]): Bounds {
  const own = filters.filter((filter) => filter.field === field && isBound(filter));
  const lower = own.filter(({ operator }) => operator === 'gt' || operator === 'gte');
  const upper = own.filter(({ operator }) => operator === 'lt' || operator === 'lte');
  const aboveNull = { key: NULL_KEY, inclusive: false };
  const from = narrowest(lower, 1) ?? (upper.length > 0 ? aboveNull : undefined);
  const to = narrowest(upper, -1);
  return { ...(from && { from }), ...(to && { to }) };
}

/** Of bounds with the same key any will do: the filters themselves decide about the edge. */
function narrowest(filters: readonly Filter[], sign: 1 | -1): KeyRange['from'] {
  const [first, ...rest] = filters.map(({ keys }) => keys[0] ?? NULL_KEY);
  if (first === undefined) return undefined;
  const key = rest.reduce(
    (best, other) => (compareKeys(other, best) * sign > 0 ? other : best),
    first,
  );
  return { key, inclusive: true };
}

function scanPath(query: ListQuery): AccessPath {
  const isSorted = query.order.terms.length === 0;
  const descending = isSorted && query.order.idDescending;
  return {
    sorted: isSorted ? 'whole' : 'none',
    rows: (reader, behind) => reader.scan({ descending, ...(behind && { afterId: behind.id }) }),
    placeOf: (record) => ({ key: '', id: record.id }),
  };
}

/** Where a path can begin for a page behind a position; null: at its start. */
export function startOf(path: AccessPath, query: ListQuery): Place | null {
  const after: Position | null = query.after;
  if (after === null || path.sorted !== 'whole' || query.countsTotal) return null;
  return { key: after.keys[0] ?? '', id: after.id };
}
