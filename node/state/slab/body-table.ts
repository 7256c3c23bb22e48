import { crc32 } from 'node:zlib';
import { PAGE_WORDS, PagedWords } from './paged-words.ts';

// Four words a row: where its JSON is in the file (low 32 bits; high 16 bits, the highest bit set
// where it is ASCII), its length, and its CRC-32. A length of 0: the file has none of the row.
const ROW_SHIFT = 2;
const ASCII = 0x80000000;
const HIGH_MASK = 0xffff;
const TWO_32 = 2 ** 32;
/** Rows that are read in the order of the file share reads of this size. */
export const WINDOW_BYTES = 64 * 1024;

/**
 * A file that holds bodies of rows: a snapshot. Positions count from its first chunk.
 */
export interface BodyFile {
  /** The state that the file holds. */
  readonly appliedIndex: number;
  /** Fills `target` from a position; returns the bytes read, fewer only at the end. */
  read(target: Uint8Array, position: number): number;
  /**
   * Has bytes brought into memory by who keeps the disk's pages, so that `read` need not wait for
   * the disk. No more than a hint: it never fails. The file is not closed until it resolves.
   */
  readAhead(position: number, bytes: number): Promise<void>;
  /** Hears of a body that is not what it was when it was written; what it throws ends the read. */
  damaged(position: number): never;
  close(): void;
}

/** Counts who reads a file, and closes it when nobody does. */
export class SharedFile {
  readonly file: BodyFile;
  private holders = 1;

  constructor(file: BodyFile) {
    this.file = file;
  }

  hold(): void {
    this.holders += 1;
  }

  drop(): void {
    this.holders -= 1;
    if (this.holders === 0) this.file.close();
  }
}

/** Where rows are that are to be read ahead. */
interface RowStretches {
  add(table: BodyTable, at: number, length: number): boolean;
}

/** Where the bodies of a model's rows are in one file. It is built once, then only read. */
export class BodyTable {
  private readonly words = new PagedWords();
  private shared: SharedFile | null = null;
  private readonly window = Buffer.alloc(WINDOW_BYTES);
  private windowAt = 0;
  private windowBytes = 0;
  private lastEnd = Number.NEGATIVE_INFINITY;
  /** Reads of the file, so far. */
  fileReads = 0;

  /** Memory that it takes. */
  get bytes(): number {
    return this.words.pages.length * PAGE_WORDS * 4 + WINDOW_BYTES;
  }

  /** Notes where the body of a row is in the file to come. */
  place(row: number, at: number, json: Uint8Array, isAscii: boolean): void {
    const word = row << ROW_SHIFT;
    this.words.set(word, at % TWO_32);
    this.words.set(word + 1, (Math.floor(at / TWO_32) & HIGH_MASK) | (isAscii ? ASCII : 0));
    this.words.set(word + 2, json.length);
    this.words.set(word + 3, crc32(json));
  }

  /** Where that file is; it is held until `drop`. */
  attach(shared: SharedFile): void {
    shared.hold();
    this.shared = shared;
  }

  get isAttached(): boolean {
    return this.shared !== null;
  }

  hold(): void {
    this.shared?.hold();
  }

  drop(): void {
    this.shared?.drop();
  }

  has(row: number): boolean {
    return this.words.get((row << ROW_SHIFT) + 2) !== 0;
  }

  lengthOf(row: number): number {
    return this.words.get((row << ROW_SHIFT) + 2);
  }

  /** Whether each character of the body of a row takes one byte. */
  isAscii(row: number): boolean {
    return (this.words.get((row << ROW_SHIFT) + 1) & ASCII) !== 0;
  }

  /** The body of a row; what the file throws where it is damaged. */
  read(row: number): string {
    const word = row << ROW_SHIFT;
    const at = this.positionOf(row);
    const length = this.words.get(word + 2);
    const bytes = this.bytesAt(at, length);
    const file = this.shared?.file;
    if (file === undefined || length === 0) throw new RangeError(`row ${row} has no body`);
    if (bytes.length !== length || crc32(bytes) !== this.words.get(word + 3)) file.damaged(at);
    return bytes.toString(this.isAscii(row) ? 'latin1' : 'utf8');
  }

  /** Has the body of a row brought into memory beside the event loop; null where it is at hand. */
  readAhead(row: number): Promise<void> | null {
    const { shared } = this;
    const [at, length] = [this.positionOf(row), this.lengthOf(row)];
    if (shared === null || length === 0 || this.isInWindow(at, length)) return null;
    shared.hold();
    return shared.file.readAhead(at, length).finally(() => shared.drop());
  }

  /** Adds where the body of a row is, unless it is at hand; false where there are enough of them. */
  addTo(stretches: RowStretches, row: number): boolean {
    const [at, length] = [this.positionOf(row), this.lengthOf(row)];
    if (length === 0 || this.isInWindow(at, length)) return true;
    return stretches.add(this, at, length);
  }

  /** Has bytes of the file, which must be held, brought into memory beside the event loop. */
  readStretch(at: number, bytes: number): Promise<void> {
    return this.shared?.file.readAhead(at, bytes) ?? Promise.resolve();
  }

  private positionOf(row: number): number {
    const word = row << ROW_SHIFT;
    return this.words.get(word) + (this.words.get(word + 1) & HIGH_MASK) * TWO_32;
  }

  private isInWindow(at: number, length: number): boolean {
    return at >= this.windowAt && at + length <= this.windowAt + this.windowBytes;
  }

  private bytesAt(at: number, length: number): Buffer {
    const follows = at >= this.lastEnd && at - this.lastEnd < WINDOW_BYTES;
    this.lastEnd = at + length;
    if (!this.isInWindow(at, length)) {
      if (length > WINDOW_BYTES) return this.readExactly(at, length);
      this.fillWindow(at, follows ? WINDOW_BYTES : length);
    }
    const start = at - this.windowAt;
    return this.window.subarray(start, Math.min(start + length, this.windowBytes));
  }

  private fillWindow(at: number, bytes: number): void {
    this.fileReads += 1;
    this.windowAt = at;
    this.windowBytes = this.shared?.file.read(this.window.subarray(0, bytes), at) ?? 0;
  }

  private readExactly(at: number, length: number): Buffer {
    this.fileReads += 1;
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, this.shared?.file.read(bytes, at) ?? 0);
  }
}
