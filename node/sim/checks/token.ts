/**
 * The log index inside a `Lithair-Index` token: format, epoch, group, index, sub-index, schema
 * version and a checksum. Opaque to clients; the checks look in, because the index tells exactly
 * which state an answer was made from.
 */
export function indexOfToken(token: string | null): number | null {
  if (token === null) return null;
  const known = indexes.get(token);
  if (known !== undefined) return known;
  const parts = Buffer.from(token, 'base64url').toString('latin1').split('.');
  const index = Number(parts[3]);
  if (parts.length !== 7 || !Number.isSafeInteger(index)) throw new Error(`no token: ${token}`);
  if (indexes.size >= MAX_KNOWN) indexes.clear();
  indexes.set(token, index);
  return index;
}

const MAX_KNOWN = 10_000;
const indexes = new Map<string, number>();
