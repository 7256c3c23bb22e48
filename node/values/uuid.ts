import { accept, type Reading, refuse } from './errors.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HEX = '0123456789abcdef';

/** Random bytes that {@link uuidV7} takes. */
export const UUID_RANDOM_BYTES = 10;

/** Whether a text is a uuid in canonical form: lower case, of any version. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Reads a uuid of any version (RFC 9562); the canonical form is lower case. */
export function canonicalUuid(text: string): Reading<string> {
  if (UUID.test(text)) return accept(text);
  const lower = text.toLowerCase();
  // Length first: a few characters outside ASCII have a lower case inside it.
  if (text.length === 36 && /^[0-9A-Fa-f-]*$/.test(text) && UUID.test(lower)) return accept(lower);
  return refuse('invalid_uuid', 'must be a uuid such as 018f4e6c-5b7a-7c3d-9e8f-0a1b2c3d4e5f');
}

/**
 * A uuid of version 7 (RFC 9562, section 5.7): 48 bits of epoch milliseconds, so that ids sort by
 * the time they were made, then 74 random bits.
 *
 * @throws RangeError where the time does not fit or fewer than {@link UUID_RANDOM_BYTES} are given
 */
export function uuidV7(nowMs: number, randomBytes: Uint8Array): string {
  if (!Number.isInteger(nowMs) || nowMs < 0 || nowMs >= 2 ** 48) {
    throw new RangeError('a uuid holds 48 bits of epoch milliseconds');
  }
  if (randomBytes.length < UUID_RANDOM_BYTES) throw new RangeError('a uuid needs 10 random bytes');
  const time = nowMs.toString(16).padStart(12, '0');
  const version = `7${hex(randomBytes, 0, 2).slice(1)}`;
  const variant = (HEX[8 + ((randomBytes[2] ?? 0) & 3)] ?? '') + hex(randomBytes, 2, 4).slice(1);
  const rest = hex(randomBytes, 4, 10);
  return [time.slice(0, 8), time.slice(8), version, variant, rest].join('-');
}

function hex(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    text += (HEX[byte >> 4] ?? '') + (HEX[byte & 15] ?? '');
  }
  return text;
}
