import type { Probe } from './probe.ts';

// Extendible hashing (Fagin, Nievergelt, Pippenger, Strong, "Extendible hashing - a fast access
// method for dynamic files", TODS 4(3), 1979): the first bits of a hash choose a bucket through a
// directory, and a full bucket splits in two by one bit more. So growth is paid for one bucket at a
// time, and the table is never built anew. Within a bucket: open addressing, linear probing, from
// the place that the last bits choose. Before it splits, a bucket grows in small steps: hashes are
// even, so all buckets are about equally full, and otherwise all would be half empty at times.

const FIRST_SLOTS = 32;
/** A bucket that has so many slots and is full splits into two of little more than half the size. */
const SPLIT_SLOTS = 1024;
const STEP_SLOTS = 128;
const MAX_DEPTH = 20;
/** A bucket is full when so many of sixteen slots are taken. */
const FULL_SIXTEENTHS = 14;
const HOME_BITS = 12;
const HOME_MASK = (1 << HOME_BITS) - 1;

class Bucket {
  /** Pairs of a hash and a row number; 0 as a row: a free slot. */
  words: Uint32Array;
  count = 0;
  /** Bits of the hash that all its rows share. */
  readonly depth: number;

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
    const { words, slots } = this;
    let slot = homeOf(hash, slots);
    while (words[slot * 2 + 1] !== 0) slot = slot + 1 === slots ? 0 : slot + 1;
    words[slot * 2] = hash;
    words[slot * 2 + 1] = row;
    this.count += 1;
  }

  /** The slot of a row; -1 where it is not here. */
  slotOf(hash: number, row: number): number {
    const { words, slots } = this;
    let slot = homeOf(hash, slots);
    while (words[slot * 2 + 1] !== 0) {
      if (words[slot * 2 + 1] === row) return slot;
      slot = slot + 1 === slots ? 0 : slot + 1;
    }
    return -1;
  }

  /** Empties a slot and closes the gap, so that no probe ends too early. */
  clear(at: number): void {
    const { words, slots } = this;
    let gap = at;
    let slot = (gap + 1) % slots;
    for (; words[slot * 2 + 1] !== 0; slot = (slot + 1) % slots) {
      const home = homeOf(words[slot * 2] ?? 0, slots);
      if ((slot - home + slots) % slots < (slot - gap + slots) % slots) continue;
      words[gap * 2] = words[slot * 2] ?? 0;
      words[gap * 2 + 1] = words[slot * 2 + 1] ?? 0;
      gap = slot;
    }
    words[gap * 2 + 1] = 0;
    this.count -= 1;
  }

  /** The same with more slots. */
  stretch(slots: number): void {
    const { words } = this;
    this.words = new Uint32Array(slots * 2);
    this.count = 0;
    for (let at = 0; at < words.length; at += 2) {
      const row = words[at + 1] ?? 0;
      if (row !== 0) this.put(words[at] ?? 0, row);
    }
  }
}

/** Where a hash is looked for first. */
function homeOf(hash: number, slots: number): number {
  return slots > HOME_MASK ? hash % slots : ((hash & HOME_MASK) * slots) >>> HOME_BITS;
}

/** Knows the texts of rows. */
export interface TextSource {
  equals(row: number, position: number, probe: Probe): boolean;
}

/** Row numbers by the text at one position, which each row has for itself. */
export class RowHash {
  private readonly rows: TextSource;
  private position: number;
  private directory: Bucket[] = [new Bucket(FIRST_SLOTS, 0)];
  private depth = 0;
  private words = FIRST_SLOTS * 2;

  constructor(rows: TextSource, position: number) {
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
    const slots = words.length >>> 1;
    for (let slot = homeOf(hash, slots); ; slot = slot + 1 === slots ? 0 : slot + 1) {
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
    const { slots, depth } = bucket;
    if (slots >= SPLIT_SLOTS && depth < MAX_DEPTH) return this.split(bucket, hash);
    const more = depth >= MAX_DEPTH ? slots : Math.min(slots, STEP_SLOTS);
    bucket.stretch(slots + more);
    this.words += more * 2;
  }

  private split(bucket: Bucket, hash: number): void {
    if (bucket.depth === this.depth) this.doubleDirectory();
    const depth = bucket.depth + 1;
    const slots = bucket.slots / 2 + STEP_SLOTS;
    const halves = [new Bucket(slots, depth), new Bucket(slots, depth)] as const;
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
    this.words += slots * 4 - bucket.words.length;
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
