import { BodyCache } from './body-cache.ts';
import type { BodyTable } from './body-table.ts';
import type { Stretches } from './stretches.ts';

/**
 * Bodies of rows that are not in memory. While rows go over from one file to the next, those up to
 * the cursor are in the next one.
 */
export class ColdBodies {
  private current: BodyTable | null = null;
  private next: BodyTable | null = null;
  private cursor = 0;
  private readonly cache: BodyCache;
  private pastReads = 0;

  constructor(cacheBytes: number) {
    this.cache = new BodyCache(cacheBytes);
  }

  get tableBytes(): number {
    return (this.current?.bytes ?? 0) + (this.next?.bytes ?? 0) + this.cache.tableBytes;
  }

  get cacheBytes(): number {
    return this.cache.bytes;
  }

  /** Reads of files, so far. */
  get fileReads(): number {
    return this.pastReads + (this.current?.fileReads ?? 0) + (this.next?.fileReads ?? 0);
  }

  limitCache(bytes: number): void {
    this.cache.limitTo(bytes);
  }

  /** Whether rows are going over to a next file. */
  get isMoving(): boolean {
    return this.next !== null;
  }

  /** The first file, for rows that are loaded from it. */
  begin(table: BodyTable): void {
    this.current = table;
  }

  /** Rows begin to go over; `passed` says how far they are. */
  move(next: BodyTable): void {
    this.next = next;
    this.cursor = 0;
  }

  /** The next file has the bodies of rows up to this one. */
  passed(row: number): void {
    this.cursor = row;
  }

  /** Whether the file that rows go over to has a body of a row. */
  isInNext(row: number): boolean {
    return this.next?.has(row) === true;
  }

  /** All rows are over. */
  finish(): void {
    this.pastReads += this.current?.fileReads ?? 0;
    this.current?.drop();
    this.current = this.next;
    this.next = null;
    this.cursor = 0;
  }

  read(row: number): string {
    const cached = this.cache.get(row);
    if (cached !== undefined) return cached;
    const table = this.tableOf(row);
    const json = table.read(row);
    this.cache.set(row, json, table.isAscii(row) ? json.length : json.length * 2);
    return json;
  }

  /** Has the body of a row brought into memory beside the event loop; null where it is there. */
  readAhead(row: number): Promise<void> | null {
    return this.cache.has(row) ? null : this.tableOf(row).readAhead(row);
  }

  /** Adds where the body of a row is, unless it is at hand; false where there are enough of them. */
  addTo(stretches: Stretches, row: number): boolean {
    return this.cache.has(row) || this.tableOf(row).addTo(stretches, row);
  }

  /** What was read of a row is not what it is any more. */
  forget(row: number): void {
    this.cache.delete(row);
  }

  /** The same as it is now, without a cache: for a frozen state. `drop` gives the files back. */
  freeze(): ColdBodies {
    const frozen = new ColdBodies(0);
    frozen.current = this.current;
    frozen.next = this.next;
    frozen.cursor = this.cursor;
    frozen.current?.hold();
    frozen.next?.hold();
    return frozen;
  }

  drop(): void {
    this.current?.drop();
    this.next?.drop();
  }

  private tableOf(row: number): BodyTable {
    const table = this.next !== null && row <= this.cursor ? this.next : this.current;
    if (table === null) throw new RangeError(`there is no file with the body of row ${row}`);
    return table;
  }
}
