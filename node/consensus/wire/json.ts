import { WireError } from '../errors.ts';

/** A JSON object from a peer, whose fields are still unknown. */
export type UnknownObject = Readonly<Record<string, unknown>>;

/** Whether a parsed value is an object and no array. */
export function isObject(value: unknown): value is UnknownObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Parses a JSON object from a peer.
 *
 * @throws WireError
 */
export function parseObject(bytes: Uint8Array): UnknownObject {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch {
    throw new WireError('not JSON');
  }
  if (!isObject(value)) throw new WireError('not a JSON object');
  return value;
}

/** Serializes a value as UTF-8 JSON. */
export function encodeJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
