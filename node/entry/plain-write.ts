import { METHODS } from './parts.ts';
import { TextMemo } from './text-memo.ts';

/** An entry of kind `write` that needs nothing later than this. */
const APPLY_VERSION = 1;
const WRITE_KIND = 0;
const CREATED = 0;
const UPDATED = 1;
/** Version and kind, and the length of the whole behind them. */
const HEAD_BYTES = 6;
/** Numbers of more bytes are left to who reads everything. */
const MAX_VARINT_BYTES = 7;
/** The bits of four bytes of which ASCII has none. */
const BEYOND_ASCII = 0x80808080;

/** Owned by {@link PlainWrite}. */
const models = new TextMemo();

/**
 * The most frequent entry, read where it lies: one row is set, all texts are ASCII, and nothing
 * else is there. Used again and again; positions are those of the bytes that were last read.
 */
export class PlainWrite {
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = viewOf(this.bytes);
  timestampMs = 0;
  schemaVersion = 0;
  model = '';
  isCreation = false;
  expectedVersion = 0;
  idStart = 0;
  idEnd = 0;
  jsonStart = 0;
  jsonEnd = 0;
  keyCount = 0;
  readonly keyStarts: number[] = [];
  readonly keyEnds: number[] = [];
  private at = 0;
  private end = 0;
  private textStart = 0;

  /**
   * Reads `bytes[start, end)`. False where they are anything but a whole entry of that form, also
   * one that is not sound: that is for `decodeEntry` to say.
   */
  read(bytes: Buffer, start: number, end: number): boolean {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = viewOf(bytes);
    }
    this.at = start;
    this.end = end;
    return this.readHead(end - start) && this.readWrite() && this.readChange() && this.at === end;
  }

  private readHead(length: number): boolean {
    const { bytes, at } = this;
    if (length < HEAD_BYTES || bytes[at] !== APPLY_VERSION || bytes[at + 1] !== WRITE_KIND) {
      return false;
    }
    this.at += HEAD_BYTES;
    const low = (bytes[at + 2] ?? 0) | ((bytes[at + 3] ?? 0) << 8) | ((bytes[at + 4] ?? 0) << 16);
    return low + (bytes[at + 5] ?? 0) * 0x1000000 === length;
  }

  private readWrite(): boolean {
    if (this.varint() < 0) return false;
    this.timestampMs = this.varint();
    this.schemaVersion = this.varint();
    if (this.timestampMs < 0 || this.schemaVersion < 0 || !this.skipText()) return false;
    const method = this.byte();
    const isRepeatable = this.byte() !== 0;
    return method >= 0 && method < METHODS.length && !isRepeatable && this.byte() === 1;
  }

  private readChange(): boolean {
    const effect = this.byte();
    if (effect !== CREATED && effect !== UPDATED) return false;
    this.isCreation = effect === CREATED;
    if (!this.readModel() || !this.asciiText()) return false;
    this.idStart = this.textStart;
    this.idEnd = this.at;
    this.expectedVersion = this.varint();
    if (this.expectedVersion < 0 || !this.asciiText()) return false;
    this.jsonStart = this.textStart;
    this.jsonEnd = this.at;
    return this.readKeys();
  }

  private readModel(): boolean {
    const { bytes, at } = this;
    const known = models.find(bytes, at);
    if (known !== null) {
      this.at += known.length;
      this.model = known.text;
      return this.at <= this.end;
    }
    if (!this.asciiText()) return false;
    this.model = bytes.toString('latin1', this.textStart, this.at);
    models.keep(bytes, at, this.at, this.model);
    return true;
  }

  private readKeys(): boolean {
    const count = this.varint();
    if (count < 0 || count > this.end - this.at) return false;
    this.keyCount = count;
    for (let key = 0; key < count; key++) {
      if (!this.asciiText()) return false;
      this.keyStarts[key] = this.textStart;
      this.keyEnds[key] = this.at;
    }
    return true;
  }

  /** -1 at the end. */
  private byte(): number {
    return this.at < this.end ? (this.bytes[this.at++] ?? -1) : -1;
  }

  /** -1 where there is none, or a large one. */
  private varint(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let factor = 0x80;
    for (let read = 1; read < MAX_VARINT_BYTES; read++) {
      const byte = this.byte();
      if (byte < 0) return -1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    return -1;
  }

  /** Moves over a text, whatever is in it. */
  private skipText(): boolean {
    const head = this.varint();
    if (head < 0) return false;
    this.textStart = this.at;
    this.at += head >= 2 ** 31 ? Math.floor(head / 2) : head >>> 1;
    return this.at <= this.end;
  }

  /** Moves over a text that says that it is ASCII, and is. */
  private asciiText(): boolean {
    if (((this.bytes[this.at] ?? 1) & 1) !== 0 || !this.skipText()) return false;
    const { view, at: end } = this;
    let all = 0;
    let at = this.textStart;
    for (const last = end - 4; at <= last; at += 4) all |= view.getInt32(at);
    for (; at < end; at++) all |= view.getUint8(at);
    return (all & BEYOND_ASCII) === 0;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
