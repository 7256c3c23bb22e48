import type { KeyOperation } from './key-model.ts';
import { stampOf, textOf } from './row.ts';
import { indexOfToken } from './token.ts';
import type { Operation, Row } from './types.ts';

/** What an acknowledged write made of an aggregate. */
export interface Entry {
  /** Log index at which it took effect. */
  readonly index: number;
  /** Deletes and bulks do not tell theirs: it is the one after the version before. */
  readonly version: number;
  /** Null where the write was a delete. */
  readonly row: Row | null;
  /** Whether writes of unknown outcome may lie between this entry and the next. */
  readonly loose: boolean;
  readonly operation: Operation | null;
}

/** The acknowledged writes of one aggregate in the order of the log. */
export interface Timeline {
  /** Begins with index 0, where nothing existed. */
  readonly entries: readonly Entry[];
  /** Writes of unknown outcome. */
  readonly unknown: readonly KeyOperation[];
}

interface Draft {
  readonly index: number;
  readonly version: number | null;
  readonly row: Row | null;
  readonly operation: Operation | null;
}

const BEGINNING: Draft = { index: 0, version: 0, row: null, operation: null };

export function buildTimeline(operations: readonly KeyOperation[]): Timeline {
  const unknown = operations.filter(({ result }) => result.kind === 'unknown');
  const known = operations.flatMap(draftOf).sort((a, b) => a.index - b.index);
  const drafts = [BEGINNING, ...known];
  return { entries: withVersions(drafts, unknown.length > 0), unknown };
}

/** The last acknowledged entry at or below an index. */
export function entryAt({ entries }: Timeline, index: number): Entry {
  let [from, to] = [0, entries.length];
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if ((entries[middle]?.index ?? 0) <= index) from = middle;
    else to = middle;
  }
  const found = entries[from];
  if (found === undefined) throw new Error('a timeline begins with index 0');
  return found;
}

/** Why an aggregate cannot have looked like this at an index; null where it can. */
export function contradiction(
  timeline: Timeline,
  index: number,
  shown: Row | undefined,
): string | null {
  const entry = entryAt(timeline, index);
  if (isSame(entry, shown) || (entry.loose && mayBeUnknown(timeline, shown))) return null;
  const seen = shown === undefined ? 'no row' : textOf(shown);
  const due = entry.row === null ? 'no row' : textOf(entry.row);
  return `${seen} instead of ${due} of index ${entry.index}`;
}

function isSame({ row }: Entry, shown: Row | undefined): boolean {
  if (row === null || shown === undefined) return row === null && shown === undefined;
  return textOf(row) === textOf(shown);
}

/** Whether a write of unknown outcome can have left the aggregate like this. */
function mayBeUnknown({ unknown }: Timeline, shown: Row | undefined): boolean {
  if (shown === undefined) return unknown.some(({ call }) => call.kind === 'delete');
  return unknown.some(({ call }) => 'body' in call && stampOf(call.body) === stampOf(shown));
}

function draftOf({ operation, call, result }: KeyOperation): Draft[] {
  if (call.kind === 'read' || result.kind !== 'ok') return [];
  const index = indexOfToken(result.token);
  if (index === null) return [];
  const row = call.kind === 'delete' ? null : (result.rows[0] ?? null);
  return [{ index, version: result.version, row, operation }];
}

/** A version that is missing between two entries belongs to a write of unknown outcome. */
function withVersions(drafts: readonly Draft[], hasUnknown: boolean): Entry[] {
  const entries: { -readonly [Name in keyof Entry]: Entry[Name] }[] = [];
  let told = 0;
  for (const draft of drafts) {
    const next = (entries.at(-1)?.version ?? -1) + 1;
    if (draft.version !== null && draft.version !== next) {
      for (const entry of entries.slice(told)) entry.loose = hasUnknown;
    }
    if (draft.version !== null) told = entries.length;
    entries.push({ ...draft, version: draft.version ?? next, loose: false });
  }
  // Behind the last version that was told, nothing shows a gap.
  for (const entry of entries.slice(told)) entry.loose = hasUnknown;
  return entries;
}
