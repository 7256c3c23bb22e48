import type { KeyOperation } from './key-model.ts';
import { textOf } from './row.ts';
import type { Row } from './types.ts';

/**
 * Writes of unknown outcome that no search need tell apart: they do the same to every state, but
 * for a row that no answer shows. Whichever of them is needed, the one that began first will do,
 * because it may take effect wherever a later one may. Without this, a client that loses many
 * answers would make the search try all subsets of its writes.
 */
export class Twins {
  readonly #groups = new Map<KeyOperation, Group>();
  /** Rows that some answer shows, or that several writes make. */
  readonly #known = new Set<string>();

  constructor(items: readonly KeyOperation[]) {
    const written = new Set<string>();
    for (const { call, result } of items) {
      if (result.kind === 'ok') for (const row of result.rows) this.#known.add(textOf(row));
      if (!('body' in call)) continue;
      const text = textOf(call.body);
      if (written.has(text)) this.#known.add(text);
      written.add(text);
    }
    // The fields of an unseen row show through a patch of it.
    if (items.some(({ call }) => call.kind === 'patch')) return;
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

  /** Equal for rows that no answer tells apart. */
  nameOf(row: Row): string {
    const text = textOf(row);
    return this.#groups.size > 0 && !this.#known.has(text) ? 'unseen' : text;
  }

  /** What the operation does to every state; null where it has no twin. */
  #kindOf({ call, result }: KeyOperation): string | null {
    if (result.kind !== 'unknown') return null;
    switch (call.kind) {
      case 'delete':
        return call.ifMatch === null ? 'delete' : null;
      case 'create':
        return this.#known.has(textOf(call.body)) ? null : 'create';
      case 'put':
        if (call.ifMatch !== null || this.#known.has(textOf(call.body))) return null;
        return call.onlyIfAbsent ? 'create' : 'put';
      default:
        return null;
    }
  }
}

interface Group {
  readonly members: KeyOperation[];
  /** How many of them are taken, from the first one on. */
  taken: number;
}
