import type { KeyRange, ModelReader } from '../ports/index.ts';
import { NULL_KEY } from '../values/index.ts';
import {
  type AccessPath,
  type Bounds,
  boundsOf,
  isBound,
  type Place,
  rangeFilters,
} from './access-path.ts';
import { type CompositeWay, compositeWays } from './composite-path.ts';
import type { QueryField } from './fields.ts';
import type { Filter } from './filter.ts';
import type { ListQuery } from './list-query.ts';
import { compareKeys, type Position } from './order.ts';
import { behindId, rowsWithKeys } from './scope.ts';

/** A lookup of more rows than this gives way to an ordered index that has the wanted order. */
export const LOOKUP_PROBE = 1000;

/** The path that should look at the fewest rows, and the one that takes over where it does not. */
export interface Choice {
  readonly path: AccessPath;
  /** In the order of the query; taken where `path` has more rows than {@link LOOKUP_PROBE}. */
  readonly beyond: AccessPath | null;
}

/** Chooses the path that should look at the fewest rows. */
export function plan(query: ListQuery, reader: ModelReader): AccessPath {
  if (query.filters.some((filter) => isOfNone(filter, reader))) return NOTHING;
  const { path, beyond } = choose(query);
  return beyond === null || isSmall(reader, path) ? path : beyond;
}

/** Whether a bloom filter knows that no row has the values of a condition. */
function isOfNone({ field, keys, operator }: Filter, reader: ModelReader): boolean {
  if (!field.hasFilter || (operator !== 'eq' && operator !== 'in')) return false;
  return keys.every((key) => reader.lacks(field.name, key));
}

const NOTHING: AccessPath = {
  use: { by: 'nothing', equal: [], range: null },
  sorted: 'whole',
  met: [],
  rows: () => [],
  placeOf: (record) => ({ key: '', id: record.id }),
  placeBehind,
};

/** What can be told of the path without looking at rows: the same each time that a query comes. */
export function choose(query: ListQuery): Choice {
  if (!isAskedAgain(query)) return chooseAnew(query);
  const known = choices.get(query);
  if (known !== undefined) return known;
  const choice = chooseAnew(query);
  choices.set(query, choice);
  return choice;
}

const choices = new WeakMap<ListQuery, Choice>();

/** Others are made for one request each: to remember them costs more than to plan. */
function isAskedAgain({ scope, veil, after }: ListQuery): boolean {
  return scope === null && veil === null && after === null;
}

function chooseAnew(query: ListQuery): Choice {
  const byId = query.filters.find((filter) => filter.operator === 'eq' && filter.field.isId);
  if (byId !== undefined) return { path: singlePath(byId), beyond: null };
  const lookup = equalityFilter(query);
  if (lookup?.field.field.unique === true) return { path: lookupPath(lookup, query), beyond: null };
  const ways = query.indexes.length === 0 ? [] : compositeWays(query);
  const sorted = sortedWay(ways) ?? sortedPath(query) ?? partlySorted(ways);
  const path = selectivePath(ways, lookup, query);
  if (path === null) return { path: sorted ?? boundedPath(ways, query), beyond: null };
  return { path, beyond: path.sorted === 'whole' ? null : sorted };
}

/** Without an equality or an order that helps: by a range, or all rows. */
function boundedPath(ways: readonly CompositeWay[], query: ListQuery): AccessPath {
  return rangePath(query) ?? ways[0]?.path ?? scanPath(query);
}

/** The way that leaves the fewest rows: by the most values, then by a range, then in order. */
function selectivePath(
  ways: readonly CompositeWay[],
  lookup: Filter | undefined,
  query: ListQuery,
): AccessPath | null {
  const [best] = ways
    .filter(({ equal, isPartial }) => equal > 0 || isPartial)
    .toSorted((a, b) => rank(b) - rank(a));
  if (lookup === undefined) return best?.path ?? scopePath(query);
  return best !== undefined && rank(best) > ONE_EQUALITY ? best.path : lookupPath(lookup, query);
}

const ONE_EQUALITY = 4;

function rank({ equal, isBounded, isPartial, path }: CompositeWay): number {
  const bounds = equal * ONE_EQUALITY + (isPartial ? ONE_EQUALITY - 1 : 0) + (isBounded ? 2 : 0);
  return bounds + (path.sorted === 'whole' ? 1 : 0);
}

function sortedWay(ways: readonly CompositeWay[]): AccessPath | null {
  const whole = ways.filter(({ path }) => path.sorted === 'whole');
  return whole.toSorted((a, b) => rank(b) - rank(a))[0]?.path ?? null;
}

