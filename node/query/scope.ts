import type { JsonValue, Lookup } from '@lithair/crds';
import type { AggregateRecord, IndexKey, JsonObject, ModelReader } from '../ports/index.ts';
import { indexKey } from '../values/index.ts';
import type { QueryField, QueryFields } from './fields.ts';
import type { Filter } from './filter.ts';
import { compareKeys } from './order.ts';

/** Rows that a list is about, whatever it asks for. */
export interface RowScope {
  readonly lets: (row: JsonObject) => boolean;
  /** Each such row meets all conditions of at least one of the ways. */
  readonly ways: readonly (readonly Lookup[])[];
}

/** A key that rows have in an index. */
export interface ScopeKey {
  readonly field: QueryField;
  readonly key: IndexKey;
}

/** What planning makes of a scope. */
export interface ListScope {
  readonly lets: RowScope['lets'];
  /** Conditions that all of its rows meet: an index may answer them. */
  readonly implied: readonly Filter[];
  /** Keys of which each of its rows has one; null where an index does not know its rows. */
  readonly keys: readonly ScopeKey[] | null;
}

/** More lookups than this are not merged. */
const MAX_KEYS = 200;

export function planScope({ lets, ways }: RowScope, fields: QueryFields): ListScope {
  const found = ways.map((way) => way.flatMap((lookup) => keysOf(lookup, fields)));
  const [only = [], ...others] = found;
  const single = only.flatMap((keys) => (keys.length === 1 ? keys : []));
  if (ways.length === 1 && others.length === 0 && single.length > 0) {
    return { lets, implied: single.map(equality), keys: null };
  }
  // Of each way the condition with the fewest values: it leaves the fewest rows to look at.
  const best = found.map((way) => way.toSorted((a, b) => a.length - b.length)[0]);
  const keys = best.flatMap((way) => way ?? []);
  const isKnown = best.every((way) => way !== undefined) && keys.length <= MAX_KEYS;
  return { lets, implied: [], keys: isKnown ? keys : null };
}

/** In a list, because a condition on a field without an index is none. */
function keysOf({ field: name, values }: Lookup, fields: QueryFields): ScopeKey[][] {
  const field = fields.get(name);
  if (field === undefined || (!field.isId && field.access === 'none')) return [];
  return [values.map((value) => ({ field, key: keyOf(field, value) }))];
}

function keyOf(field: QueryField, value: JsonValue): IndexKey {
  return field.isId && typeof value === 'string' ? value : indexKey(field.values, value);
}

function equality({ field, key }: ScopeKey): Filter {
  return { field, operator: 'eq', keys: [key], text: '', matches: (row) => row.key(field) === key };
}

/** The rows that have one of some keys, by id, each once. */
export function* rowsWithKeys(
  reader: ModelReader,
  keys: readonly ScopeKey[],
  behind: string | null,
): Generator<AggregateRecord, void, undefined> {
  const heads = keys.flatMap((scoped) => {
    const rows = rowsOf(reader, scoped, behind)[Symbol.iterator]();
    const first = next(rows, behind);
    return first === undefined ? [] : [{ rows, record: first }];
  });
  while (heads.length > 0) {
    const lowest = heads.reduce((a, b) => (compareKeys(b.record.id, a.record.id) < 0 ? b : a));
    const { record } = lowest;
    yield record;
    for (const head of heads.filter((one) => one.record.id === record.id)) {
      const following = next(head.rows, record.id);
      if (following === undefined) heads.splice(heads.indexOf(head), 1);
      else head.record = following;
    }
  }
}

/** Rows whose ids come behind one, or all. */
export function behindId(afterId: string | null) {
  return { descending: false, ...(afterId !== null && { afterId }) };
}

function rowsOf(
  reader: ModelReader,
  { field, key }: ScopeKey,
  behind: string | null,
): Iterable<AggregateRecord> {
  if (!field.isId) return reader.lookup(field.name, key, behindId(behind));
  const record = reader.get(key);
  return record === undefined ? [] : [record];
}

/** The next row behind an id. */
function next(rows: Iterator<AggregateRecord>, id: string | null): AggregateRecord | undefined {
  for (;;) {
    const { done, value } = rows.next();
    if (done === true) return undefined;
    if (id === null || compareKeys(value.id, id) > 0) return value;
  }
}
