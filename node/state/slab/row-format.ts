import type { IndexKey } from '../../ports/index.ts';
import type { StoredRow } from '../aggregate-store.ts';
import type { Slab } from './slabs.ts';

// A record in a slab is, in the machine's byte order (little-endian wherever this runs):
//
//   0  u32  number of the row           } not part of the body, which is
//   4  u16  layout that it has          } what snapshots hold
//   6  u16  flags, and the count of texts: the id, then the keys
//   8  u32  length of the body, from offset 6 on
//  12  u32  length of the JSON, which ends the body
//  16  u48  version (u32 at 16, u16 at 26)
//  20  u48  log time of the version, epoch milliseconds (u32 at 20, u16 at 24)
//  28  u48  event sequence of the version (u32 at 28, u16 at 32)
//  34       for each text: offset in the record and length, u16 each; u32 each in a wide record
//           texts that are not in the JSON, then the JSON
//
// A text that stands in the JSON as it is, as ids mostly do, is not stored again. A cold record has
// no JSON, which is in a file (`body-table.ts`), and stores all texts.

const WIDE = 0x8000;
const ASCII = 0x4000;
const GRAVE = 0x2000;
/** Never in a snapshot. */
const COLD = 0x1000;
const COUNT_MASK = 0x0fff;
export const TABLE_AT = 34;
/** What of a record is not its body. */
export const OUTER_BYTES = 6;
/** A text shorter than this is stored again rather than searched for. */
const LEAST_SHARED = 4;
const MAX_NARROW = 0xffff;
const TWO_32 = 2 ** 32;

/** What is stored of a row, or of a deleted one: that has no JSON and no keys. */
export interface RowContent extends StoredRow {
  readonly isGrave: boolean;
}

/** A place for the next record; writing it is in two steps, because its size comes first. */
export class RowEncoder {
  private content: RowContent = EMPTY;
  private jsonBytes = 0;
  private readonly places: number[] = [];
  private readonly lengths: number[] = [];
  private isAscii = true;
  private isWide = false;
  private isCold = false;
  private bytes = 0;

  /** Length in bytes of the JSON that was measured, and whether it and the texts are all ASCII. */
  get json(): { readonly bytes: number; readonly isAscii: boolean } {
    return { bytes: this.jsonBytes, isAscii: this.isAscii };
  }

  /** Works out how many bytes the record of a row takes. */
  measure(content: RowContent): number {
    const { json } = content;
    this.content = content;
    this.isCold = false;
    this.jsonBytes = Buffer.byteLength(json);
    this.isAscii = this.jsonBytes === json.length;
    return this.measureAll(json);
  }

  /** The same for the cold record of a row. */
  measureCold(content: RowContent): number {
    this.content = { ...content, json: '' };
    this.isCold = true;
    this.jsonBytes = 0;
    this.isAscii = true;
    return this.measureAll('');
  }

  private measureAll(json: string): number {
    const { id, keys } = this.content;
    let loose = this.measureText(0, id, json);
    for (let at = 0; at < keys.length; at++)
      loose += this.measureText(at + 1, keys[at] ?? '', json);
    const count = keys.length + 1;
    const narrow = TABLE_AT + count * 4 + loose + this.jsonBytes;
    this.isWide = narrow > MAX_NARROW;
    this.bytes = this.isWide ? narrow + count * 4 : narrow;
    return this.bytes;
  }

  /** Writes the measured record at an offset of a slab. */
  write(slab: Slab, at: number, row: number, layout: number): void {
    const { keys, version, timestampMs, sequence, isGrave, json } = this.content;
    const { bytes, jsonBytes, isWide, isAscii } = this;
    const kind = (isGrave ? GRAVE : 0) | (this.isCold ? COLD : 0);
    const place = { slab, at, row, layout };
    const form = { bytes, jsonBytes, isWide, isAscii, kind };
    writeHead(place, form, keys.length + 1, version, timestampMs, sequence);
    this.writeTexts(slab, at);
    slab.bytes.write(json, at + this.bytes - this.jsonBytes, this.isAscii ? 'latin1' : 'utf8');
  }

  /** Finds where a text will stand; gives the bytes that it takes beside the JSON. */
  private measureText(slot: number, text: string, json: string): number {
    const { length } = text;
    const found = length < LEAST_SHARED ? -1 : json.indexOf(text);
    const isKnownAscii = this.isAscii && found !== -1;
    const bytes = isKnownAscii ? length : Buffer.byteLength(text);
    if (bytes !== length) this.isAscii = false;
    const isPlainBefore = this.jsonBytes === json.length;
    this.places[slot] =
      found <= 0 || isPlainBefore ? found : Buffer.byteLength(json.slice(0, found));
    this.lengths[slot] = bytes;
    return found === -1 ? bytes : 0;
  }

