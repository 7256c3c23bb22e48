import type { IndexKey, KeyRange } from '../ports/index.ts';
import { type Place, SortedPairs } from './sorted-pairs.ts';

/** Which ids of a key: those behind `afterId` in the direction of the scan. */
export interface IdRange {
  readonly afterId?: string;
  readonly descending: boolean;
}

/** From a field's key to the ids of the live rows that have it, null included. */
export interface FieldIndex {
  insert(key: IndexKey, id: string): void;
  delete(key: IndexKey, id: string): void;
  /** Any id with the key: of a unique field, the one that holds it. */
  first(key: IndexKey): string | undefined;
  /** Ids with the key, in their order. */
  ids(key: IndexKey, range: IdRange): Iterable<string>;
}

/** For equality: a table of keys. Most keys have one id; the others keep a tree of them. */
export class HashIndex implements FieldIndex {
  private readonly table = new Map<IndexKey, string | SortedPairs>();

  insert(key: IndexKey, id: string): void {
    const held = this.table.get(key);
    if (held === undefined) this.table.set(key, id);
    else if (typeof held !== 'string') held.insert(id, id);
    else if (held !== id) {
      const both = new SortedPairs();
      both.insert(held, held);
      both.insert(id, id);
      this.table.set(key, both);
    }
  }

  delete(key: IndexKey, id: string): void {
    const held = this.table.get(key);
    if (held === id) this.table.delete(key);
    if (held === undefined || typeof held === 'string') return;
    held.delete(id, id);
    if (held.size > 1) return;
    const [last] = held.ascending();
    if (last !== undefined) this.table.set(key, last);
  }

  first(key: IndexKey): string | undefined {
    const held = this.table.get(key);
    if (held === undefined || typeof held === 'string') return held;
    const [first] = held.ascending();
    return first;
  }

  ids(key: IndexKey, range: IdRange): Iterable<string> {
    const held = this.table.get(key);
    if (held === undefined) return [];
    if (typeof held !== 'string') return idsInRange(held, range);
    return isBehind(held, range) ? [held] : [];
  }
}

/** For order as well as equality. */
export class OrderedIndex implements FieldIndex {
  private readonly pairs = new SortedPairs();

  insert(key: IndexKey, id: string): void {
    this.pairs.insert(key, id);
  }

  delete(key: IndexKey, id: string): void {
    this.pairs.delete(key, id);
  }

  first(key: IndexKey): string | undefined {
    return this.pairs.first(key);
  }

  ids(key: IndexKey, range: IdRange): Iterable<string> {
    const bound = { key, inclusive: true };
    const after = range.afterId === undefined ? {} : { after: { key, id: range.afterId } };
    return this.range({ from: bound, to: bound, ...after, descending: range.descending });
  }

  /** Ids by (key, id) within bounds; see `KeyRange`. */
  range(range: KeyRange): Iterable<string> {
    return pairsInRange(this.pairs, range);
  }
}

/**
 * Ids of the pairs within bounds. `from` is the lower bound and `to` the upper one in both
 * directions; `after` is where an earlier scan of the same direction ended.
 */
export function pairsInRange(pairs: SortedPairs, range: KeyRange): Iterable<string> {
  const { from, to, after, descending } = range;
  let lower = from && edge(from.key, !from.inclusive);
  let upper = to && edge(to.key, to.inclusive);
  if (after !== undefined && descending) {
    upper = nearer(upper, { ...after, behind: false }, isBefore);
  } else if (after !== undefined) {
    lower = nearer(lower, { ...after, behind: true }, (a, b) => isBefore(b, a));
  }
  return descending ? pairs.descending(upper, lower) : pairs.ascending(lower, upper);
}

/** Ids of a tree that holds each id as its own key. */
export function idsInRange(ids: SortedPairs, range: IdRange): Iterable<string> {
  const { afterId: id, descending } = range;
  if (id === undefined) return descending ? ids.descending() : ids.ascending();
  const place = { key: id, id, behind: !descending };
  return descending ? ids.descending(place) : ids.ascending(place);
}

function isBehind(id: string, { afterId, descending }: IdRange): boolean {
  if (afterId === undefined) return true;
  return descending ? id < afterId : id > afterId;
}

/** The place before all pairs of a key, or behind all of them. */
function edge(key: IndexKey, behind: boolean): Place {
  return { key, id: behind ? undefined : '', behind: false };
}

function nearer(bound: Place | undefined, after: Place, wins: (a: Place, b: Place) => boolean) {
  return bound !== undefined && wins(bound, after) ? bound : after;
}

function isBefore(a: Place, b: Place): boolean {
  if (a.key !== b.key) return a.key < b.key;
  if (a.id === undefined || b.id === undefined) return a.id !== undefined;
  return a.id < b.id;
}
