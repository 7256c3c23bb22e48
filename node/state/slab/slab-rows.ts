import type { BodyTable } from './body-table.ts';
import { ColdBodies } from './cold-bodies.ts';
import { copyBytes } from './copy-bytes.ts';
import { PagedWords } from './paged-words.ts';
import { type PlainRow, PlainRowEncoder } from './plain-row.ts';
import {
  isColdAt,
  isGraveAt,
  isSound,
  jsonPlaceAt,
  layoutAt,
  OUTER_BYTES,
  type RowContent,
  RowEncoder,
  recordBytes,
  rowNumberAt,
  setOuter,
} from './row-format.ts';
import { bareRow, type Layout, RowReader } from './row-reader.ts';
import { offsetOf, Slab, Slabs, sizeInSlab, slabOf } from './slabs.ts';
import { Stretches } from './stretches.ts';

/** One part in this many may be dead before slabs are cleared. */
const DEAD_SHARE = 16;
const LEAST_DEAD_BYTES = 1 << 18;
/** What clearing moves for each byte that is written, so that it keeps up; and at least so much. */
const CLEARING_FACTOR = 16;
const LEAST_CLEARING_BYTES = 4096;
/** Looking at a dead record costs as much as moving so many bytes. */
const LOOK_BYTES = 64;
/** Rows of earlier layouts that each write brings up to date. */
const UPGRADES_PER_WRITE = 2;
const MAX_LAYOUT = 0xffff;
/** Rows that are looked at for what of them is to be read ahead. */
const LOOKED_AHEAD = 2000;

/**
 * Rows by number, from 1; none ever goes, since deleted rows leave graves. A row keeps its number while its record moves: at each change, since records are
 * only ever appended, and when the slab that it is in is cleared of dead records. All of that is
 * paid for by writes, a bounded amount at a time.
 */
export class SlabRows {
  readonly reader: RowReader;
  readonly bodies = new ColdBodies(0);
  /** Numbers from 1 to here are in use. */
  private highest = 0;
  private readonly slabs = new Slabs();
  private readonly addresses = new PagedWords();
  private readonly encoder = new RowEncoder();
  private readonly plainEncoder = new PlainRowEncoder();
  private layout = 0;
  private readonly layouts = new Map<number, Layout>();
  /** Live rows by layout, where that is not the present one. */
  private readonly outdated = new Map<number, number>();
  private upgradeCursor = 0;
  /** While true, rows of earlier layouts are brought up to date by `upgradeNext` alone. */
  private upgradesOnDemand = false;
  private victim = 0;
  private victimCursor = 0;
  private frozen = 0;
  private scratch = new Slab(4096);

  constructor() {
    this.reader = new RowReader(
      this.slabs.list,
      this.addresses.pages,
      0,
      this.layouts,
      this.bodies,
    );
  }

  get liveBytes(): number {
    return this.slabs.liveBytes;
  }

  get deadBytes(): number {
    return this.slabs.usedBytes - this.slabs.liveBytes;
  }

  /** Bytes of the table from numbers to places, and of memory that holds no record yet. */
  get overheadBytes(): number {
    return this.addresses.bytes + this.slabs.reservedBytes - this.slabs.usedBytes;
  }

  /** Stores a new row; gives its number. */
  add(content: RowContent): number {
    const row = ++this.highest;
    this.write(row, content);
    return row;
  }

  /** Stores another version of a row. */
  replace(row: number, content: RowContent): void {
    const before = this.reader.addressOf(row);
    this.write(row, content);
    this.retire(before);
    this.bodies.forget(row);
    this.tidy(content.json.length);
  }

  /** Stores a version of a row, or a new one where `row` is 0; gives its number. */
  putPlain(row: number, content: PlainRow, version: number, timeMs: number, sequence: number) {
    const number = row === 0 ? ++this.highest : row;
    const before = row === 0 ? 0 : this.reader.addressOf(row);
    const address = this.slabs.allocate(this.plainEncoder.measure(content));
    const slab = slabOf(this.slabs.list, address);
    const place = { slab, at: offsetOf(address), row: number, layout: this.layout };
    this.plainEncoder.write(content, place, version, timeMs, sequence);
    this.addresses.set(number, address);
    if (before === 0) return number;
    this.retire(before);
    this.bodies.forget(number);
    this.tidy(content.jsonEnd - content.jsonStart);
    return number;
  }

  /** Stores a row whose record came from outside; 0 where it is not sound. */
  load(body: Buffer, keys: number): number {
    const bytes = body.length + OUTER_BYTES;
    const address = this.slabs.allocate(bytes);
    const slab = slabOf(this.slabs.list, address);
    const at = offsetOf(address);
    body.copy(slab.bytes, at + OUTER_BYTES);
    if (!isSound(slab, at, bytes, keys)) return 0;
    const row = ++this.highest;
    setOuter(slab, at, row, this.layout);
    this.addresses.set(row, address);
    return row;
  }

