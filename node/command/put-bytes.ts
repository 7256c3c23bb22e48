import { type Change, isPut } from '../entry/index.ts';

/**
 * Most bytes of rows that one deletion may change, and all that expire in one entry: they stand in
 * one entry, and with the names around them it stays well below what consensus takes.
 */
export const MAX_PUT_BYTES = 16 * 1024 * 1024;

/** Bytes that rows which changes set take in an entry, with their keys; deletions count nothing. */
export function putBytes(changes: readonly Change[]): number {
  let bytes = 0;
  for (const change of changes) {
    if (!isPut(change)) continue;
    bytes += Buffer.byteLength(change.json);
    for (const key of change.keys) bytes += Buffer.byteLength(key);
  }
  return bytes;
}