function partlySorted(ways: readonly CompositeWay[]): AccessPath | null {
  return ways.find(({ path }) => path.sorted !== 0)?.path ?? null;
}

function equalityFilter(query: ListQuery): Filter | undefined {
  const usable = query.filters.filter(
    (filter) => filter.operator === 'eq' && filter.field.access !== 'none',
  );
  return usable.find((filter) => filter.field.field.unique) ?? usable[0];
}

function isSmall(reader: ModelReader, path: AccessPath): boolean {
  let seen = 0;
  for (const _ of path.rows(reader.idsOnly ?? reader, null)) {
    seen += 1;
    if (seen > LOOKUP_PROBE) return false;
  }
  return true;
}

function singlePath(filter: Filter): AccessPath {
  const id = filter.keys[0] ?? '';
  return {
    use: { by: 'id', equal: [filter.field.name], range: null },
    sorted: 'whole',
    met: [filter],
    rows: (reader, behind) => {
      const record = behind === null ? reader.get(id) : undefined;
      return record === undefined ? [] : [record];
    },
    placeOf: (record) => ({ key: '', id: record.id }),
    placeBehind,
  };
}

/** The key of the first term, where the path has one. */
function placeBehind({ keys, id }: Position): Place {
  return { key: keys[0] ?? '', id };
}

function lookupPath(filter: Filter, query: ListQuery): AccessPath {
  const { field, keys } = filter;
  const key = keys[0] ?? '';
  const isSorted = query.order.terms.length === 0 && !query.order.idDescending;
  return {
    use: { by: { index: field.name }, equal: [field.name], range: null },
    sorted: isSorted ? 'whole' : 0,
    met: [filter],
    rows: (reader, behind) => reader.lookup(field.name, key, behindId(behind?.id ?? null)),
    placeOf: (record) => ({ key, id: record.id }),
    placeBehind,
  };
}

/** By the keys that the rows have which the caller may read. */
function scopePath({ scope, order }: ListQuery): AccessPath | null {
  if (scope === null || scope.keys === null) return null;
  const { keys } = scope;
  const names = [...new Set(keys.map(({ field }) => field.name))];
  return {
    use: { by: { index: names.join(', ') }, equal: names, range: null },
    sorted: order.terms.length === 0 && !order.idDescending ? 'whole' : 0,
    met: [],
    rows: (reader, behind) => rowsWithKeys(reader, keys, behind?.id ?? null),
    placeOf: (record) => ({ key: '', id: record.id }),
    placeBehind,
  };
}

/** By the ordered index of the first term. */
function sortedPath(query: ListQuery): AccessPath | null {
  const [first, ...rest] = query.order.terms;
  if (first === undefined || first.field.access !== 'ordered') return null;
  const bounds = behindCursor(boundsOf(first.field, query.filters), query, first.descending);
  const met = rangeFilters(first.field, query.filters);
  const path = indexPath(first.field, bounds, met, first.descending);
  // Rows of one key come by id in the direction of the index, whatever the order wants.
  const isWhole = rest.length === 0 && query.order.idDescending === first.descending;
  return { ...path, sorted: isWhole ? 'whole' : 1 };
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
  const met = rangeFilters(bounded.field, query.filters);
  return indexPath(bounded.field, boundsOf(bounded.field, query.filters), met, false);
}

function indexPath(
  field: QueryField,
  bounds: Bounds,
  met: readonly Filter[],
  descending: boolean,
): AccessPath {
  const isBounded = bounds.from !== undefined || bounds.to !== undefined;
  return {
    use: { by: { index: field.name }, equal: [], range: isBounded ? field.name : null },
    sorted: 0,
    met,
    placeBehind,
    rows: (reader, behind) =>
      reader.range(field.name, { ...bounds, descending, ...(behind && { after: behind }) }),
    placeOf: (record, reader) => ({
      key: record.keys[reader.indexedFields.indexOf(field.name)] ?? NULL_KEY,
      id: record.id,
    }),
  };
}

function scanPath(query: ListQuery): AccessPath {
  const isSorted = query.order.terms.length === 0;
  const descending = isSorted && query.order.idDescending;
  return {
    use: { by: 'all', equal: [], range: null },
    sorted: isSorted ? 'whole' : 0,
    met: [],
    placeBehind,
    rows: (reader, behind) => reader.scan({ descending, ...(behind && { afterId: behind.id }) }),
    placeOf: (record) => ({ key: '', id: record.id }),
  };
}

/** Where a path can begin for a page behind a position; null: at its start. */
export function startOf(path: AccessPath, query: ListQuery): Place | null {
  if (query.after === null || path.sorted !== 'whole' || query.countsTotal) return null;
  return path.placeBehind(query.after);
}
