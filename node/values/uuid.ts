import { accept, type Reading, refuse } from './errors.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

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
  const version = `7${byteHex(randomBytes, 0).slice(1)}${byteHex(randomBytes, 1)}`;
  const variant = VARIANT_HEX[(randomBytes[2] ?? 0) & 0x3f] ?? '';
  let rest = byteHex(randomBytes, 4);
  for (let at = 5; at < UUID_RANDOM_BYTES; at++) rest += byteHex(randomBytes, at);
  return `${timeHex(nowMs)}${version}-${variant}${byteHex(randomBytes, 3)}-${rest}`;
}

const BYTE_HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** The byte that holds the variant (binary 10), by its six random bits. */
const VARIANT_HEX = BYTE_HEX.slice(0x80, 0xc0);

function byteHex(bytes: Uint8Array, at: number): string {
  return BYTE_HEX[bytes[at] ?? 0] ?? '';
}

/** The text of the last time asked for: many ids are made within a millisecond. */
let lastTime = { ms: -1, hex: '' };

function timeHex(ms: number): string {
  if (lastTime.ms !== ms) {
    const hex = ms.toString(16).padStart(12, '0');
    lastTime = { ms, hex: `${hex.slice(0, 8)}-${hex.slice(8)}-` };
  }
  return lastTime.hex;
}
