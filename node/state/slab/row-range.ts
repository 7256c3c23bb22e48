import type { IndexKey, KeyRange } from '../../ports/index.ts';
import { NO_TEXT, Probe } from './probe.ts';
import type { Place, RowTree } from './row-tree.ts';

/**
 * A place between pairs of (key, id). `id` undefined: behind every pair of the key; otherwise
 * before the pair, or behind it where `behind` is set.
 */
interface TextPlace {
  readonly key: string;
  readonly id: string | undefined;
  readonly behind: boolean;
}

/**
 * Rows of a tree within bounds. `from` is the lower bound and `to` the upper one in both
 * directions; `after` is where an earlier scan of the same direction ended.
 *
 * @param byId whether the tree is by id alone: keys of the bounds are ids then
 */
export function rowsBetween(tree: RowTree, range: KeyRange, byId: boolean): Iterable<number> {
  const { from, to, after, descending } = range;
  let lower = from && edge(from.key, !from.inclusive);
  let upper = to && edge(to.key, to.inclusive);
  if (after !== undefined && descending) {
    upper = nearer(upper, { ...after, behind: false }, isBefore);
  } else if (after !== undefined) {
    lower = nearer(lower, { ...after, behind: true }, (a, b) => isBefore(b, a));
  }
  const low = lower && (byId ? idPlace(lower) : pairPlace(lower));
  const high = upper && (byId ? idPlace(upper) : pairPlace(upper));
  return descending ? tree.descending(high, low) : tree.ascending(low, high);
}

/** The place before all pairs of a key, or behind all of them. */
function edge(key: IndexKey, behind: boolean): TextPlace {
  return { key, id: behind ? undefined : '', behind: false };
}

function nearer(
  bound: TextPlace | undefined,
  after: TextPlace,
  wins: (a: TextPlace, b: TextPlace) => boolean,
): TextPlace {
  return bound !== undefined && wins(bound, after) ? bound : after;
}

function isBefore(a: TextPlace, b: TextPlace): boolean {
  if (a.key !== b.key) return a.key < b.key;
  if (a.id === undefined || b.id === undefined) return a.id !== undefined;
  return a.id < b.id;
}

/** Probes of its own, because a scan goes on while others are used. */
function pairPlace({ key, id, behind }: TextPlace): Place {
  return { key: new Probe(null).set(key), id: id === undefined ? null : idProbe(id), behind };
}

function idProbe(id: string): Probe {
  return id === '' ? NO_TEXT : new Probe(null).set(id);
}

function idPlace({ key, id, behind }: TextPlace): Place {
  const isEdge = id === undefined || id === '';
  return { key: null, id: new Probe(null).set(key), behind: isEdge ? id === undefined : behind };
}
