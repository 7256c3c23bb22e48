import type { Probe } from './probe.ts';
import type { RowReader } from './row-reader.ts';

// Extendible hashing (Fagin, Nievergelt, Pippenger, Strong, "Extendible hashing - a fast access
// method for dynamic files", TODS 4(3), 1979): the first bits of a hash choose a bucket through a
// directory, and a full bucket splits in two by one bit more. So growth is paid for one bucket at a
// time, and the table is never built anew. Within a bucket: open addressing, linear probing.

const FIRST_SLOTS = 32;
const BUCKET_SLOTS = 1024;
const MAX_DEPTH = 20;
/** A bucket is full when so many of sixteen slots are taken. */
const FULL_SIXTEENTHS = 14;

class Bucket {
  /** Pairs of a hash and a row number; 0 as a row: a free slot. */
  words: Uint32Array;
  count = 0;
  /** Bits of the hash that all its rows share. */
  depth: number;

  constructor(slots: number, depth: number) {
    this.words = new Uint32Array(slots * 2);
    this.depth = depth;
  }

  get slots(): number {
    return this.words.length >>> 1;
  }

  get isFull(): boolean {
    return this.count * 16 >= this.slots * FULL_SIXTEENTHS;
  }

  put(hash: number, row: number): void {
    const { words } = this;
    const mask = this.slots - 1;
    let slot = hash & mask;
    while (words[slot * 2 + 1] !== 0) slot = (slot + 1) & mask;
    words[slot * 2] = hash;
    words[slot * 2 + 1] = row;
    this.count += 1;
  }

  /** The slot of a row; -1 where it is not here. */
  slotOf(hash: number, row: number): number {
    const { words } = this;
    const mask = this.slots - 1;
    for (let slot = hash & mask; words[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
      if (words[slot * 2 + 1] === row) return slot;
    }
    return -1;
  }

  /** Empties a slot and closes the gap, so that no probe ends too early. */
  clear(at: number): void {
    const { words } = this;
    const mask = this.slots - 1;
    let gap = at;
    for (let slot = (gap + 1) & mask; words[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
      const home = (words[slot * 2] ?? 0) & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      words[gap * 2] = words[slot * 2] ?? 0;
      words[gap * 2 + 1] = words[slot * 2 + 1] ?? 0;
      gap = slot;
    }
    words[gap * 2 + 1] = 0;
    this.count -= 1;
  }
}

/** Row numbers by the text at one position, which each row has for itself. */
export class RowHash {
  private readonly rows: RowReader;
  private position: number;
  private directory: Bucket[] = [new Bucket(FIRST_SLOTS, 0)];
  private depth = 0;
  private words = FIRST_SLOTS * 2;

  constructor(rows: RowReader, position: number) {
    this.rows = rows;
    this.position = position;
  }

  get bytes(): number {
    return this.words * 4 + this.directory.length * 8;
  }

  /** The texts that it is by have another position from now on. */
  moveTo(position: number): void {
    this.position = position;
  }

  /** The row with a text; 0 for none. */
  find(probe: Probe): number {
    const { hash } = probe;
    const { words } = this.bucketOf(hash);
    const mask = (words.length >>> 1) - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = words[slot * 2 + 1] ?? 0;
      if (row === 0) return 0;
      if (words[slot * 2] === hash && this.rows.equals(row, this.position, probe)) return row;
    }
  }

  /** Adds a row whose text no other row has. */
  insert(row: number, hash: number): void {
    let bucket = this.bucketOf(hash);
    while (bucket.isFull) {
      this.enlarge(bucket, hash);
      bucket = this.bucketOf(hash);
    }
    bucket.put(hash, row);
  }

  /** @throws RangeError where it is not there */
  delete(row: number, hash: number): void {
    const bucket = this.bucketOf(hash);
    const slot = bucket.slotOf(hash, row);
    if (slot === -1) throw new RangeError('a row is not where its key says');
    bucket.clear(slot);
  }

  private bucketOf(hash: number): Bucket {
    const bucket = this.directory[(hash >>> 1) >>> (31 - this.depth)];
    if (bucket === undefined) throw new RangeError('a directory has no such bucket');
    return bucket;
  }

  private enlarge(bucket: Bucket, hash: number): void {
    const canSplit = bucket.slots >= BUCKET_SLOTS && bucket.depth < MAX_DEPTH;
    if (canSplit) this.split(bucket, hash);
    else this.stretch(bucket);
  }

  private stretch(bucket: Bucket): void {
    const { words, slots } = bucket;
    bucket.words = new Uint32Array(slots * 4);
    bucket.count = 0;
    this.words += slots * 2;
    for (let at = 0; at < words.length; at += 2) {
      const row = words[at + 1] ?? 0;
      if (row !== 0) bucket.put(words[at] ?? 0, row);
    }
  }

  private split(bucket: Bucket, hash: number): void {
    if (bucket.depth === this.depth) this.doubleDirectory();
    const depth = bucket.depth + 1;
    const halves = [new Bucket(bucket.slots, depth), new Bucket(bucket.slots, depth)] as const;
    const { words } = bucket;
    for (let at = 0; at < words.length; at += 2) {
      const row = words[at + 1] ?? 0;
      const each = words[at] ?? 0;
      if (row !== 0) halves[bitAt(each, depth)].put(each, row);
    }
    const span = 1 << (this.depth - depth);
    const first = ((hash >>> 1) >>> (31 - bucket.depth)) * span * 2;
    this.directory.fill(halves[0], first, first + span);
    this.directory.fill(halves[1], first + span, first + span * 2);
    this.words += bucket.words.length;
  }

  private doubleDirectory(): void {
    this.directory = this.directory.flatMap((bucket) => [bucket, bucket]);
    this.depth += 1;
  }
}

/** Bit `depth` of a hash, counted from 1 at the highest. */
function bitAt(hash: number, depth: number): 0 | 1 {
  return ((hash >>> (32 - depth)) & 1) === 0 ? 0 : 1;
}
