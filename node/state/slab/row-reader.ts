import type { Mark, StoredRow } from '../aggregate-store.ts';
import { ColdBodies } from './cold-bodies.ts';
import { LentRow } from './lent-row.ts';
import { wordAt } from './paged-words.ts';
import { compareWithProbe, equalsProbe, type Probe } from './probe.ts';
import {
  isColdAt,
  isGraveAt,
  jsonAt,
  jsonPlaceAt,
  keyCountAt,
  layoutAt,
  OUTER_BYTES,
  plainTextAt,
  recordBytes,
  sequenceAt,
  textAt,
  textLength,
  textStart,
  timestampAt,
  versionAt,
} from './row-format.ts';
import { offsetOf, type Slab, slabOf } from './slabs.ts';

/** The position that stands for the id, where others are those of indexed fields. */
export const ID = -1;

/** What the rows of one schema look like in their records. */
export interface Layout {
  /** Whether the JSON is the same as it is read today. */
  readonly keepsJson: boolean;
  /**
   * For each indexed field of today: which key of the record it is, or the key that all these rows
   * have because the field came later, or how it follows from the JSON of today.
   */
  readonly keys: readonly KeySource[];
  /** The JSON of such a row as it is read today. */
  upgrade(json: string): string;
}

export type KeySource = number | ConstantKey | ((json: string) => string);

/** A key that is not in the records. */
export interface ConstantKey {
  readonly text: string;
  readonly bytes: Buffer;
  readonly view: DataView;
}

