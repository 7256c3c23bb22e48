import { EntryError } from './errors.ts';
import type { TextMemo } from './text-memo.ts';

const MAX_HIGH = 2 ** 53 / 2 ** 28;

/**
 * Reads what `ByteWriter` wrote. Every length is checked against what is left before it is used.
 * Texts come out flat, and as one byte per unit where they are ASCII or Latin-1.
 *
 * @throws EntryError `malformed_entry` from every method
 */
export class ByteReader {
  private readonly buffer: Buffer;
  private at = 0;

  constructor(data: Uint8Array) {
    this.buffer = Buffer.isBuffer(data)
      ? data
      : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  }

  get remaining(): number {
    return this.buffer.length - this.at;
  }

  byte(): number {
    const value = this.buffer[this.at];
    if (value === undefined) throw truncated();
    this.at += 1;
    return value;
  }

  varint(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let low = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low;
    }
    return low + this.highBits() * 2 ** 28;
  }

  private highBits(): number {
    let high = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      high |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if (high >= MAX_HIGH) break;
      return high;
    }
    throw new EntryError('malformed_entry', 'a number is beyond 2^53');
  }

  uint32(): number {
    if (this.remaining < 4) throw truncated();
    this.at += 4;
    return this.buffer.readUInt32LE(this.at - 4);
  }

  /** A view of the bytes that come next. */
  bytes(length: number): Buffer {
    if (length > this.remaining) throw truncated();
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }

  text(): string {
    const head = this.varint();
    const ascii = head % 2 === 0;
    const bytes = ascii ? head / 2 : (head - 1) / 2;
    if (bytes > this.remaining) throw truncated();
    const start = this.at;
    this.at += bytes;
    return this.buffer.toString(ascii ? 'latin1' : 'utf8', start, this.at);
  }

  /** A text that is likely to be one of those that were read with the same memo before. */
  frequentText(memo: TextMemo): string {
    const start = this.at;
    const known = memo.find(this.buffer, start);
    if (known !== null) {
      this.at = start + known.length;
      return known.text;
    }
    const text = this.text();
    memo.keep(this.buffer, start, this.at, text);
    return text;
  }

  /** What `ByteWriter.json` wrote. */
  json(): string {
    return this.text();
  }

  /**
   * The number of items that follow.
   *
   * @param leastBytes what one of them takes at least, so that a wrong count cannot ask for memory
   */
  count(leastBytes: number): number {
    const count = this.varint();
    if (count * leastBytes > this.remaining) throw truncated();
    return count;
  }

  /** @throws EntryError where something is left */
  end(): void {
    if (this.remaining > 0) throw new EntryError('malformed_entry', 'bytes are left at the end');
  }
}

function truncated(): EntryError {
  return new EntryError('malformed_entry', 'the data ends before what it announces');
}
