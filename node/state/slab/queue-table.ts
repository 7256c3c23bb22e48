import type { KeyedHash } from './keyed-hash.ts';
import { equalsProbe, Probe } from './probe.ts';
import { RowHash } from './row-hash.ts';
import { offsetOf, type Slab, Slabs, sizeInSlab, slabOf } from './slabs.ts';

// A record in a slab is, in the machine's byte order:
//
//   0  u32  length of the record
//   4  u32  length of the key
//   8  f64  log time, epoch milliseconds
//  16       key in UTF-8, then the value
const HEAD = 16;

/** A record as it lies in memory; the bytes must not be changed. */
export interface QueuedRecord {
  readonly key: string;
  readonly timeMs: number;
  readonly value: Buffer;
}

/** Records by key, oldest first out: nothing is ever moved, and slabs go when they are empty. */
export class QueueTable {
  private readonly slabs = new Slabs();
  private readonly table: RowHash;
  private readonly probe: Probe;
  /** Numbers of the slabs in the order in which they were begun; records lie in that order. */
  private readonly begun: number[] = [];
  /** Where the oldest record begins in the first slab. */
  private head = 0;
  private count = 0;

  constructor(hasher: KeyedHash) {
    this.probe = new Probe(hasher);
    this.table = new RowHash(this, 0);
  }

  get size(): number {
    return this.count;
  }

  get bytes(): number {
    return this.slabs.reservedBytes + this.table.bytes;
  }

  find(key: string): QueuedRecord | undefined {
    const address = this.table.find(this.probe.set(key));
    if (address === 0) return undefined;
    return recordAt(slabOf(this.slabs.list, address), offsetOf(address));
  }

  /** Adds a record whose key is not in the table. */
  add(key: string, timeMs: number, value: Uint8Array): void {
    const probe = this.probe.set(key);
    const bytes = HEAD + probe.length + value.length;
    const address = this.slabs.allocate(bytes);
    const number = this.slabs.numberOf(address);
    if (this.begun.at(-1) !== number) {
      this.begun.push(number);
      this.leaveFirst();
    }
    const slab = slabOf(this.slabs.list, address);
    const at = offsetOf(address);
    slab.words[at >>> 2] = bytes;
    slab.words[(at >>> 2) + 1] = probe.length;
    slab.bytes.writeDoubleLE(timeMs, at + 8);
    probe.bytes.copy(slab.bytes, at + HEAD, 0, probe.length);
    slab.bytes.set(value, at + HEAD + probe.length);
    this.table.insert(address, probe.hash);
    this.count += 1;
  }

  /** Log time of the oldest record; undefined where there is none. */
  oldestMs(): number | undefined {
    if (this.count === 0) return undefined;
    return this.first().bytes.readDoubleLE(this.head + 8);
  }

  /** Forgets the oldest record, which there must be. */
  dropOldest(): void {
    const number = this.begun[0] ?? 0;
    const slab = this.first();
    const bytes = slab.words[this.head >>> 2] ?? 0;
    const length = slab.words[(this.head >>> 2) + 1] ?? 0;
    const address = this.slabs.addressIn(number, this.head);
    this.table.delete(address, this.probe.setBytes(slab.view, this.head + HEAD, length).hash);
    this.count -= 1;
    this.head += sizeInSlab(bytes);
    this.slabs.retire(address, bytes);
    this.leaveFirst();
  }

  /** The records as they are now, oldest first; to be read once. */
  freeze(): Iterable<QueuedRecord> {
    const slabs = this.begun.map((number) => this.slabs.list[number]);
    return walk(slabs, this.head, this.count);
  }

  /** For the table, whose rows are addresses here. */
  equals(address: number, _position: number, probe: Probe): boolean {
    const slab = slabOf(this.slabs.list, address);
    const at = offsetOf(address);
    return equalsProbe(slab.view, at + HEAD, slab.words[(at >>> 2) + 1] ?? 0, probe);
  }

  /** The first slab goes when nothing in it is left and there is another one. */
  private leaveFirst(): void {
    const [number] = this.begun;
    if (number === undefined || this.begun.length === 1 || this.head < this.first().used) return;
    this.begun.shift();
    this.head = 0;
    this.slabs.release(number, 'left');
  }

  private first(): Slab {
    const slab = this.slabs.list[this.begun[0] ?? 0];
    if (slab === undefined) throw new RangeError('a queue has no first slab');
    return slab;
  }
}

function* walk(
  slabs: readonly (Slab | undefined)[],
  head: number,
  count: number,
): Generator<QueuedRecord, void, undefined> {
  let [at, left] = [head, count];
  for (const slab of slabs) {
    if (slab === undefined) continue;
    for (; left > 0 && at < slab.used; left--) {
      yield recordAt(slab, at);
      at += sizeInSlab(slab.words[at >>> 2] ?? 0);
    }
    at = 0;
  }
}

function recordAt(slab: Slab, at: number): QueuedRecord {
  const { bytes, words } = slab;
  const valueAt = at + HEAD + (words[(at >>> 2) + 1] ?? 0);
  return {
    key: bytes.toString('utf8', at + HEAD, valueAt),
    timeMs: bytes.readDoubleLE(at + 8),
    value: bytes.subarray(valueAt, at + (words[at >>> 2] ?? 0)),
  };
}
