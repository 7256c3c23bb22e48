import { copyBytes } from './copy-bytes.ts';
import { type PlaceInSlab, TABLE_AT, writeHead, writePlace } from './row-format.ts';

/** A text shorter than this is stored again rather than searched for. */
const LEAST_SHARED = 4;
const MAX_NARROW = 0xffff;
/** In longer ones the runtime searches. */
const SHORT_SEARCH = 256;

/** A row whose texts are all ASCII, as places in bytes that belong to somebody else. */
export interface PlainRow {
  readonly bytes: Buffer;
  /** Of the same bytes. */
  readonly view: DataView;
  readonly idStart: number;
  readonly idEnd: number;
  readonly jsonStart: number;
  readonly jsonEnd: number;
  readonly keyCount: number;
  readonly keyStarts: readonly number[];
  readonly keyEnds: readonly number[];
}

/** Makes the same record of a plain row as `RowEncoder` does, without any text in between. */
export class PlainRowEncoder {
  private readonly places: number[] = [];
  private bytes = 0;
  private isWide = false;

  /** Works out how many bytes the record takes. */
  measure(row: PlainRow): number {
    const count = row.keyCount + 1;
    let loose = this.measureText(row, 0, row.idStart, row.idEnd);
    for (let key = 0; key < row.keyCount; key++) {
      loose += this.measureText(row, key + 1, row.keyStarts[key] ?? 0, row.keyEnds[key] ?? 0);
    }
    const narrow = TABLE_AT + count * 4 + loose + row.jsonEnd - row.jsonStart;
    this.isWide = narrow > MAX_NARROW;
    this.bytes = this.isWide ? narrow + count * 4 : narrow;
    return this.bytes;
  }

  /** Writes the measured record of the same row. */
  write(
    row: PlainRow,
    place: PlaceInSlab,
    version: number,
    timeMs: number,
    sequence: number,
  ): void {
    const { slab, at } = place;
    const count = row.keyCount + 1;
    const jsonBytes = row.jsonEnd - row.jsonStart;
    const form = { bytes: this.bytes, jsonBytes, isWide: this.isWide, isAscii: true, kind: 0 };
    writeHead(place, form, count, version, timeMs, sequence);
    const jsonAt = this.bytes - jsonBytes;
    let loose = TABLE_AT + count * (this.isWide ? 8 : 4);
    for (let slot = 0; slot < count; slot++) {
      const start = slot === 0 ? row.idStart : (row.keyStarts[slot - 1] ?? 0);
      const end = slot === 0 ? row.idEnd : (row.keyEnds[slot - 1] ?? 0);
      const found = this.places[slot] ?? -1;
      const textAt = found === -1 ? loose : jsonAt + found;
      writePlace(slab.halves, at, slot, textAt, end - start, this.isWide);
      if (found !== -1) continue;
      copyBytes(row.view, start, end, slab.view, at + loose);
      loose += end - start;
    }
    copyBytes(row.view, row.jsonStart, row.jsonEnd, slab.view, at + jsonAt);
  }

  /** Finds where in the JSON a text stands; gives the bytes that it takes beside it. */
  private measureText(row: PlainRow, slot: number, start: number, end: number): number {
    const length = end - start;
    const found = length < LEAST_SHARED ? -1 : find(row, start, end);
    this.places[slot] = found;
    return found === -1 ? length : 0;
  }
}

/** Where in the JSON of a row the bytes `[start, end)` stand first; -1 for nowhere. */
function find({ bytes, jsonStart, jsonEnd }: PlainRow, start: number, end: number): number {
  const length = end - start;
  const last = jsonEnd - length;
  if (last - jsonStart > SHORT_SEARCH) {
    return bytes.subarray(jsonStart, jsonEnd).indexOf(bytes.subarray(start, end));
  }
  const first = bytes[start];
  for (let at = jsonStart; at <= last; at++) {
    if (bytes[at] !== first) continue;
    let same = 1;
    while (same < length && bytes[at + same] === bytes[start + same]) same += 1;
    if (same === length) return at - jsonStart;
  }
  return -1;
}
