import type { ModelReader } from '../ports/index.ts';
import { behindComposite, compositeKey, NULL_KEY } from '../values/index.ts';
import { type AccessPath, type Bounds, boundsOf, rangeFilters } from './access-path.ts';
import type { QueryField } from './fields.ts';
import type { Filter } from './filter.ts';
import type { ListQuery, QueryIndex } from './list-query.ts';
import { compareKeys, type Position, type SortTerm } from './order.ts';

/** A way to the rows of a query by an index over several fields. */
export interface CompositeWay {
  readonly path: AccessPath;
  /** Leading fields of the index that the query gives a value for. */
  readonly equal: number;
  /** Whether a range bounds the field behind them. */
  readonly isBounded: boolean;
  /** Whether it leaves rows out by itself. */
  readonly isPartial: boolean;
}

/** The ways that are of any use: by an equality, a range, or the order of the query. */
export function compositeWays(query: ListQuery): readonly CompositeWay[] {
  return query.indexes.flatMap((index) => {
    const way = wayBy(index, query);
    const isUseful = way.equal > 0 || way.isBounded || way.path.sorted !== 0;
    return isUseful || way.isPartial ? [way] : [];
  });
}

function wayBy(index: QueryIndex, query: ListQuery): CompositeWay {
  const fixed = fixedKeys(query.filters);
  const equal = leading(index.fields, (field) => fixed.has(field));
  const prefix = index.fields.slice(0, equal).map((field) => fixed.get(field) ?? NULL_KEY);
  const rest = index.fields.slice(equal);
  const [next] = rest;
  const bounds = next === undefined ? {} : boundsOf(next, query.filters);
  const terms = query.order.terms.filter((term) => !fixed.has(term.field));
  const descending = terms[0]?.descending ?? query.order.idDescending;
  const inOrder = leading(terms, (term, at) => term.field === rest[at] && isSame(term, descending));
  const isWhole =
    inOrder === terms.length && inOrder === rest.length && query.order.idDescending === descending;
  const isBounded = bounds.from !== undefined || bounds.to !== undefined;
  const shape = { index, prefix, rest, descending, isBounded };
  const sorted = isWhole ? 'whole' : sortedTerms(query, terms, inOrder);
  const range = withinPrefix(prefix, inOrder > 0 ? behindCursor(bounds, terms, query) : bounds);
  const isPartial = index.conditions !== null;
  return {
    path: pathOf(shape, query, isPartial ? ofRowsIn(range) : range, sorted),
    equal,
    isBounded,
    isPartial,
  };
}

/**
 * The keys that rows must have in fields with one value. Not by name: a field that the caller sees in
 * some rows alone has another value where it sorts than where it says which rows there are.
 */
function fixedKeys(filters: readonly Filter[]): ReadonlyMap<QueryField, string> {
  const equalities = filters.filter(({ operator }) => operator === 'eq');
  return new Map(equalities.map(({ field, keys }) => [field, keys[0] ?? NULL_KEY]));
}

function leading<T>(items: readonly T[], holds: (item: T, at: number) => boolean): number {
  const end = items.findIndex((item, at) => !holds(item, at));
  return end === -1 ? items.length : end;
}

function isSame(term: SortTerm, descending: boolean): boolean {
  return term.descending === descending;
}

/** How many terms of the query, those with one value counted, rows come in the order of. */
function sortedTerms(query: ListQuery, terms: readonly SortTerm[], inOrder: number): number {
  if (inOrder === 0) return 0;
  const end = terms[inOrder];
  return end === undefined ? query.order.terms.length : query.order.terms.indexOf(end);
}

interface Shape {
  readonly index: QueryIndex;
  readonly prefix: readonly string[];
  readonly rest: readonly QueryField[];
  readonly descending: boolean;
  readonly isBounded: boolean;
}

function pathOf(
  { index, prefix, rest, descending, isBounded }: Shape,
  query: ListQuery,
  bounds: Bounds,
  sorted: AccessPath['sorted'],
): AccessPath {
  const { name } = index;
  const equal = index.fields.slice(0, prefix.length).map((field) => field.name);
  return {
    use: { by: { index: name }, equal, range: isBounded ? (rest[0]?.name ?? null) : null },
    sorted,
    met: metBy(index.fields.slice(0, prefix.length), rest[0], query.filters),
    rows: (reader, behind) =>
      reader.range(name, { ...bounds, descending, ...(behind && { after: behind }) }),
    placeOf: (record, reader: ModelReader) => ({
      key: record.keys[reader.indexedFields.indexOf(name)] ?? NULL_KEY,
      id: record.id,
    }),
    placeBehind: (after: Position) => ({
      key: compositeKey([...prefix, ...rest.map((field) => keyIn(after, query, field))]),
      id: after.id,
    }),
  };
}

/** Of several values that one field shall have, the last one is looked up. */
function metBy(
  fixed: readonly QueryField[],
  next: QueryField | undefined,
  filters: readonly Filter[],
): readonly Filter[] {
  const equalities = fixed.flatMap(
    (field) => filters.findLast((one) => one.field === field && one.operator === 'eq') ?? [],
  );
  return next === undefined ? equalities : [...equalities, ...rangeFilters(next, filters)];
}

function keyIn({ keys }: Position, { order }: ListQuery, field: QueryField): string {
  return keys[order.terms.findIndex((term) => term.field === field)] ?? NULL_KEY;
}

/** Rows before the first key of the cursor are on earlier pages; those with the same may not be. */
function behindCursor(bounds: Bounds, [first]: readonly SortTerm[], query: ListQuery): Bounds {
  if (query.after === null || query.countsTotal || first === undefined) return bounds;
  const edge = { key: keyIn(query.after, query, first.field), inclusive: true };
  const [side, sign] = first.descending ? (['to', -1] as const) : (['from', 1] as const);
  const bound = bounds[side];
  const isTighter = bound !== undefined && compareKeys(bound.key, edge.key) * sign >= 0;
  return isTighter ? bounds : { ...bounds, [side]: edge };
}

/** Bounds of one field, as bounds of the composite keys that begin with a prefix. */
function withinPrefix(prefix: readonly string[], { from, to }: Bounds): Bounds {
  const lower = from === undefined ? compositeKey(prefix) : edgeOf(prefix, from, !from.inclusive);
  const upper = to === undefined ? behindAll(prefix) : edgeOf(prefix, to, to.inclusive);
  return {
    ...(lower !== '' && { from: { key: lower, inclusive: true } }),
    ...(upper !== null && { to: { key: upper, inclusive: false } }),
  };
}

/** A row that is left out has the key of null. */
function ofRowsIn(range: Bounds): Bounds {
  return { from: { key: NULL_KEY, inclusive: false }, ...range };
}

function edgeOf(prefix: readonly string[], { key }: { key: string }, isBehind: boolean): string {
  const parts = [...prefix, key];
  return isBehind ? behindComposite(parts) : compositeKey(parts);
}

function behindAll(prefix: readonly string[]): string | null {
  return prefix.length === 0 ? null : behindComposite(prefix);
}
