import type { StateReader, WeakDurability } from '../ports/index.ts';
import type { Reply } from './exchange.ts';
import type { TokenIssuer } from './token.ts';

export const JSON_CONTENT_TYPE = 'application/json';
export const VARY = 'Authorization, Accept, Accept-Encoding, Lithair-Consistency';

/**
 * Head of every answer about aggregates: what it varies by, and where the state stood.
 *
 * @param caching what `Cache-Control` says; clients ask each time where it is left out
 */
export function stateHeaders(
  tokens: TokenIssuer,
  state: StateReader,
  index: number,
  caching = 'no-cache',
): string[] {
  return ['Vary', VARY, 'Cache-Control', caching, 'Lithair-Index', tokens.issue(state, index)];
}

/** As of {@link stateHeaders}, for a write that one node took: no token can stand for it. */
export function localHeaders(): string[] {
  const shown = ['Vary', VARY, 'Cache-Control', 'no-cache'];
  return [...shown, 'Lithair-Durability', 'local', 'Lithair-Consistency', 'eventual'];
}

/** Head of the answer to a write that may still be lost: no place in the log to read from. */
export function weakHeaders(durability: WeakDurability): string[] {
  return ['Vary', VARY, 'Cache-Control', 'no-cache', 'Lithair-Durability', durability];
}

/** Adds what describes one aggregate. A write that is not ordered has no version yet. */
export function describe(headers: string[], etag: string, version: number): string[] {
  headers.push('ETag', etag);
  if (version > 0) headers.push('Lithair-Version', String(version));
  return headers;
}

export function jsonReply(status: number, headers: string[], body: string): Reply {
  headers.push('Content-Type', JSON_CONTENT_TYPE);
  return { status, headers, body };
}

export function emptyReply(status: number, headers: string[]): Reply {
  return { status, headers, body: '' };
}
