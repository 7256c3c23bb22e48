/** What is wrong with bytes that cannot be decoded, or a value that cannot be encoded. */
export type CodecErrorCode =
  /** The bytes end before the value does. */
  | 'TRUNCATED'
  /** Bytes are left over after the value. */
  | 'TRAILING_BYTES'
  /** A number is larger than 2^53 - 1. */
  | 'NUMBER_TOO_LARGE'
  /** A field holds a value that it cannot have. */
  | 'BAD_VALUE'
  /** The frame is of a format that this version does not know. */
  | 'UNKNOWN_FORMAT'
  /** The message is local to one member and never travels. */
  | 'LOCAL_MESSAGE';

/** Thrown for bytes that are not what they should be; nothing of them is used. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
  readonly code: CodecErrorCode;

  constructor(code: CodecErrorCode, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

/** Reads numbers and byte strings in order, never beyond the end. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new CodecError('TRUNCATED', `no byte at ${this.#at}`);
    this.#at++;
    return value;
  }

  /** A base-128 varint, least significant group first. */
  varint(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 1;
    do {
      scale *= 0x80;
      byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) {
        throw new CodecError('NUMBER_TOO_LARGE', `varint before byte ${this.#at}`);
      }
      if (scale > Number.MAX_SAFE_INTEGER) throw new CodecError('BAD_VALUE', 'endless varint');
    } while (byte >= 0x80);
    return value;
  }

  /** A varint that counts things of at least `leastSize` bytes each, which must be there. */
  count(leastSize: number): number {
    const count = this.varint();
    if (count * leastSize > this.remaining) {
      throw new CodecError('TRUNCATED', `${count} items announced, ${this.remaining} bytes left`);
    }
    return count;
  }

  /** The next `length` bytes, as a view of the input. */
  view(length: number): Uint8Array {
    if (length > this.remaining) {
      throw new CodecError('TRUNCATED', `${length} bytes announced, ${this.remaining} left`);
    }
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  /** A length and that many bytes, as a view of the input. */
  byteString(): Uint8Array {
    return this.view(this.varint());
  }

  /** To be called after the last value. */
  end(): void {
    if (this.remaining > 0) {
      throw new CodecError('TRAILING_BYTES', `${this.remaining} bytes after the value`);
    }
  }
}

/** The most bytes that a varint of a safe integer takes. */
const MAX_VARINT_SIZE = 8;

/** Writes numbers and byte strings in order, into a buffer that grows as needed. */
export class Writer {
  #bytes: Uint8Array;
  #at = 0;

  /** A `capacity` that suffices saves copying what is written. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** What was written, as a view of the buffer. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  /** @throws {CodecError} BAD_VALUE, with the name, unless `value` is a safe integer from 0. */
  varint(name: string, value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new CodecError('BAD_VALUE', `${name} is ${String(value)}`);
    }
    this.#reserve(MAX_VARINT_SIZE);
    let rest = value;
    while (rest >= 0x80) {
      const low = rest % 0x80;
      this.#bytes[this.#at++] = low | 0x80;
      rest = (rest - low) / 0x80;
    }
    this.#bytes[this.#at++] = rest;
  }

  byteString(value: Uint8Array): void {
    this.varint('length', value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
