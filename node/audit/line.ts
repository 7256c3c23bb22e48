// One line of an audit log: a JSON object whose last member is the hash that chains it to the line
// before, so that the text can be read by every tool, and a line that was changed shows.
import { createHash } from 'node:crypto';

/** What the first line of the first file follows. */
export const NO_HASH = '0'.repeat(64);

const HASH_START = ',"hash":"';
const HASH_DIGITS = 64;
/** Behind the body: `,"hash":"…"}`. */
const TAIL_LENGTH = HASH_START.length + HASH_DIGITS + 2;

/** A line that fits the one before. */
export interface ChainedLine {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly hash: string;
}

/** The line, without its end, and its hash. */
export function chainedLine(fields: object, previousHash: string): { text: string; hash: string } {
  const body = JSON.stringify(fields).slice(0, -1);
  const hash = hashOf(previousHash, body);
  return { text: `${body}${HASH_START}${hash}"}`, hash };
}

/** Null where the line does not follow one with this hash. */
export function readLine(text: string, previousHash: string): ChainedLine | null {
  const body = text.slice(0, -TAIL_LENGTH);
  if (text.length <= TAIL_LENGTH || chainTail(text) !== hashOf(previousHash, body)) return null;
  return { fields: JSON.parse(`${body}}`), hash: chainTail(text) };
}

/** Whether a text reaches behind a line of which it has the beginning. */
export function holdsLineEnd(text: string): boolean {
  return text.includes('\n') || /,"hash":"[0-9a-f]{64}"\}./.test(text);
}

/** What a line says, whether or not it is in its place; null where it is none. */
export function looseFields(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

function chainTail(text: string): string {
  const tail = text.slice(-TAIL_LENGTH);
  const isTail = tail.startsWith(HASH_START) && tail.endsWith('"}');
  return isTail ? tail.slice(HASH_START.length, -2) : '';
}

function hashOf(previousHash: string, body: string): string {
  return createHash('sha256').update(previousHash).update(body).digest('hex');
}
