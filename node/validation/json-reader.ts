import { ExactNumber } from '../values/index.ts';

/** A parsed body, before the model gave its values a meaning. */
export type JsonInput =
  | null
  | boolean
  | number
  | string
  | ExactNumber
  | JsonInput[]
  | { [key: string]: JsonInput };

/** Why a text is refused, and where. */
export class JsonRefusal extends Error {
  readonly code: 'syntax' | 'duplicate_key' | 'too_deep';
  readonly pointer: string;

  constructor(code: JsonRefusal['code'], pointer: string, message: string) {
    super(message);
    this.name = 'JsonRefusal';
    this.code = code;
    this.pointer = pointer;
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERALS: readonly (readonly [string, null | boolean])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
];
const BYTE_ORDER_MARK = '\uFEFF';
const QUOTE = 34;
const BACKSLASH = 92;

/**
 * Reads JSON (RFC 8259) strictly, for the cases that `JSON.parse` is silent about: where a syntax
 * error is, repeated keys (RFC 8259 leaves their meaning open), nesting beyond `maxDepth`, and
 * numbers that a double would not give back as written, which become {@link ExactNumber}.
 *
 * @throws JsonRefusal
 */
export function readJson(text: string, maxDepth: number): JsonInput {
  const reader = new JsonReader(text, maxDepth);
  return reader.document();
}

class JsonReader {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  document(): JsonInput {
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#syntax('nothing may follow the value');
    return value;
  }

  #value(): JsonInput {
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#nested(() => this.#object());
      case '[':
        return this.#nested(() => this.#array());
      case '"':
        return this.#string();
      case undefined:
        throw this.#syntax('the text ends too early');
      default:
        return this.#scalar();
    }
  }

  #nested<T>(read: () => T): T {
    if (this.#path.length >= this.#maxDepth) {
      throw this.#refusal('too_deep', `must nest at most ${this.#maxDepth} levels deep`);
    }
    this.#at += 1;
    return read();
  }

  #object(): JsonInput {
    const object: { [key: string]: JsonInput } = {};
    if (this.#skips('}')) return object;
    do {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"')
        throw this.#syntax('a key in double quotes must stand here');
      const key = this.#string();
      this.#path.push(key);
      if (Object.hasOwn(object, key)) throw this.#refusal('duplicate_key', 'is there twice');
      if (!this.#skips(':')) throw this.#syntax('a colon must stand here');
      const value = this.#value();
      Object.defineProperty(object, key, { value, enumerable: true, writable: true });
      this.#path.pop();
    } while (this.#skips(','));
    if (!this.#skips('}')) throw this.#syntax('a comma or } must stand here');
    return object;
  }

  #array(): JsonInput {
    const array: JsonInput[] = [];
    if (this.#skips(']')) return array;
    do {
      this.#path.push(array.length);
      array.push(this.#value());
      this.#path.pop();
    } while (this.#skips(','));
    if (!this.#skips(']')) throw this.#syntax('a comma or ] must stand here');
    return array;
  }

  #string(): string {
    const start = this.#at;
    for (let at = start + 1; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) return this.#decode(start, at + 1);
      else if (code < 0x20) break;
    }
    throw this.#syntax('this string has no end, or holds a raw control character');
  }

  #decode(start: number, end: number): string {
    const source = this.#text.slice(start, end);
    try {
      const value: unknown = source.includes('\\') ? JSON.parse(source) : source.slice(1, -1);
      this.#at = end;
      if (typeof value === 'string') return value;
    } catch {
      // Only an escape can be wrong; the refusal below says so.
    }
    throw this.#syntax('this string holds an escape that does not exist');
  }

  #scalar(): JsonInput {
    for (const [literal, value] of LITERALS) {
      if (!this.#text.startsWith(literal, this.#at)) continue;
      this.#at += literal.length;
      return value;
    }
    NUMBER.lastIndex = this.#at;
    const source = NUMBER.exec(this.#text)?.[0];
    if (source === undefined) throw this.#syntax(this.#noValue());
    this.#at += source.length;
    const number = Number(source);
    return String(number) === source ? number : new ExactNumber(source);
  }

  #noValue(): string {
    if (this.#text[this.#at] !== BYTE_ORDER_MARK) return 'no JSON value begins like this';
    return 'a byte order mark (U+FEFF) stands here; send UTF-8 without one';
  }

  #skips(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  #syntax(message: string): JsonRefusal {
    const before = this.#text.slice(0, this.#at).split('\n');
    const column = `column ${(before.at(-1)?.length ?? 0) + 1}`;
    // Of one line, as those of a bulk write are, the number would only mislead.
    const isOneLine = before.length === 1 && !this.#text.trimEnd().includes('\n');
    const place = isOneLine ? column : `line ${before.length}, ${column}`;
    return this.#refusal('syntax', `must be JSON; ${place}: ${message}`);
  }

  #refusal(code: JsonRefusal['code'], message: string): JsonRefusal {
    return new JsonRefusal(code, this.#path.map(pointerStep).join(''), message);
  }
}

/** One step of a JSON pointer (RFC 6901, section 3). */
export function pointerStep(step: string | number): string {
  return `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
