import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { EntryError } from './errors.ts';

// A text begins with a varint: its low two bits say what it is, the rest is the length in bytes
// (Ascii, Unicode), the position in the list of texts that came before (Known), or which form
// the bytes have that follow (Form).
const Text = { Ascii: 0, Unicode: 1, Form: 2, Known: 3 } as const;
/** A uuid in small letters, 16 bytes. */
const UUID = (0 << 2) | Text.Form;
/** A time in UTC to the millisecond, as `Date.toISOString` writes it: a varint of the epoch. */
const TIME = (1 << 2) | Text.Form;
/** A sha256 in small hex digits, 32 bytes. */
const SHA256 = (2 << 2) | Text.Form;
const UUID_LENGTH = 36;
const SHA256_LENGTH = 64;
const TIME_LENGTH = 24;
/** Shorter texts cost no more than a reference to them. */
const LEAST_KNOWN = 3;
/** More are not remembered, so that an entry asks for bounded memory. */
const MAX_KNOWN = 1 << 16;
/** Texts of one entry, unpacked: more than the largest record of a log holds. */
const MAX_UNITS = 1 << 27;

// A value begins with a varint: one of these, or a text whose head is that much higher.
const Value = {
  Null: 0,
  False: 1,
  True: 2,
  /** A varint follows. */
  Natural: 3,
  /** A varint of the absolute value follows. */
  Negative: 4,
  /** A double follows, little endian. */
  Double: 5,
  /** A count, then the values. */
  Array: 6,
  /** A count, then for each member its name as a text, and its value. */
  Object: 7,
} as const;
const TEXT_FROM = 8;

// A row is a byte, and a value; or, where that would not give the same JSON back, its JSON.
const ROW_AS_TEXT = 0;
const ROW_AS_VALUE = 1;
const MAX_DEPTH = 64;

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Writes entries in their packed form. Texts that came before in an entry are referred to. */
export class PackedWriter extends ByteWriter {
  private readonly known = new Map<string, number>();
  private readonly double = Buffer.alloc(8);

  /** Begins an entry. */
  begin(): void {
    this.reset();
    this.known.clear();
  }

  override text(value: string): void {
    this.packText(value, 0);
  }

  override json(value: string): void {
    const parsed = exactly(value);
    this.byte(parsed === undefined ? ROW_AS_TEXT : ROW_AS_VALUE);
    if (parsed === undefined) super.text(value);
    else this.value(parsed);
  }

  private packText(value: string, offset: number): void {
    const { length } = value;
    if (length >= LEAST_KNOWN) {
      const position = this.known.get(value);
      if (position !== undefined) return this.varint(position * 4 + Text.Known + offset);
      if (this.known.size < MAX_KNOWN) this.known.set(value, this.known.size);
    }
    if (length === UUID_LENGTH && this.hex(value, UUID_PATTERN, UUID + offset)) return;
    if (length === SHA256_LENGTH && this.hex(value, SHA256_PATTERN, SHA256 + offset)) return;
    if (length === TIME_LENGTH && this.time(value, offset)) return;
    const bytes = Buffer.byteLength(value);
    const form = bytes === length ? Text.Ascii : Text.Unicode;
    this.varint(bytes * 4 + form + offset);
    this.raw(value, bytes);
  }

  private hex(value: string, pattern: RegExp, head: number): boolean {
    if (!pattern.test(value)) return false;
    this.varint(head);
    const bytes = Buffer.from(value.replaceAll('-', ''), 'hex');
    this.bytes(bytes, 0, bytes.length);
    return true;
  }

  private time(value: string, offset: number): boolean {
    if (value.charCodeAt(10) !== T || value.charCodeAt(TIME_LENGTH - 1) !== Z) return false;
    const ms = Date.parse(value);
    if (!(ms >= 0) || isoTime(ms) !== value) return false;
    this.varint(TIME + offset);
    this.varint(ms);
    return true;
  }

  private value(value: Json): void {
    if (typeof value === 'string') this.packText(value, TEXT_FROM);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'boolean') this.byte(value ? Value.True : Value.False);
    else if (value === null) this.byte(Value.Null);
    else if (Array.isArray(value)) {
      this.byte(Value.Array);
      this.varint(value.length);
      for (const item of value) this.value(item);
    } else this.members(Object.entries(value));
  }

  private members(members: readonly [string, Json][]): void {
    this.byte(Value.Object);
    this.varint(members.length);
    for (const [name, value] of members) {
      this.packText(name, 0);
      this.value(value);
    }
  }

  private number(value: number): void {
    if (Number.isSafeInteger(value)) {
      this.byte(value < 0 ? Value.Negative : Value.Natural);
      this.varint(Math.abs(value));
      return;
    }
    this.byte(Value.Double);
    this.double.writeDoubleLE(value);
    this.bytes(this.double, 0, this.double.length);
  }
}

