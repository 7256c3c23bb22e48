/** Rows of a model in slabs of memory: the store behind every model of a running node. */

export { type BodyFile, SharedFile } from './body-table.ts';
export type { FrozenSlabs } from './frozen-slabs.ts';
export { joinRows } from './joined-rows.ts';
export { HASH_KEY_BYTES, KeyedHash } from './keyed-hash.ts';
export { type QueuedRecord, QueueTable } from './queue-table.ts';
export {
  type NextIndex,
  type PreparedIndex,
  type RowShape,
  rowOfId,
  SlabStore,
} from './slab-store.ts';
