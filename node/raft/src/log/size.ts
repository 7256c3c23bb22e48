import type { Entry } from '../types.ts';
import { EntryType, NO_LIMIT, REFUSED_CHANGE } from '../types.ts';

/**
 * The bytes that an entry counts for in every size limit: those of its protobuf
 * form in raftpb, so that limits mean the same as in other implementations.
 */
export function entrySize(entry: Entry): number {
  let size = 2 + varintSize(entry.term) + varintSize(entry.index);
  if (entry.type !== EntryType.Normal || entry.data === REFUSED_CHANGE) size += 2;
  const length = entry.data.length;
  return length === 0 ? size : size + 1 + varintSize(length) + length;
}

/** The sum of {@link entrySize}. */
export function entriesSize(entries: readonly Entry[]): number {
  let size = 0;
  for (const entry of entries) size += entrySize(entry);
  return size;
}

/** The bytes of application data in `entries`, without any framing. */
export function payloadsSize(entries: readonly Entry[]): number {
  let size = 0;
  for (const entry of entries) size += entry.data.length;
  return size;
}

/** How many of the first entries fit into `maxSize` bytes: at least one, if there is any. */
export function countWithin(entries: readonly Entry[], maxSize: number): number {
  if (maxSize === NO_LIMIT) return entries.length;
  let size = 0;
  let count = 0;
  for (const entry of entries) {
    size += entrySize(entry);
    if (size > maxSize && count > 0) return count;
    count++;
  }
  return count;
}

/** The bytes of `value` as a base-128 varint. */
function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  if (value < 0x10000000) return 4;
  let size = 4;
  for (let rest = Math.floor(value / 0x10000000); rest > 0; rest = Math.floor(rest / 128)) size++;
  return size;
}