/** Reads what {@link PackedWriter} wrote. */
export class PackedReader extends ByteReader {
  private readonly known: string[] = [];
  private units = 0;

  override text(): string {
    return this.packedText(this.varint());
  }

  /** Packed texts are known by their positions. */
  override frequentText(): string {
    return this.text();
  }

  override json(): string {
    const form = this.byte();
    if (form === ROW_AS_TEXT) return super.text();
    if (form !== ROW_AS_VALUE) throw malformed(`a row of form ${form}`);
    return this.value(0);
  }

  private packedText(head: number): string {
    const rest = Math.floor(head / 4);
    const isKnown = head % 4 === Text.Known;
    const value = isKnown ? this.recall(rest) : this.fresh(head, rest);
    this.units += value.length;
    if (this.units > MAX_UNITS) throw malformed('more text than an entry can have');
    if (isKnown || value.length < LEAST_KNOWN || this.known.length >= MAX_KNOWN) return value;
    this.known.push(value);
    return value;
  }

  private recall(position: number): string {
    const value = this.known[position];
    if (value === undefined) throw malformed(`a reference to text ${position}`);
    return value;
  }

  private fresh(head: number, length: number): string {
    if (head === UUID) return uuidOf(this.bytes(16).toString('hex'));
    if (head === SHA256) return this.bytes(32).toString('hex');
    if (head === TIME) return isoTime(this.varint()) ?? this.recall(-1);
    if (head % 4 === Text.Form) throw malformed(`a text of form ${length}`);
    return this.bytes(length).toString(head % 4 === Text.Ascii ? 'latin1' : 'utf8');
  }

  /** The JSON of the value that comes next. */
  private value(depth: number): string {
    if (depth > MAX_DEPTH) throw malformed('a value that nests too deeply');
    const head = this.varint();
    if (head >= TEXT_FROM) return JSON.stringify(this.packedText(head - TEXT_FROM));
    switch (head) {
      case Value.Null:
        return 'null';
      case Value.False:
        return 'false';
      case Value.True:
        return 'true';
      case Value.Natural:
        return String(this.varint());
      case Value.Negative:
        return `-${this.varint()}`;
      case Value.Double:
        return JSON.stringify(this.bytes(8).readDoubleLE());
      default:
        return head === Value.Array ? this.array(depth) : this.object(depth);
    }
  }

  private array(depth: number): string {
    let json = '';
    for (let left = this.count(1); left > 0; left--) {
      json += json === '' ? this.value(depth + 1) : `,${this.value(depth + 1)}`;
    }
    return `[${json}]`;
  }

  private object(depth: number): string {
    let json = '';
    for (let left = this.count(2); left > 0; left--) {
      const member = `${JSON.stringify(this.text())}:${this.value(depth + 1)}`;
      json += json === '' ? member : `,${member}`;
    }
    return `{${json}}`;
  }
}

const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SHA256_PATTERN = /^[0-9a-f]{64}$/;
const T = 'T'.charCodeAt(0);
const Z = 'Z'.charCodeAt(0);
/** The last millisecond whose year has four digits. */
const MAX_TIME_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Null beyond the years that are written with four digits. */
function isoTime(ms: number): string | null {
  return ms > MAX_TIME_MS ? null : new Date(ms).toISOString();
}

function uuidOf(hex: string): string {
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `${parts.join('-')}-${hex.slice(20)}`;
}

/**
 * The value of a row, where writing it as JSON gives the very same text: not for numbers in another
 * notation than JavaScript's, members whose order it would change, and escaped units.
 */
function exactly(json: string): Json | undefined {
  if (json.includes('\\u')) return undefined;
  try {
    const parsed: Json = JSON.parse(json);
    return JSON.stringify(parsed) === json && depthOf(parsed) <= MAX_DEPTH ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function depthOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const member of Object.values(value)) {
    if (typeof member === 'object') deepest = Math.max(deepest, depthOf(member));
  }
  return deepest + 1;
}

function malformed(what: string): EntryError {
  return new EntryError('malformed_entry', `it holds ${what}`);
}
