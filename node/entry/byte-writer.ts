const INITIAL_BYTES = 4096;
/** A buffer that a rare large entry made grow beyond this is given back afterwards. */
const MAX_KEPT_BYTES = 1 << 20;
const MAX_VARINT_BYTES = 8;
/** UTF-8 of one unit of a text. */
const MAX_BYTES_PER_UNIT = 3;
/** Texts up to this length are copied unit by unit: a call into the runtime costs more. */
const SHORT_TEXT = 40;

/** Writes varints and texts into one growing buffer, which is used again after `take`. */
export class ByteWriter {
  private buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  private at = 0;

  get length(): number {
    return this.at;
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.at++] = value;
  }

  /** LEB128 of a safe, non-negative integer. */
  varint(value: number): void {
    this.reserve(MAX_VARINT_BYTES);
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.at++] = (rest % 0x80) | 0x80;
      rest = rest < 0x80000000 ? rest >>> 7 : Math.floor(rest / 0x80);
    }
    this.buffer[this.at++] = rest;
  }

  /** Keeps four bytes for a length that is known later; gives their position. */
  reserveUint32(): number {
    this.reserve(4);
    this.at += 4;
    return this.at - 4;
  }

  setUint32(position: number, value: number): void {
    this.buffer.writeUInt32LE(value, position);
  }

  /**
   * A text: a varint of its length in bytes, doubled, plus 1 where it is not plain ASCII; then
   * UTF-8. ASCII is told apart because it is read back without decoding.
   */
  text(value: string): void {
    const { length } = value;
    if (length <= SHORT_TEXT && this.shortAscii(value)) return;
    // Written as if it were ASCII, which it is when it comes to as many bytes: a second look at the
    // text, for its length, would cost more.
    this.reserve(MAX_VARINT_BYTES * 2 + length * MAX_BYTES_PER_UNIT);
    const start = this.at;
    this.varint(length * 2);
    const written = this.at;
    const bytes = this.buffer.write(value, written, 'utf8');
    if (bytes !== length) {
      this.at = start;
      this.varint(bytes * 2 + 1);
      // The longer length may have run into the text.
      if (this.at !== written) this.buffer.write(value, this.at, 'utf8');
    }
    this.at += bytes;
  }

  /** A row's JSON; other writers have a shorter form for it. */
  json(value: string): void {
    this.text(value);
  }

  /** Bytes as they are. */
  bytes(source: Buffer, start: number, end: number): void {
    this.reserve(end - start);
    source.copy(this.buffer, this.at, start, end);
    this.at += end - start;
  }

  /** The bytes of a text alone; `bytes` is their number. */
  protected raw(value: string, bytes: number): void {
    this.reserve(bytes);
    this.at += this.buffer.write(value, this.at, bytes === value.length ? 'latin1' : 'utf8');
  }

  private shortAscii(value: string): boolean {
    const { length } = value;
    this.reserve(length + 1);
    const { buffer } = this;
    const start = this.at + 1;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      buffer[start + i] = code;
    }
    buffer[this.at] = length * 2;
    this.at = start + length;
    return true;
  }

  /** A copy of what was written; the writer is empty again. */
  take(): Uint8Array {
    const copy = Buffer.from(this.buffer.subarray(0, this.at));
    this.at = 0;
    if (this.buffer.length > MAX_KEPT_BYTES) this.buffer = Buffer.allocUnsafe(INITIAL_BYTES);
    return copy;
  }

  /** What was written, until something is written again; the writer is empty. */
  view(): Uint8Array {
    const { buffer, byteOffset } = this.buffer;
    const written = new Uint8Array(buffer, byteOffset, this.at);
    this.at = 0;
    return written;
  }

  /** Forgets what was written. */
  reset(): void {
    this.at = 0;
  }

  private reserve(bytes: number): void {
    const needed = this.at + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.at);
    this.buffer = grown;
  }
}
