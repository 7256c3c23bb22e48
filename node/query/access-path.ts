import type { AggregateRecord, KeyRange, ModelReader } from '../ports/index.ts';
import { NULL_KEY } from '../values/index.ts';
import type { QueryField } from './fields.ts';
import type { Filter } from './filter.ts';
import { compareKeys, type Position } from './order.ts';

/** What of a query a path answers, for people who want to know. */
export interface PathUse {
  /** An id, all rows in the order of their ids, no row, or an index by its name. */
  readonly by: 'id' | 'all' | 'nothing' | { readonly index: string };
  /** Fields with one value. */
  readonly equal: readonly string[];
  /** The field that a range bounds; null for none. */
  readonly range: string | null;
}

/** How the rows of a query are reached. */
export interface AccessPath {
  readonly use: PathUse;
  /**
   * `whole`: rows come in the order of the query; a number: in the order of so many of its first
   * terms, ties in any order; 0: in no useful order.
   */
  readonly sorted: 'whole' | number;
  /** Conditions that each of its rows meets: they are not looked at again. */
  readonly met: readonly Filter[];
  /** Rows behind a place, or all. The reader may be a newer one at each call. */
  rows(reader: ModelReader, behind: Place | null): Iterable<AggregateRecord>;
  /** Where a paused scan goes on. */
  placeOf(record: AggregateRecord, reader: ModelReader): Place;
  /** Where a scan begins behind a position; asked of paths that are sorted as a whole. */
  placeBehind(after: Position): Place;
}

/** A place in an access path: the key of its index, where it has one, and the id. */
export interface Place {
  readonly key: string;
  readonly id: string;
}

/** Whether a filter is a bound of a range. */
export function isBound(filter: Filter): boolean {
  return ['lt', 'lte', 'gt', 'gte'].includes(filter.operator);
}

export type Bounds = Pick<KeyRange, 'from' | 'to'>;

/** The filters that bound a field. */
export function rangeFilters(field: QueryField, filters: readonly Filter[]): readonly Filter[] {
  return filters.filter((filter) => filter.field === field && isBound(filter));
}

/** The narrowest range that the filters of a field leave; null is outside of every range. */
export function boundsOf(field: QueryField, filters: readonly Filter[]): Bounds {
  const own = rangeFilters(field, filters);
  const lower = own.filter(({ operator }) => operator === 'gt' || operator === 'gte');
  const upper = own.filter(({ operator }) => operator === 'lt' || operator === 'lte');
  const aboveNull = { key: NULL_KEY, inclusive: false };
  const from = narrowest(lower, 1) ?? (upper.length > 0 ? aboveNull : undefined);
  const to = narrowest(upper, -1);
  return { ...(from && { from }), ...(to && { to }) };
}

function narrowest(filters: readonly Filter[], sign: 1 | -1): KeyRange['from'] {
  const [first, ...rest] = filters.map(({ keys }) => keys[0] ?? NULL_KEY);
  if (first === undefined) return undefined;
  const key = rest.reduce(
    (best, other) => (compareKeys(other, best) * sign > 0 ? other : best),
    first,
  );
  const isOutside = ({ operator, keys }: Filter) =>
    keys[0] === key && (operator === 'gt' || operator === 'lt');
  return { key, inclusive: !filters.some(isOutside) };
}