  private writeTexts(slab: Slab, at: number): void {
    const { keys, id } = this.content;
    const count = keys.length + 1;
    const jsonAt = this.bytes - this.jsonBytes;
    let loose = TABLE_AT + count * (this.isWide ? 8 : 4);
    for (let slot = 0; slot < count; slot++) {
      const place = this.places[slot] ?? -1;
      const length = this.lengths[slot] ?? 0;
      const textAt = place === -1 ? loose : jsonAt + place;
      writePlace(slab.halves, at, slot, textAt, length, this.isWide);
      if (place !== -1) continue;
      slab.bytes.write(slot === 0 ? id : (keys[slot - 1] ?? ''), at + loose, 'utf8');
      loose += length;
    }
  }
}

/** Where a record goes. */
export interface PlaceInSlab {
  readonly slab: Slab;
  readonly at: number;
  /** Number of the row. */
  readonly row: number;
  readonly layout: number;
}

/** What kind of record it is: its length and that of its JSON, and flags. */
interface RecordForm {
  readonly bytes: number;
  readonly jsonBytes: number;
  readonly isWide: boolean;
  readonly isAscii: boolean;
  readonly kind: number;
}

/** Writes what stands before the texts of a record. */
export function writeHead(
  { slab, at, row, layout }: PlaceInSlab,
  form: RecordForm,
  texts: number,
  version: number,
  timestampMs: number,
  sequence: number,
): void {
  const { words, halves } = slab;
  const word = at >>> 2;
  const half = at >>> 1;
  const flags = (form.isWide ? WIDE : 0) | (form.isAscii ? ASCII : 0) | form.kind;
  words[word] = row;
  halves[half + 2] = layout;
  halves[half + 3] = flags | texts;
  words[word + 2] = form.bytes - OUTER_BYTES;
  words[word + 3] = form.jsonBytes;
  // The array takes the low 32 bits of a number itself.
  words[word + 4] = version;
  words[word + 5] = timestampMs;
  halves[half + 12] = timestampMs / TWO_32;
  halves[half + 13] = version / TWO_32;
  words[word + 7] = sequence;
  halves[half + 16] = sequence / TWO_32;
}

/** Writes where a text of a record stands. */
export function writePlace(
  halves: Uint16Array,
  at: number,
  slot: number,
  place: number,
  length: number,
  isWide: boolean,
): void {
  const table = (at + TABLE_AT) >>> 1;
  if (!isWide) {
    halves[table + slot * 2] = place;
    halves[table + slot * 2 + 1] = length;
    return;
  }
  const first = table + slot * 4;
  halves[first] = place & 0xffff;
  halves[first + 1] = place >>> 16;
  halves[first + 2] = length & 0xffff;
  halves[first + 3] = length >>> 16;
}

const EMPTY: RowContent = {
  id: '',
  version: 0,
  json: '',
  keys: [],
  timestampMs: 0,
  sequence: 0,
  isGrave: false,
};

/** Length of the whole record at an offset. */
export function recordBytes(slab: Slab, at: number): number {
  return OUTER_BYTES + (slab.words[(at >>> 2) + 2] ?? 0);
}

export function rowNumberAt(slab: Slab, at: number): number {
  return slab.words[at >>> 2] ?? 0;
}

export function layoutAt(slab: Slab, at: number): number {
  return slab.halves[(at >>> 1) + 2] ?? 0;
}

/** Marks a record whose body was copied in. */
export function setOuter(slab: Slab, at: number, row: number, layout: number): void {
  slab.words[at >>> 2] = row;
  slab.halves[(at >>> 1) + 2] = layout;
}

export function isGraveAt(slab: Slab, at: number): boolean {
  return ((slab.halves[(at >>> 1) + 3] ?? 0) & GRAVE) !== 0;
}

/** Whether the JSON of a record is in a file. */
export function isColdAt(slab: Slab, at: number): boolean {
  return ((slab.halves[(at >>> 1) + 3] ?? 0) & COLD) !== 0;
}

/** Whether all texts of a record are ASCII. */
export function isAsciiAt(slab: Slab, at: number): boolean {
  return ((slab.halves[(at >>> 1) + 3] ?? 0) & ASCII) !== 0;
}

