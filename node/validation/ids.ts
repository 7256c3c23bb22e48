import type { FieldSchema } from '@lithair/crds';
import { canonicalize } from '../values/index.ts';
import { codePoints } from './code-points.ts';

/** Longest string id, in code points. */
const MAX_ID_LENGTH = 256;

// Control characters of ASCII, Latin 1 and the line separators.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

export interface IdRefusal {
  readonly code: 'reserved_id' | 'invalid_id';
  readonly message: string;
}

/**
 * Why a string cannot be an id: it has to stand in a URL as one segment, and names that begin
 * with `_` belong to routes.
 */
export function refuseId(id: string): IdRefusal | null {
  if (id.startsWith('_')) return { code: 'reserved_id', message: 'must not start with _' };
  if (id === '' || isTooLong(id)) {
    return { code: 'invalid_id', message: `must have 1 to ${MAX_ID_LENGTH} characters` };
  }
  if (id === '.' || id === '..' || id.includes('/')) {
    return { code: 'invalid_id', message: 'must not be a dot segment or hold a slash' };
  }
  return CONTROL.test(id)
    ? { code: 'invalid_id', message: 'must not hold control characters' }
    : null;
}

function isTooLong(id: string): boolean {
  return id.length > MAX_ID_LENGTH && codePoints(id) > MAX_ID_LENGTH;
}

/** The canonical id that a text means; null where it cannot be the id of anything. */
export function canonicalId(primaryKey: FieldSchema, text: string): string | null {
  const reading = canonicalize(primaryKey, text);
  if (!reading.ok || typeof reading.value !== 'string') return null;
  return primaryKey.type === 'uuid' || refuseId(reading.value) === null ? reading.value : null;
}