  /** As `load`, but leaves the JSON to the file that the body came from, where it is at a place. */
  loadCold(body: Buffer, keys: number, table: BodyTable, at: number): number {
    const bytes = body.length + OUTER_BYTES;
    if (bytes > this.scratch.capacity) this.scratch = new Slab(sizeInSlab(bytes * 2));
    const { scratch } = this;
    body.copy(scratch.bytes, OUTER_BYTES);
    if (!isSound(scratch, 0, bytes, keys) || isGraveAt(scratch, 0)) return 0;
    const row = ++this.highest;
    this.writeCold(row, { ...bareRow(scratch, 0), isGrave: false }, this.layout);
    const [start, end, isAscii] = jsonPlaceAt(scratch, 0);
    table.place(row, at + start - OUTER_BYTES, scratch.bytes.subarray(start, end), isAscii);
    return row;
  }

  /** Number of the last row that there is or was. */
  get highestRow(): number {
    return this.highest;
  }

  /**
   * Takes the next row over to the file that bodies are moving to, where it is as it was at an event;
   * false where there is none left.
   *
   * @param layout which layout the bodies in that file have
   */
  coolNext(row: number, lastSequence: number, layout: number): boolean {
    if (row > this.highest) return false;
    if (!this.reader.isGrave(row) && this.reader.sequence(row) <= lastSequence) {
      this.coolRow(row, layout);
    }
    this.bodies.passed(row);
    return true;
  }

  private coolRow(row: number, layout: number): void {
    const before = this.reader.addressOf(row);
    const isCold = this.reader.isCold(row);
    const own = this.reader.layoutOfRow(row);
    const isThere = this.bodies.isInNext(row);
    if (isThere && own === layout) {
      if (isCold) return;
      this.writeCold(row, { ...this.reader.bare(row), isGrave: false }, layout);
    } else if (isThere && this.layout === layout) {
      this.writeCold(row, { ...this.reader.whole(row), isGrave: false }, layout);
    } else {
      if (!isCold) return;
      this.write(row, { ...this.reader.whole(row), isGrave: false });
    }
    this.retireMoved(row, before);
  }

  /** The old record of a row that is written again with the same content. */
  private retireMoved(row: number, before: number): void {
    this.retire(before);
    this.bodies.forget(row);
    this.clearWhereDue(recordBytes(...this.recordOf(row)));
  }

  /**
   * Calls the rows that there are rows of an earlier schema. Their keys and JSON are derived.
   *
   * @param upgrades who writes them again: later writes, a few each, or `upgradeNext`
   */
  changeLayout(
    derive: (before: Layout | null) => Layout,
    rows: number,
    upgrades: 'with-writes' | 'on-demand',
  ): void {
    this.upgradesOnDemand = upgrades === 'on-demand';
    for (const [number, before] of this.layouts) this.layouts.set(number, derive(before));
    if (rows > 0) {
      const current = rows - Array.from(this.outdated.values()).reduce((sum, n) => sum + n, 0);
      this.layouts.set(this.layout, derive(null));
      this.outdated.set(this.layout, current);
    }
    this.layout = this.nextLayout();
    this.reader.layout = this.layout;
    this.upgradeCursor = 0;
  }

  /** Has what files hold of the first of some rows brought into memory; null where nothing is. */
  readAheadOf<T>(names: Iterable<T>, rowOf: (name: T) => number): Promise<void> | null {
    const stretches = new Stretches();
    let looked = 0;
    for (const name of names) {
      const row = rowOf(name);
      looked += 1;
      const isElsewhere = row !== 0 && !this.reader.isGrave(row) && this.reader.isCold(row);
      if (isElsewhere && !this.bodies.addTo(stretches, row)) break;
      if (looked >= LOOKED_AHEAD) break;
    }
    return stretches.isEmpty ? null : stretches.readAhead();
  }

  /** The same for the next rows that `upgradeNext` writes again. */
  readAheadToUpgrade(): Promise<void> | null {
    const next = numbersBetween(this.upgradeCursor + 1, this.highest);
    return this.readAheadOf(next, (row) => (this.reader.isCurrent(row) ? 0 : row));
  }

  /** Everything as it is now, until `release`. */
  freeze(): RowReader {
    this.frozen += 1;
    const layouts = new Map(this.layouts);
    this.slabs.hold();
    this.victim = 0;
    const pages = this.addresses.freeze();
    const slabs = this.slabs.list.slice();
    const reader = new RowReader(slabs, pages, this.layout, layouts, this.bodies.freeze());
    reader.visibleKeys = this.reader.visibleKeys;
    return reader;
  }

  /**
   * Writes the next row of an earlier layout as today's has it. 0 where it only looked at one that
   * needed nothing; null where all have been looked at.
   */
  upgradeNext(): number | null {
    if (this.upgradeCursor >= this.highest) return null;
    const row = ++this.upgradeCursor;
    if (!this.upgrade(row)) return 0;
    this.clearWhereDue(recordBytes(...this.recordOf(row)));
    return row;
  }

