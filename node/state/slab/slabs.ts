/** Memory comes in slabs of this size; a record that is larger has one of its own. */
const SLAB_BYTES = 1 << 20;
const FIRST_SLAB_BYTES = 1 << 14;
/** Records begin at multiples of 8. */
const ALIGNMENT_SHIFT = 3;
const OFFSET_BITS = 20 - ALIGNMENT_SHIFT;
const OFFSET_MASK = (1 << OFFSET_BITS) - 1;
/** The highest bit of an address is not used: 16,384 slabs. */
const MAX_SLABS = 1 << (31 - OFFSET_BITS);
/** Slabs that are kept for the next use instead of being left to the garbage collector. */
const MAX_SPARE = 2;

/** A block of memory that is only appended to: what is written stays until the slab goes. */
export class Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly halves: Uint16Array;
  readonly words: Uint32Array;
  used = 0;
  /** Bytes of records that count. */
  live = 0;
  /** A frozen state has it: giving it back would free nothing. */
  isHeld = false;

  constructor(capacity: number) {
    const buffer = new ArrayBuffer(capacity);
    this.bytes = Buffer.from(buffer);
    this.view = new DataView(buffer);
    this.halves = new Uint16Array(buffer);
    this.words = new Uint32Array(buffer);
  }

  get capacity(): number {
    return this.bytes.length;
  }
}

/** The slab part of an address; slabs count from 1, so that no address is 0. */
export function slabOf(slabs: readonly (Slab | undefined)[], address: number): Slab {
  const slab = slabs[address >>> OFFSET_BITS];
  if (slab === undefined) throw new RangeError('an address points nowhere');
  return slab;
}

/** Where in its slab a record begins, in bytes. */
export function offsetOf(address: number): number {
  return (address & OFFSET_MASK) << ALIGNMENT_SHIFT;
}

/** What a record of a length takes. */
export function sizeInSlab(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** Records in slabs, appended in the order in which they come. */
export class Slabs {
  /** By number, from 1; owned here. */
  readonly list: (Slab | undefined)[] = [undefined];
  usedBytes = 0;
  liveBytes = 0;
  /** Of what does not count, what is in slabs that frozen states hold. */
  private heldDeadBytes = 0;
  private active = 0;
  private readonly freeNumbers: number[] = [];
  private readonly spare: Slab[] = [];
  /** Memory that is taken, whether there is a record in it or not. */
  get reservedBytes(): number {
    let sum = this.spare.length * SLAB_BYTES;
    for (const slab of this.list) sum += slab?.capacity ?? 0;
    return sum;
  }

  /**
   * Room for a record, at its address.
   *
   * @throws RangeError beyond 16 GiB
   */
  allocate(bytes: number): number {
    const size = sizeInSlab(bytes);
    let slab = this.list[this.active];
    if (slab === undefined || slab.used + size > slab.capacity) slab = this.begin(size);
    const address = (this.active << OFFSET_BITS) | (slab.used >>> ALIGNMENT_SHIFT);
    slab.used += size;
    slab.live += size;
    this.usedBytes += size;
    this.liveBytes += size;
    return address;
  }

  /** A record counts no more. True where its slab is to be given back with `release`. */
  retire(address: number, bytes: number): boolean {
    const size = sizeInSlab(bytes);
    const slab = slabOf(this.list, address);
    slab.live -= size;
    this.liveBytes -= size;
    if (slab.isHeld) this.heldDeadBytes += size;
    return slab.live === 0 && address >>> OFFSET_BITS !== this.active;
  }

  numberOf(address: number): number {
    return address >>> OFFSET_BITS;
  }

  addressIn(slab: number, offset: number): number {
    return (slab << OFFSET_BITS) | (offset >>> ALIGNMENT_SHIFT);
  }

  /** Bytes of what does not count and would be free if it were cleared away. */
  get clearableBytes(): number {
    return this.usedBytes - this.liveBytes - this.heldDeadBytes;
  }

  /** Gives a slab back whose records have all retired or moved. `left`: somebody may read it still. */
  release(number: number, use: 'free' | 'left'): void {
    const slab = this.list[number];
    if (slab === undefined) return;
    this.list[number] = undefined;
    this.freeNumbers.push(number);
    this.usedBytes -= slab.used;
    if (slab.isHeld) this.heldDeadBytes -= slab.used - slab.live;
    else if (use === 'free') this.keep(slab);
  }

  /** A frozen state has all slabs as they are now. */
  hold(): void {
    this.heldDeadBytes = this.usedBytes - this.liveBytes;
    for (const slab of this.list) if (slab !== undefined) slab.isHeld = true;
  }

  /** No frozen state has any. */
  unhold(): void {
    this.heldDeadBytes = 0;
    for (const slab of this.list) if (slab !== undefined) slab.isHeld = false;
  }

  /** The slab with the most bytes that do not count and can be cleared; 0 where there is none. */
  deadest(): number {
    let [best, most] = [0, 0];
    for (let number = 1; number < this.list.length; number++) {
      const slab = this.list[number];
      if (slab === undefined || slab.isHeld || number === this.active) continue;
      if (slab.used - slab.live <= most) continue;
      best = number;
      most = slab.used - slab.live;
    }
    return best;
  }

  private keep(slab: Slab): void {
    if (slab.capacity !== SLAB_BYTES || this.spare.length === MAX_SPARE) return;
    slab.used = 0;
    this.spare.push(slab);
  }

  /** A slab whose size follows what is there, so that small models take little. */
  private begin(size: number): Slab {
    const wanted = Math.min(SLAB_BYTES, Math.max(FIRST_SLAB_BYTES, this.usedBytes));
    const capacity = Math.max(size, 1 << (32 - Math.clz32(wanted - 1)));
    const slab = (capacity === SLAB_BYTES ? this.spare.pop() : undefined) ?? new Slab(capacity);
    const number = this.freeNumbers.pop() ?? this.list.length;
    if (number >= MAX_SLABS) throw new RangeError('the rows of a model take more than 16 GiB');
    this.list[number] = slab;
    this.active = number;
    return slab;
  }
}
