import type { KeyOperation } from './key-model.ts';
import { stampOf, textOf } from './row.ts';
import type { Row } from './types.ts';

/** Stands for every row that no answer shows. */
export const UNSEEN: Row = {};

/**
 * Writes of unknown outcome that no search need tell apart: they do the same to every state, but
 * for a row that no answer shows. Whichever of them is needed, the one that began first will do,
 * because it may take effect wherever a later one may. Without this, a client that loses many
 * answers would make the search try all subsets of its writes.
 */
export class Twins {
  readonly #groups = new Map<KeyOperation, Group>();
  /** Stamps that some answer shows, or that several bodies have. */
  readonly #known = new Set<string>();

  constructor(items: readonly KeyOperation[]) {
    const written = new Set<string>();
    for (const { call, result } of items) {
      if (result.kind === 'ok') for (const row of result.rows) this.#known.add(stampOf(row));
      if (!('body' in call)) continue;
      const stamp = stampOf(call.body);
      if (written.has(stamp)) this.#known.add(stamp);
      written.add(stamp);
    }
    const groups = new Map<string, Group>();
    for (const item of items.toSorted((a, b) => a.invoked - b.invoked)) {
      const kind = this.#kindOf(item);
      if (kind === null) continue;
      const group = groups.get(kind) ?? { members: [], taken: 0 };
      groups.set(kind, group);
      group.members.push(item);
      this.#groups.set(item, group);
    }
  }

  /** Whether all twins that began before are taken. */
  isNext(item: KeyOperation): boolean {
    const group = this.#groups.get(item);
    return group === undefined || group.members[group.taken] === item;
  }

  take(item: KeyOperation): void {
    const group = this.#groups.get(item);
    if (group !== undefined) group.taken += 1;
  }

  putBack(item: KeyOperation): void {
    const group = this.#groups.get(item);
    if (group !== undefined) group.taken -= 1;
  }

  /** Whether it leaves a row that no answer shows. */
  isUnseen({ call, result }: KeyOperation): boolean {
    return result.kind === 'unknown' && 'body' in call && !this.#known.has(stampOf(call.body));
  }

  /** What the operation does to every state; null where it has no twin. */
  #kindOf(item: KeyOperation): string | null {
    const { call, result } = item;
    if (result.kind !== 'unknown' || ('ifMatch' in call && call.ifMatch !== null)) return null;
    if (call.kind === 'delete') return 'delete';
    if (!this.isUnseen(item)) return null;
    if (call.kind === 'patch') return 'replace';
    return call.kind === 'put' && !call.onlyIfAbsent ? 'replace' : 'create';
  }
}

/**
 * A patch of a row that no answer shows. Its own answer is taken at its word for the fields that
 * the patch does not name: which of the twins it was made from, the search does not know.
 */
export function isPatchOfUnseen(shown: Row, patch: Row): boolean {
  const all: Row = { ...shown, ...patch };
  return textOf(all) === textOf(shown);
}

interface Group {
  readonly members: KeyOperation[];
  /** How many of them are taken, from the first one on. */
  taken: number;
}
