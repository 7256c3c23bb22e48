/** Where the entries of the log stand on disk: typed arrays in a ring, 20 bytes per entry. */
export class EntryIndex {
  #baseIndex = 0;
  #baseTerm = 0;
  #lastIndex = 0;
  /** A power of two: the slot of an entry is its index modulo this (32 bits are enough for that). */
  #capacity = 1024;
  #terms = new Float64Array(this.#capacity);
  #sequences = new Uint32Array(this.#capacity);
  #offsets = new Uint32Array(this.#capacity);
  #sizes = new Uint32Array(this.#capacity);
  /** Of those that change the membership, ascending; there are few. */
  #changes: number[] = [];

  /** The log starts behind this entry. */
  get baseIndex(): number {
    return this.#baseIndex;
  }

  get baseTerm(): number {
    return this.#baseTerm;
  }

  /** `baseIndex` where the log is empty. */
  get lastIndex(): number {
    return this.#lastIndex;
  }

  has(index: number): boolean {
    return index > this.#baseIndex && index <= this.#lastIndex;
  }

  /** `index` must be `lastIndex + 1`. */
  append(index: number, term: number, sequence: number, offset: number, bytes: number): void {
    if (index !== this.#lastIndex + 1) throw new RangeError(`entry ${index} leaves a gap`);
    if (index - this.#baseIndex > this.#capacity) this.#grow();
    const slot = index & (this.#capacity - 1);
    this.#terms[slot] = term;
    this.#sequences[slot] = sequence;
    this.#offsets[slot] = offset;
    this.#sizes[slot] = bytes;
    this.#lastIndex = index;
  }

  /** Drops the entry at `index` and all behind it. */
  truncateFrom(index: number): void {
    if (index <= this.#baseIndex) throw new RangeError(`entry ${index} was compacted`);
    this.#lastIndex = Math.min(this.#lastIndex, index - 1);
    while ((this.#changes.at(-1) ?? 0) >= index) this.#changes.pop();
  }

  /** Drops everything up to `index`, which becomes the base. */
  dropThrough(index: number): void {
    this.#baseTerm = this.term(index);
    this.#baseIndex = index;
    if (this.#changes.length > 0) this.#changes = this.#changes.filter((each) => each > index);
  }

  /** For a base whose term became known later than its index. */
  setBaseTerm(term: number): void {
    this.#baseTerm = term;
  }

  /** Drops everything; the log starts again behind `index`. */
  reset(index: number, term: number): void {
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#lastIndex = index;
    this.#changes = [];
  }

  /** Notes that the last entry changes the membership. */
  markChange(): void {
    this.#changes.push(this.#lastIndex);
  }

  /** Whether one of the entries `lo <= index < hi` changes the membership. */
  changesMembership(lo: number, hi: number): boolean {
    return this.#changes.some((index) => index >= lo && index < hi);
  }

  /** Term of an entry, or of the base. */
  term(index: number): number {
    if (index === this.#baseIndex) return this.#baseTerm;
    return this.#read(this.#terms, index);
  }

  /** Sequence number of the segment that holds the entry. */
  sequence(index: number): number {
    return this.#read(this.#sequences, index);
  }

  /** Offset of the entry's record in that segment. */
  offset(index: number): number {
    return this.#read(this.#offsets, index);
  }

  /** Size of the entry's payload. */
  bytes(index: number): number {
    return this.#read(this.#sizes, index);
  }

  #read(array: Float64Array | Uint32Array, index: number): number {
    const value = array[index & (this.#capacity - 1)];
    if (value === undefined || !this.has(index)) throw new RangeError(`no entry ${index}`);
    return value;
  }

  #grow(): void {
    const capacity = this.#capacity * 2;
    const terms = new Float64Array(capacity);
    const sequences = new Uint32Array(capacity);
    const offsets = new Uint32Array(capacity);
    const sizes = new Uint32Array(capacity);
    for (let index = this.#baseIndex + 1; index <= this.#lastIndex; index++) {
      const slot = index & (capacity - 1);
      terms[slot] = this.term(index);
      sequences[slot] = this.sequence(index);
      offsets[slot] = this.offset(index);
      sizes[slot] = this.bytes(index);
    }
    this.#capacity = capacity;
    this.#terms = terms;
    this.#sequences = sequences;
    this.#offsets = offsets;
    this.#sizes = sizes;
  }
}
