import { createSecretKey, type KeyObject } from 'node:crypto';
import { EncryptionError } from './errors.ts';

/** Length of a master key's secret. */
export const SECRET_BYTES = 32;
/** A file of keys that is longer is refused before it is parsed. */
export const MAX_KEYRING_BYTES = 64 * 1024;
const MAX_KEYS = 64;
const MAX_KEY_ID = 0xffff_ffff;
const FORMAT_VERSION = 1;
const SECRET = /^[A-Za-z0-9+/]{43}=$/;

/** One master key, as its file tells it. */
export interface KeyRecord {
  /** From 1; 0 stands for no encryption. The newest has the highest. */
  readonly id: number;
  /** 32 bytes in base64. */
  readonly secret: string;
  /** RFC 3339; for people alone. */
  readonly createdAt: string;
}

/** The master keys that a file holds. Secrets are in key objects, which nothing prints. */
export class Keyring {
  /** How errors call it: the path of its file. */
  readonly name: string;
  readonly #keys: ReadonlyMap<number, KeyObject>;

  constructor(name: string, records: readonly KeyRecord[]) {
    this.name = name;
    this.#keys = new Map(
      records.map(({ id, secret }) => [id, createSecretKey(Buffer.from(secret, 'base64'))]),
    );
  }

  /** Ascending. */
  get ids(): readonly number[] {
    return [...this.#keys.keys()].sort((a, b) => a - b);
  }

  /** The key that new files are encrypted with: the newest. */
  get activeId(): number {
    return Math.max(...this.#keys.keys());
  }

  /** Whether it holds the same keys. */
  equals(other: Keyring): boolean {
    if (this.#keys.size !== other.#keys.size) return false;
    return [...this.#keys].every(([id, key]) => other.secret(id)?.equals(key) === true);
  }

  secret(id: number): KeyObject | undefined {
    return this.#keys.get(id);
  }
}

/**
 * Reads a file of keys: `{"formatVersion": 1, "keys": [{"id", "secret", "createdAt"}, …]}`.
 *
 * @throws EncryptionError `KEYRING_INVALID` that names the key and the field, never its value
 */
export function parseKeyring(text: string, name: string): Keyring {
  return new Keyring(name, parseKeyRecords(text, name));
}

/** As {@link parseKeyring}, for tools that write the file again. */
export function parseKeyRecords(text: string, name: string): readonly KeyRecord[] {
  const refuse = (reason: string): EncryptionError =>
    new EncryptionError('KEYRING_INVALID', `${name} is not a file of keys: ${reason}`);
  if (text.length > MAX_KEYRING_BYTES) throw refuse(`it is longer than ${MAX_KEYRING_BYTES} bytes`);
  const content = parseObject(text);
  if (content === null) throw refuse('it is not a JSON object');
  if (content['formatVersion'] !== FORMAT_VERSION) throw refuse('formatVersion is not 1');
  const { keys } = content;
  if (!Array.isArray(keys) || keys.length === 0) throw refuse('it has no keys');
  if (keys.length > MAX_KEYS) throw refuse(`it has more than ${MAX_KEYS} keys`);
  const records = keys.map((key: unknown, at) => {
    const reason = whyNoKey(key);
    if (reason !== null) throw refuse(`keys[${at}]: ${reason}`);
    return toRecord(key);
  });
  for (const field of ['id', 'secret'] as const) {
    const values = new Set(records.map((record) => record[field]));
    if (values.size < records.length) throw refuse(`two keys have the same ${field}`);
  }
  return records;
}

/** The file of these keys. */
export function formatKeyring(records: readonly KeyRecord[]): string {
  return `${JSON.stringify({ formatVersion: FORMAT_VERSION, keys: records }, null, 2)}\n`;
}

/**
 * A key behind those that there are, to become the active one.
 *
 * @param secret 32 random bytes
 * @throws EncryptionError `KEYRING_INVALID` where there are too many
 */
export function newKey(
  records: readonly KeyRecord[],
  secret: Uint8Array,
  createdAt: string,
): KeyRecord {
  if (records.length >= MAX_KEYS) {
    throw new EncryptionError('KEYRING_INVALID', `there are ${MAX_KEYS} keys: remove unused ones`);
  }
  const id = Math.max(0, ...records.map((record) => record.id)) + 1;
  return { id, secret: Buffer.from(secret).toString('base64'), createdAt };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

function whyNoKey(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return 'it is not an object';
  const key: Partial<Record<keyof KeyRecord, unknown>> = value;
  const { id, secret, createdAt } = key;
  if (!Number.isSafeInteger(id) || Number(id) < 1 || Number(id) > MAX_KEY_ID) {
    return `id is not a whole number from 1 to ${MAX_KEY_ID}`;
  }
  if (typeof secret !== 'string' || !SECRET.test(secret)) {
    return `secret is not ${SECRET_BYTES} bytes in base64`;
  }
  if (typeof createdAt !== 'string' || Number.isNaN(Date.parse(createdAt))) {
    return 'createdAt is not a time';
  }
  return null;
}

function toRecord(value: unknown): KeyRecord {
  const key: Partial<Record<keyof KeyRecord, unknown>> = Object(value);
  const { id, secret, createdAt } = key;
  return { id: Number(id), secret: String(secret), createdAt: String(createdAt) };
}
