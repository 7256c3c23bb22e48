const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x07, '\\a'],
  [0x08, '\\b'],
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0b, '\\v'],
  [0x0c, '\\f'],
  [0x0d, '\\r'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
]);

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u;

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes as a double-quoted text in which everything unprintable is escaped. */
export function quote(data: Uint8Array): string {
  let text = '"';
  let at = 0;
  while (at < data.length) {
    const character = decodeCharacter(data, at);
    text += character === null ? `\\x${hexDigits(data[at] ?? 0, 2)}` : escape(character.text);
    at += character === null ? 1 : character.length;
  }
  return `${text}"`;
}

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const known = ESCAPES.get(code);
  if (known !== undefined) return known;
  if (character === ' ' || PRINTABLE.test(character)) return character;
  if (code < 0x20 || code === 0x7f) return `\\x${hexDigits(code, 2)}`;
  return code < 0x10000 ? `\\u${hexDigits(code, 4)}` : `\\U${hexDigits(code, 8)}`;
}

/** The UTF-8 character that begins at `at`, or null when there is none. */
function decodeCharacter(data: Uint8Array, at: number): { text: string; length: number } | null {
  const length = sequenceLength(data[at] ?? 0);
  if (length === 0 || at + length > data.length) return null;
  try {
    return { text: strictDecoder.decode(data.subarray(at, at + length)), length };
  } catch {
    return null;
  }
}

function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc0) return 0;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

function hexDigits(value: number, width: number): string {
  return value.toString(16).padStart(width, '0');
}
