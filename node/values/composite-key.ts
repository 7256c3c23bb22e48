import type { IndexKey } from '../ports/index.ts';
import { NULL_KEY } from './order.ts';

// A composite key is, for each part in turn, the key of that part and an end mark. The mark is the
// least code unit, so a part that ends stands before one that goes on; parts that hold it, or the
// unit behind it, are escaped in a way that keeps their order.

const END = '\u0000';
const ESCAPE = '\u0001';
const ESCAPED_END = '\u0001\u0001';
const ESCAPED_ESCAPE = '\u0001\u0002';

/**
 * The key of several values together: it compares like the list of their keys, first part first.
 * The key of some leading parts is a prefix of it.
 */
export function compositeKey(parts: readonly IndexKey[]): IndexKey {
  let key = '';
  for (const part of parts) key += escaped(part) + END;
  return key;
}

/** Stands behind every key that begins with these parts, and before every other one behind them. */
export function behindComposite(parts: readonly IndexKey[]): IndexKey {
  return compositeKey(parts).slice(0, -END.length) + ESCAPE;
}

/** Whether a part of a composite key is that of null. */
export function hasNullPart(key: IndexKey): boolean {
  return key.startsWith(NULL_KEY + END) || key.includes(END + END);
}

function escaped(part: IndexKey): IndexKey {
  if (!part.includes(END) && !part.includes(ESCAPE)) return part;
  return part.replaceAll(ESCAPE, ESCAPED_ESCAPE).replaceAll(END, ESCAPED_END);
}
