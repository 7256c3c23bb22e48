import { copyBytes } from './copy-bytes.ts';
import type { KeyedHash } from './keyed-hash.ts';

const INITIAL_BYTES = 64;
/** Texts up to this length are encoded unit by unit: a call into the runtime costs more. */
const SHORT_TEXT = 48;

/** A text to search for, as the bytes that rows hold it in. Used again and again. */
export class Probe {
  bytes: Buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  length = 0;
  hash = 0;
  /** Null until somebody asks: probes of the ends of a range are made for each query. */
  private words: DataView | null = null;
  private text: string | null = null;
  private readonly hasher: KeyedHash | null;

  /** @param hasher null for a probe of trees alone, whose `hash` means nothing */
  constructor(hasher: KeyedHash | null) {
    this.hasher = hasher;
  }

  get view(): DataView {
    this.words ??= viewOf(this.bytes);
    return this.words;
  }

  /** Takes a text in. The one that it has already costs nothing. */
  set(text: string): this {
    if (text === this.text) return this;
    this.text = text;
    if (!this.setShortAscii(text)) {
      this.length = Buffer.byteLength(text);
      this.reserve(this.length);
      this.bytes.write(text, 0, 'utf8');
    }
    if (this.hasher !== null) this.hash = this.hasher.of(this.view, this.length);
    return this;
  }

  /** Takes a text in as bytes. */
  setBytes(from: DataView, start: number, length: number): this {
    this.text = null;
    this.length = length;
    this.reserve(length);
    copyBytes(from, start, start + length, this.view, 0);
    if (this.hasher !== null) this.hash = this.hasher.of(this.view, length);
    return this;
  }

  private setShortAscii(text: string): boolean {
    const { length } = text;
    if (length > SHORT_TEXT) return false;
    const { bytes } = this;
    for (let at = 0; at < length; at++) {
      const code = text.charCodeAt(at);
      if (code >= 0x80) return false;
      bytes[at] = code;
    }
    this.length = length;
    return true;
  }

  private reserve(length: number): void {
    if (length <= this.bytes.length) return;
    this.bytes = Buffer.allocUnsafe(length * 2);
    this.words = null;
  }
}

/** The empty text, before all others. Nobody sets it. */
export const NO_TEXT = new Probe(null);

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Compares a text in UTF-8 with a probe by UTF-16 code units, which is how strings compare: bytes
 * compare alike, but that those of characters beyond U+FFFF stand before those from U+E000 on.
 * Negative, zero or positive.
 */
export function compareWithProbe(
  bytes: Uint8Array,
  start: number,
  length: number,
  probe: Probe,
): number {
  const other = probe.bytes;
  const shared = length < probe.length ? length : probe.length;
  for (let at = 0; at < shared; at++) {
    const a = bytes[start + at] ?? 0;
    const b = other[at] ?? 0;
    if (a !== b) return a < 0xee || b < 0xee ? a - b : unitOrder(a) - unitOrder(b);
  }
  return length - probe.length;
}

/** First bytes from 0xEE on in the order of the code units that they stand for. */
function unitOrder(first: number): number {
  return first >= 0xf0 ? first - 0x100 : first;
}

/** Whether a text in UTF-8 is that of a probe. */
export function equalsProbe(bytes: DataView, start: number, length: number, probe: Probe): boolean {
  if (length !== probe.length) return false;
  const other = probe.view;
  let at = length;
  // Ids that are made in order differ at their ends.
  for (; at >= 4; at -= 4) {
    if (bytes.getInt32(start + at - 4) !== other.getInt32(at - 4)) return false;
  }
  while (at > 0) {
    at -= 1;
    if (bytes.getUint8(start + at) !== other.getUint8(at)) return false;
  }
  return true;
}
