import type { Parameter } from '../query/index.ts';
import { Problem } from './problems.ts';

/** More parameters than any query needs. */
const MAX_PARAMETERS = 64;

/**
 * Reads a query string (application/x-www-form-urlencoded: `+` is a space). Parts are split at
 * plain commas before decoding, so that `%2C` is a comma within a value.
 *
 * @throws Problem `bad_percent_encoding`, `invalid_query`
 */
export function parseQuery(query: string): readonly Parameter[] {
  const known = parsed.get(query);
  if (known !== undefined) return known;
  const parameters = parse(query);
  if (query.length <= MAX_KEPT_LENGTH && !query.includes('cursor=')) keep(query, parameters);
  return parameters;
}

/**
 * Queries that were asked of late: clients ask the same over and over, and what is made of a query
 * is kept with its parameters. Those with a cursor hardly come twice.
 */
const parsed = new Map<string, readonly Parameter[]>();
const MAX_KEPT = 256;
const MAX_KEPT_LENGTH = 1024;

/** The one that was kept first goes. */
function keep(query: string, parameters: readonly Parameter[]): void {
  if (parsed.size >= MAX_KEPT) {
    for (const oldest of parsed.keys()) {
      parsed.delete(oldest);
      break;
    }
  }
  parsed.set(query, parameters);
}

function parse(query: string): readonly Parameter[] {
  if (query === '') return [];
  const pairs = query.split('&', MAX_PARAMETERS + 1).filter((pair) => pair !== '');
  if (pairs.length > MAX_PARAMETERS) {
    throw new Problem('invalid_query', `A query has at most ${MAX_PARAMETERS} parameters.`);
  }
  return pairs.map(parsePair);
}

function parsePair(pair: string): Parameter {
  const equals = pair.indexOf('=');
  const rawName = equals === -1 ? pair : pair.slice(0, equals);
  const rawValue = equals === -1 ? '' : pair.slice(equals + 1);
  return {
    name: decodeFormPart(rawName),
    value: decodeFormPart(rawValue),
    parts: rawValue.split(',').map(decodeFormPart),
  };
}

function decodeFormPart(raw: string): string {
  return decodePercent(raw.includes('+') ? raw.replaceAll('+', ' ') : raw);
}

/** @throws Problem `bad_percent_encoding`, also where the bytes are not UTF-8 */
export function decodePercent(raw: string): string {
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    const detail = 'The URL holds a % that two hexadecimal digits do not follow, or wrong UTF-8.';
    throw new Problem('bad_percent_encoding', detail);
  }
}