export function constantKey(text: string): ConstantKey {
  const bytes = Buffer.from(text);
  return { text, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Rows by their numbers: the present ones, or those of a frozen state. */
export class RowReader {
  /** Which layout rows have that are written now; it needs no translation. */
  layout: number;
  /** How many keys of a row are shown: what is being prepared has more than the model knows of. */
  visibleKeys = Number.POSITIVE_INFINITY;
  /** Bodies of rows whose records have none. */
  readonly bodies: ColdBodies;
  private readonly slabs: readonly (Slab | undefined)[];
  private readonly addresses: readonly Uint32Array[];
  private readonly layouts: ReadonlyMap<number, Layout>;

  /** @param layouts of rows that were written under earlier schemas */
  constructor(
    slabs: readonly (Slab | undefined)[],
    addresses: readonly Uint32Array[],
    layout: number,
    layouts: ReadonlyMap<number, Layout>,
    bodies = new ColdBodies(0),
  ) {
    this.bodies = bodies;
    this.slabs = slabs;
    this.addresses = addresses;
    this.layout = layout;
    this.layouts = layouts;
  }

  /** Where the record of a row is. */
  addressOf(row: number): number {
    return wordAt(this.addresses, row);
  }

  isGrave(row: number): boolean {
    const address = this.addressOf(row);
    return isGraveAt(slabOf(this.slabs, address), offsetOf(address));
  }

  version(row: number): number {
    const address = this.addressOf(row);
    return versionAt(slabOf(this.slabs, address), offsetOf(address));
  }

  id(row: number): string {
    const address = this.addressOf(row);
    const slab = slabOf(this.slabs, address);
    const at = offsetOf(address);
    const start = textStart(slab, at, 0);
    return slab.bytes.toString('utf8', start, start + textLength(slab, at, 0));
  }

  sequence(row: number): number {
    const address = this.addressOf(row);
    return sequenceAt(slabOf(this.slabs, address), offsetOf(address));
  }

  /** The key of a row at a position. */
  key(row: number, position: number): string {
    const address = this.addressOf(row);
    const slab = slabOf(this.slabs, address);
    const at = offsetOf(address);
    const slot = this.slotOf(slab, at, position);
    if (typeof slot !== 'number') return slot.text;
    const start = textStart(slab, at, slot);
    return slab.bytes.toString('utf8', start, start + textLength(slab, at, slot));
  }

  /** Whether a row has the layout of today. */
  isCurrent(row: number): boolean {
    const address = this.addressOf(row);
    const slab = slabOf(this.slabs, address);
    const at = offsetOf(address);
    return layoutAt(slab, at) === this.layout || isGraveAt(slab, at);
  }

  isCold(row: number): boolean {
    const address = this.addressOf(row);
    return isColdAt(slabOf(this.slabs, address), offsetOf(address));
  }

  /** Whether the record of a row holds it as a row of today's model is. */
  isAsShown(row: number): boolean {
    if (this.isCold(row)) return false;
    if (this.visibleKeys === Number.POSITIVE_INFINITY) return this.isCurrent(row);
    return this.isGrave(row);
  }

  /** Hands out where the body of a row is, which must not be changed. */
  body<T>(row: number, take: (bytes: Buffer, start: number, end: number) => T): T {
    const address = this.addressOf(row);
    const slab = slabOf(this.slabs, address);
    const at = offsetOf(address);
    return take(slab.bytes, at + OUTER_BYTES, at + recordBytes(slab, at));
  }

  /** Which layout the record of a row has. */
  layoutOfRow(row: number): number {
    const address = this.addressOf(row);
    return layoutAt(slabOf(this.slabs, address), offsetOf(address));
  }

  /** A row as its record has it, whatever its layout; without its JSON. */
  bare(row: number): StoredRow {
    const address = this.addressOf(row);
    return bareRow(slabOf(this.slabs, address), offsetOf(address));
  }

  /** Whether what a row reads as is what its record and its body say. */
  keepsJson(row: number): boolean {
    const layout = this.layoutOfRow(row);
    return layout === this.layout || this.layoutOf(layout).keepsJson;
  }

  /** Hands out the JSON of a row whose record has it; the bytes must not be changed. */
  jsonBytes(row: number, take: (json: Buffer, isAscii: boolean) => void): void {
    const address = this.addressOf(row);
    const slab = slabOf(this.slabs, address);
    const [start, end, isAscii] = jsonPlaceAt(slab, offsetOf(address));
    take(slab.bytes.subarray(start, end), isAscii);
  }

  /** A row with all keys of its record, also those that are not shown yet. */
  whole(row: number): StoredRow {
    return this.row(row, undefined, Number.POSITIVE_INFINITY);
  }

  /** What is kept of the last write to a row, without its JSON. */
  mark(row: number): Mark {
    const address = this.addressOf(row);
    const slab = slabOf(this.slabs, address);
    const at = offsetOf(address);
    return {
      version: versionAt(slab, at),
      timestampMs: timestampAt(slab, at),
      sequence: sequenceAt(slab, at),
    };
  }

  /** A row for those who look at many. */
  lent(row: number): StoredRow {
    const address = this.addressOf(row);
    const slab = slabOf(this.slabs, address);
    const at = offsetOf(address);
    const isElsewhere = layoutAt(slab, at) !== this.layout || isColdAt(slab, at);
    return isElsewhere ? this.row(row) : new LentRow(slab, at, this.visibleKeys);
  }

  /** @param id where the caller has it already */
  row(row: number, id?: string, keys = this.visibleKeys): StoredRow {
    const address = this.addressOf(row);
    const slab = slabOf(this.slabs, address);
    const at = offsetOf(address);
    const json = isColdAt(slab, at) ? this.bodies.read(row) : jsonAt(slab, at);
    const layout = layoutAt(slab, at);
    const stored = layout === this.layout || isGraveAt(slab, at) ? null : this.layoutOf(layout);
    const upgraded = stored === null ? json : stored.upgrade(json);
    return {
      id: id ?? textAt(slab, at, 0, json),
      version: versionAt(slab, at),
      json: upgraded,
      keys:
        stored === null
          ? keysAt(slab, at, json, keys)
          : translate(stored, slab, at, json, upgraded, keys),
      timestampMs: timestampAt(slab, at),
      sequence: sequenceAt(slab, at),
    };
  }

  /**
   * How a row stands to (key, id) in the order of the keys at a position: <0, 0, >0. Where `key` is
   * null, ids alone count; where `id` is null, every row of the key stands before.
   */
  standing(row: number, position: number, key: Probe | null, id: Probe | null): number {
    const address = this.addressOf(row);
    const slab = slabOf(this.slabs, address);
    const at = offsetOf(address);
    if (key !== null) {
      const slot = this.slotOf(slab, at, position);
      const order =
        typeof slot === 'number'
          ? compareWithProbe(slab.bytes, textStart(slab, at, slot), textLength(slab, at, slot), key)
          : compareWithProbe(slot.bytes, 0, slot.bytes.length, key);
      if (order !== 0) return order;
    }
    if (id === null) return -1;
    return compareWithProbe(slab.bytes, textStart(slab, at, 0), textLength(slab, at, 0), id);
  }

  /** Whether a row's text at a position, or its id, is that of a probe. */
  equals(row: number, position: number, probe: Probe): boolean {
    const address = this.addressOf(row);
    const slab = slabOf(this.slabs, address);
    const at = offsetOf(address);
    const slot = this.slotOf(slab, at, position);
    if (typeof slot !== 'number') return equalsProbe(slot.view, 0, slot.bytes.length, probe);
    return equalsProbe(slab.view, textStart(slab, at, slot), textLength(slab, at, slot), probe);
  }

  /** Takes a row's text at a position, or its id, into a probe. */
  probe(row: number, position: number, probe: Probe): Probe {
    const address = this.addressOf(row);
    const slab = slabOf(this.slabs, address);
    const at = offsetOf(address);
    const slot = this.slotOf(slab, at, position);
    if (typeof slot !== 'number') return probe.set(slot.text);
    return probe.setBytes(slab.view, textStart(slab, at, slot), textLength(slab, at, slot));
  }

  private slotOf(slab: Slab, at: number, position: number): number | ConstantKey {
    if (position === ID) return 0;
    const layout = layoutAt(slab, at);
    if (layout === this.layout) return position + 1;
    const key = this.layoutOf(layout).keys[position];
    if (key === undefined) throw new RangeError(`a row has no key at ${position}`);
    if (typeof key === 'function')
      throw new RangeError(`a row is not rewritten for key ${position}`);
    return typeof key === 'number' ? key + 1 : key;
  }

  private layoutOf(layout: number): Layout {
    const found = this.layouts.get(layout);
    if (found === undefined) throw new RangeError(`there is no layout ${layout}`);
    return found;
  }
}

/** What a record says of its row but the JSON. */
export function bareRow(slab: Slab, at: number): StoredRow {
  const texts = Array.from({ length: keyCountAt(slab, at) + 1 }, (_, slot) =>
    plainTextAt(slab, at, slot),
  );
  const [id = '', ...keys] = texts;
  return {
    id,
    version: versionAt(slab, at),
    json: '',
    keys,
    timestampMs: timestampAt(slab, at),
    sequence: sequenceAt(slab, at),
  };
}

function keysAt(slab: Slab, at: number, json: string, visible: number): string[] {
  const keys: string[] = [];
  const count = Math.min(keyCountAt(slab, at), visible);
  for (let slot = 1; slot <= count; slot++) keys.push(textAt(slab, at, slot, json));
  return keys;
}

function translate(
  layout: Layout,
  slab: Slab,
  at: number,
  json: string,
  upgraded: string,
  count: number,
): string[] {
  return layout.keys.slice(0, count).map((key) => {
    if (typeof key === 'function') return key(upgraded);
    return typeof key === 'number' ? textAt(slab, at, key + 1, json) : key.text;
  });
}