  private recordOf(row: number): readonly [Slab, number] {
    const address = this.addresses.get(row);
    return [slabOf(this.slabs.list, address), offsetOf(address)];
  }

  /** Nobody reads a frozen state any more. */
  release(): void {
    this.frozen -= 1;
    if (this.frozen === 0) this.slabs.unhold();
  }

  private nextLayout(): number {
    let next = this.layout;
    do next = next === MAX_LAYOUT ? 0 : next + 1;
    while (this.layouts.has(next));
    return next;
  }

  private write(row: number, content: RowContent): void {
    const address = this.slabs.allocate(this.encoder.measure(content));
    this.encoder.write(slabOf(this.slabs.list, address), offsetOf(address), row, this.layout);
    this.addresses.set(row, address);
  }

  private writeCold(row: number, content: RowContent, layout: number): void {
    const address = this.slabs.allocate(this.encoder.measureCold(content));
    this.encoder.write(slabOf(this.slabs.list, address), offsetOf(address), row, layout);
    this.addresses.set(row, address);
    if (layout !== this.layout) this.outdated.set(layout, (this.outdated.get(layout) ?? 0) + 1);
  }

  private retire(address: number): void {
    const slab = slabOf(this.slabs.list, address);
    const at = offsetOf(address);
    const layout = layoutAt(slab, at);
    if (layout !== this.layout && !isGraveAt(slab, at)) this.leaveLayout(layout);
    const isEmpty = this.slabs.retire(address, recordBytes(slab, at));
    if (isEmpty) this.releaseSlab(this.slabs.numberOf(address));
  }

  private leaveLayout(layout: number): void {
    const left = (this.outdated.get(layout) ?? 0) - 1;
    this.outdated.set(layout, left);
    if (left > 0) return;
    this.outdated.delete(layout);
    this.layouts.delete(layout);
  }

  private releaseSlab(number: number): void {
    if (number === this.victim) this.victim = 0;
    this.slabs.release(number, 'free');
  }

  private tidy(written: number): void {
    if (this.outdated.size > 0 && !this.upgradesOnDemand) this.upgradeSome();
    this.clearWhereDue(written);
  }

  private clearWhereDue(written: number): void {
    const dead = this.slabs.clearableBytes;
    if (dead > LEAST_DEAD_BYTES && dead * DEAD_SHARE > this.slabs.usedBytes) {
      this.clear(Math.max(LEAST_CLEARING_BYTES, written * CLEARING_FACTOR));
    }
  }

  private clear(budget: number): void {
    let left = budget;
    while (left > 0) {
      if (this.victim === 0) {
        this.victim = this.slabs.deadest();
        this.victimCursor = 0;
      }
      const slab = this.slabs.list[this.victim];
      if (slab === undefined) return;
      if (slab.live === 0) {
        this.releaseSlab(this.victim);
        return;
      }
      left -= this.clearNext(slab);
    }
  }

  /** Moves the next record of the victim where it is live; gives what that cost. */
  private clearNext(slab: Slab): number {
    const at = this.victimCursor;
    if (at >= slab.used) throw new RangeError('a slab has more live bytes than records');
    const bytes = recordBytes(slab, at);
    this.victimCursor += sizeInSlab(bytes);
    const row = rowNumberAt(slab, at);
    const from = this.slabs.addressIn(this.victim, at);
    if (this.addresses.get(row) !== from) return LOOK_BYTES;
    const to = this.slabs.allocate(bytes);
    const target = slabOf(this.slabs.list, to);
    copyBytes(slab.view, at, at + bytes, target.view, offsetOf(to));
    this.addresses.set(row, to);
    this.slabs.retire(from, bytes);
    return bytes;
  }

  private upgradeSome(): void {
    for (let looked = 0, done = 0; looked < 64 && done < UPGRADES_PER_WRITE; looked++) {
      if (this.upgradeCursor >= this.highest) return;
      if (this.upgrade(++this.upgradeCursor)) done += 1;
    }
  }

  private upgrade(row: number): boolean {
    const address = this.addresses.get(row);
    const [slab, at] = this.recordOf(row);
    if (layoutAt(slab, at) === this.layout || isGraveAt(slab, at)) return false;
    const isCold = isColdAt(slab, at);
    // It stays of its layout until a snapshot has its body as it reads today.
    if (isCold && !this.upgradesOnDemand) return false;
    const content = { ...this.reader.whole(row), isGrave: false };
    if (isCold && this.reader.keepsJson(row)) this.writeCold(row, content, this.layout);
    else {
      this.write(row, content);
      this.bodies.forget(row);
    }
    this.retire(address);
    return true;
  }
}

function* numbersBetween(first: number, last: number): Generator<number, void, undefined> {
  for (let number = first; number <= last; number++) yield number;
}
