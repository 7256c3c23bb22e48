// Reads a regular expression into a tree of character sets, sequences, choices and repeats.
// JavaScript has already accepted the expression, so only its meaning is of interest here.

/** Inclusive, ascending ranges of code points. */
export type CharSet = readonly (readonly [number, number])[];

export type Tree =
  | { kind: 'set'; set: CharSet }
  | { kind: 'sequence'; parts: Tree[] }
  | { kind: 'choice'; options: Tree[] }
  | { kind: 'repeat'; body: Tree; minimum: number; maximum: number };

export interface Parsed {
  tree: Tree;
  /** Whether every match must begin at the start of the value. */
  anchored: boolean;
  /** Whether every match must end at the end of the value. */
  closed: boolean;
}

/** Thrown for what cannot be checked; the message is meant for the author of the pattern. */
export class UnsupportedPattern extends Error {}

export const ANY: CharSet = [[0, 0x10ffff]];

/**
 * @throws {UnsupportedPattern} for look-around, back-references and named groups.
 */
export function parse(pattern: string): Parsed {
  const reader = new Reader(pattern);
  const tree = reader.choice(0);
  const single = tree.kind !== 'choice';
  const escapedEnd = /(^|[^\\])(\\\\)*\\\$$/.test(pattern);
  return {
    tree,
    anchored: single && pattern.startsWith('^'),
    closed: single && pattern.endsWith('$') && !escapedEnd,
  };
}

const MAX_GROUP_DEPTH = 50;

class Reader {
  private readonly chars: string[];
  private position = 0;

  constructor(pattern: string) {
    this.chars = Array.from(pattern);
  }

  choice(depth: number): Tree {
    if (depth > MAX_GROUP_DEPTH) throw new UnsupportedPattern('has too many nested groups');
    const options = [this.sequence(depth)];
    while (this.take('|')) options.push(this.sequence(depth));
    const [only] = options;
    return only && options.length === 1 ? only : { kind: 'choice', options };
  }

  private sequence(depth: number): Tree {
    const parts: Tree[] = [];
    for (let next = this.peek(); next !== undefined; next = this.peek()) {
      if (next === '|' || next === ')') break;
      parts.push(this.quantified(this.atom(depth)));
    }
    return { kind: 'sequence', parts };
  }

  /** Anchors and word boundaries take no character; leaving them out only adds matches. */
  private atom(depth: number): Tree {
    const char = this.next();
    if (char === '^' || char === '$') return { kind: 'sequence', parts: [] };
    if (char === '(') return this.group(depth);
    if (char === '[') return { kind: 'set', set: this.charClass() };
    if (char === '.')
      return {
        kind: 'set',
        set: complement([
          [10, 10],
          [13, 13],
        ]),
      };
    if (char !== '\\') return { kind: 'set', set: single(char) };
    if (this.peek() === 'b' || this.peek() === 'B') {
      this.next();
      return { kind: 'sequence', parts: [] };
    }
    return { kind: 'set', set: this.escape() };
  }

  private group(depth: number): Tree {
    if (this.take('?') && !this.take(':')) {
      throw new UnsupportedPattern('uses look-around, flags or a named group');
    }
    const body = this.choice(depth + 1);
    this.take(')');
    return body;
  }

  private quantified(body: Tree): Tree {
    const range = this.quantifier();
    if (!range) return body;
    this.take('?');
    const [minimum, maximum] = range;
    return { kind: 'repeat', body, minimum, maximum };
  }

  private quantifier(): [number, number] | undefined {
    if (this.take('*')) return [0, Infinity];
    if (this.take('+')) return [1, Infinity];
    if (this.take('?')) return [0, 1];
    if (!this.take('{')) return undefined;
    const [low, high] = this.until('}').split(',');
    const minimum = Number(low);
    if (high === undefined) return [minimum, minimum];
    return [minimum, high === '' ? Infinity : Number(high)];
  }

  private charClass(): CharSet {
    const negated = this.take('^');
    const ranges: [number, number][] = [];
    while (!this.take(']')) {
      const from = this.classAtom();
      const isRange = this.peek() === '-' && this.peek(1) !== ']' && isSingle(from);
      if (!isRange) {
        for (const [low, high] of from) ranges.push([low, high]);
        continue;
      }
      this.next();
      ranges.push([from[0]?.[0] ?? 0, this.classAtom()[0]?.[1] ?? 0x10ffff]);
    }
    const set = normalize(ranges);
    return negated ? complement(set) : set;
  }

  private classAtom(): CharSet {
    const char = this.next();
    if (char !== '\\') return single(char);
    if (this.take('b')) return [[8, 8]];
    return this.escape();
  }

  private escape(): CharSet {
    const char = this.next();
    const named = CLASSES[char];
    if (named) return named;
    if (char === 'k' || (char >= '1' && char <= '9')) {
      throw new UnsupportedPattern('uses a back-reference');
    }
    if (char === 'p' || char === 'P') {
      this.until('}');
      return ANY;
    }
    if (char === 'x') return codePoint(this.next() + this.next());
    if (char === 'u') return this.unicode();
    if (char === 'c') return codePoint((this.next().charCodeAt(0) % 32).toString(16));
    return single(CONTROLS[char] ?? char);
  }

  private unicode(): CharSet {
    if (this.take('{')) return codePoint(this.until('}'));
    const set = codePoint(this.next() + this.next() + this.next() + this.next());
    const lead = set[0]?.[0] ?? 0;
    // Half of a surrogate pair: which character it makes depends on what follows.
    return lead >= 0xd800 && lead <= 0xdfff ? ANY : set;
  }

  private peek(ahead = 0): string | undefined {
    return this.chars[this.position + ahead];
  }

  private next(): string {
    const char = this.chars[this.position++];
    if (char === undefined) throw new UnsupportedPattern('ends too early');
    return char;
  }

  private take(char: string): boolean {
    if (this.peek() !== char) return false;
    this.position++;
    return true;
  }

  private until(end: string): string {
    let text = '';
    for (let char = this.next(); char !== end; char = this.next()) text += char;
    return text;
  }
}

function single(char: string): CharSet {
  const code = char.codePointAt(0) ?? 0;
  return [[code, code]];
}

function codePoint(hex: string): CharSet {
  const code = Number.parseInt(hex, 16);
  return [[code, code]];
}

function isSingle(set: CharSet): boolean {
  return set.length === 1 && set[0]?.[0] === set[0]?.[1];
}

function normalize(ranges: readonly (readonly [number, number])[]): CharSet {
  const merged: [number, number][] = [];
  for (const [low, high] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

function complement(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let from = 0;
  for (const [low, high] of set) {
    if (low > from) rest.push([from, low - 1]);
    from = high + 1;
  }
  if (from <= 0x10ffff) rest.push([from, 0x10ffff]);
  return rest;
}

const DIGITS: CharSet = [[48, 57]];
const WORD: CharSet = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const SPACE: CharSet = normalize([
  [9, 13],
  [32, 32],
  [160, 160],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]);

const CLASSES: Readonly<Record<string, CharSet | undefined>> = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};

const CONTROLS: Readonly<Record<string, string | undefined>> = {
  t: '\t',
  n: '\n',
  r: '\r',
  v: '\v',
  f: '\f',
  '0': '\0',
};
