import type { AggregateRecord, JoinedRows } from '../../ports/index.ts';
import { LentRow } from './lent-row.ts';

/** A page of ordinary rows; what is more is put together in several pieces. */
const PIECE_BYTES = 64 * 1024;
const COMMA = 0x2c;

/** Nobody keeps it: each use ends before the next begins. */
const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);

/**
 * The JSON of rows with commas between. Lent ones are copied as the bytes that they are: one text is
 * made of all of them, instead of one of each and another one of those.
 */
export function joinRows(rows: readonly AggregateRecord[]): JoinedRows {
  let json = '';
  let used = 0;
  let isAscii = true;
  const flush = () => {
    json += piece.toString(isAscii ? 'latin1' : 'utf8', 0, used);
    used = 0;
  };
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at];
    if (row === undefined) continue;
    const bytes = row instanceof LentRow ? row.jsonBytes + 1 : Number.POSITIVE_INFINITY;
    if (used + bytes > PIECE_BYTES) flush();
    if (!(row instanceof LentRow) || bytes > PIECE_BYTES) {
      json += at === 0 ? row.json : `,${row.json}`;
      isAscii = false;
      continue;
    }
    if (at > 0) view.setUint8(used++, COMMA);
    row.copyJson(view, used);
    used += bytes - 1;
    isAscii &&= row.isAscii;
  }
  flush();
  return { json, isAscii };
}