/** Length of the JSON of a record, which ends it. */
export function jsonBytesAt(slab: Slab, at: number): number {
  return slab.words[(at >>> 2) + 3] ?? 0;
}

/** Where in its slab the JSON of a record is, and whether it is ASCII. */
export function jsonPlaceAt(slab: Slab, at: number): readonly [number, number, boolean] {
  const end = at + recordBytes(slab, at);
  return [end - jsonBytesAt(slab, at), end, isAsciiAt(slab, at)];
}

export function versionAt(slab: Slab, at: number): number {
  return (slab.words[(at >>> 2) + 4] ?? 0) + (slab.halves[(at >>> 1) + 13] ?? 0) * TWO_32;
}

export function timestampAt(slab: Slab, at: number): number {
  return (slab.words[(at >>> 2) + 5] ?? 0) + (slab.halves[(at >>> 1) + 12] ?? 0) * TWO_32;
}

export function sequenceAt(slab: Slab, at: number): number {
  return (slab.words[(at >>> 2) + 7] ?? 0) + (slab.halves[(at >>> 1) + 16] ?? 0) * TWO_32;
}

/** Where in its slab a text of a record begins. */
export function textStart(slab: Slab, at: number, slot: number): number {
  const { halves } = slab;
  const table = (at + TABLE_AT) >>> 1;
  if (((halves[(at >>> 1) + 3] ?? 0) & WIDE) === 0) return at + (halves[table + slot * 2] ?? 0);
  const first = table + slot * 4;
  return at + ((halves[first] ?? 0) | ((halves[first + 1] ?? 0) << 16));
}

/** Length in bytes of a text of a record. */
export function textLength(slab: Slab, at: number, slot: number): number {
  const { halves } = slab;
  const table = (at + TABLE_AT) >>> 1;
  if (((halves[(at >>> 1) + 3] ?? 0) & WIDE) === 0) return halves[table + slot * 2 + 1] ?? 0;
  const first = table + slot * 4;
  return (halves[first + 2] ?? 0) | ((halves[first + 3] ?? 0) << 16);
}

/** How many keys a record has. */
export function keyCountAt(slab: Slab, at: number): number {
  return ((slab.halves[(at >>> 1) + 3] ?? 0) & COUNT_MASK) - 1;
}

export function jsonAt(slab: Slab, at: number): string {
  const end = at + recordBytes(slab, at);
  return decode(slab, at, end - jsonBytesAt(slab, at), end);
}

/** A text of a record. One that is in the JSON, which the caller has decoded, shares it. */
export function textAt(slab: Slab, at: number, slot: number, json: string): IndexKey {
  const length = textLength(slab, at, slot);
  if (length === 0) return '';
  const start = textStart(slab, at, slot);
  const shared = start - (at + recordBytes(slab, at) - jsonBytesAt(slab, at));
  if (isAsciiAt(slab, at) && shared >= 0 && !isColdAt(slab, at))
    return json.slice(shared, shared + length);
  return decode(slab, at, start, start + length);
}

/** A text of a record, for those that have not decoded its JSON. */
export function plainTextAt(slab: Slab, at: number, slot: number): string {
  const start = textStart(slab, at, slot);
  return decode(slab, at, start, start + textLength(slab, at, slot));
}

function decode(slab: Slab, at: number, start: number, end: number): string {
  return slab.bytes.toString(isAsciiAt(slab, at) ? 'latin1' : 'utf8', start, end);
}

function hasItsJson(slab: Slab, at: number, bytes: number): boolean {
  return !isColdAt(slab, at) && jsonBytesAt(slab, at) <= bytes;
}

/**
 * Whether a record that came from outside is whole: every length lies within it.
 *
 * @param bytes length of the record as it was announced from outside
 */
export function isSound(slab: Slab, at: number, bytes: number, keys: number): boolean {
  const isGrave = isGraveAt(slab, at);
  const count = isGrave ? 0 : keys;
  if (bytes < TABLE_AT + 4 || recordBytes(slab, at) !== bytes) return false;
  if (keyCountAt(slab, at) !== count || !hasItsJson(slab, at, bytes)) return false;
  const isWide = ((slab.halves[(at >>> 1) + 3] ?? 0) & WIDE) !== 0;
  if (TABLE_AT + (count + 1) * (isWide ? 8 : 4) > bytes) return false;
  for (let slot = 0; slot <= count; slot++) {
    if (textStart(slab, at, slot) + textLength(slab, at, slot) > at + bytes) return false;
  }
  return true;
}
