/**
 * The data-driven file format: a directive line, optional input lines, `----`, and the
 * expected output up to a blank line (or, opened by a second `----`, up to two of
 * them). Lines that begin with `#` between directives are comments.
 */

/** An argument of a directive: `key`, `key=value` or `key=(value, value)`. */
export interface Argument {
  readonly key: string;
  readonly values: readonly string[];
}

/** One directive with what it is expected to print. */
export interface TestCase {
  /** The line of the directive, from 1. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly Argument[];
  readonly input: string;
  readonly expected: string;
}

/** Thrown for text that is not a data-driven file. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/** @throws {FormatError} naming the line. */
export function parseFile(text: string): TestCase[] {
  const lines = new Lines(text);
  const cases: TestCase[] = [];
  for (let line = lines.next(); line !== null; line = lines.next()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    cases.push(parseCase(trimmed, lines));
  }
  return cases.filter((test) => test.command !== 'subtest');
}

class Lines {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(text: string) {
    const lines = text.split(/\r?\n/);
    if (lines.at(-1) === '') lines.pop();
    this.#lines = lines;
  }

  /** The number of the line returned last, from 1. */
  get number(): number {
    return this.#at;
  }

  next(): string | null {
    return this.#lines[this.#at++] ?? null;
  }
}

function parseCase(first: string, lines: Lines): TestCase {
  const line = lines.number;
  let directive = first;
  while (directive.endsWith('\\')) {
    const more = lines.next();
    if (more === null) break;
    directive = `${directive.slice(0, -1)} ${more.trim()}`;
  }
  const { command, args } = parseDirective(directive, line);
  if (command === 'subtest') return { line, command, args, input: '', expected: '' };
  const input: string[] = [];
  let next = lines.next();
  for (; next !== null && next !== '----'; next = lines.next()) input.push(next);
  const expected = next === null ? '' : parseExpected(lines);
  return { line, command, args, input: input.join('\n').trim(), expected };
}

function parseExpected(lines: Lines): string {
  const expected: string[] = [];
  let line = lines.next();
  if (line === '----') return parseSpacedExpected(lines);
  for (; line !== null && line.trim() !== ''; line = lines.next()) expected.push(line);
  return asText(expected);
}

/** Blank lines belong to the text, which ends at two `----` in a row. */
function parseSpacedExpected(lines: Lines): string {
  const expected: string[] = [];
  for (let line = lines.next(); line !== null; line = lines.next()) {
    expected.push(line);
    if (line !== '----') continue;
    const second = lines.next();
    if (second === '----') {
      expected.pop();
      requireBlank(lines);
      break;
    }
    if (second !== null) expected.push(second);
  }
  return asText(expected);
}

function requireBlank(lines: Lines): void {
  const line = lines.next();
  if (line === null || line === '') return;
  throw new FormatError(`line ${lines.number}: text after the end of a section`);
}

function asText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** Splits a directive into command and arguments. */
function parseDirective(text: string, line: number): { command: string; args: Argument[] } {
  const command = text.split(' ', 1)[0] ?? '';
  const args: Argument[] = [];
  let rest = text.slice(command.length).trim();
  while (rest !== '') {
    const key = /^[^ =]*/.exec(rest)?.[0] ?? '';
    if (key === '') throw new FormatError(`line ${line}: cannot parse "${text}"`);
    rest = rest.slice(key.length);
    if (!rest.startsWith('=')) {
      args.push({ key, values: [] });
    } else {
      const { values, length } = parseValues(rest.slice(1), line);
      args.push({ key, values });
      rest = rest.slice(1 + length);
    }
    rest = rest.trim();
  }
  return { command, args };
}

function parseValues(text: string, line: number): { values: string[]; length: number } {
  if (!text.startsWith('(')) {
    const value = /^[^ ]*/.exec(text)?.[0] ?? '';
    return { values: [value], length: value.length };
  }
  const values: string[] = [];
  let depth = 1;
  let start = 1;
  for (let at = 1; at < text.length; at++) {
    const character = text[at];
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (depth === 0) {
      values.push(text.slice(start, at).trim());
      return { values, length: at + 1 };
    }
    if (character === ',' && depth === 1) {
      values.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  throw new FormatError(`line ${line}: "(" without ")"`);
}
