import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Filter } from './filter.ts';
import type { Order, Position } from './order.ts';
import { QueryRefusal } from './refusal.ts';

/** Where the state stood when a cursor was made; every opaque token carries these. */
export interface Origin {
  readonly epoch: number;
  readonly index: number;
  readonly schemaVersion: number;
}

const FORMAT = 1;
/** The one raft group there is, and the place within an entry. */
const GROUP = 0;
const SUB_INDEX = 0;
/** Longer than this, a cursor may not fit into a URL. */
const MAX_LENGTH = 12 * 1024;

/** Ties a cursor to the model, the order and the filters that it was made for. */
export function queryFingerprint(
  model: string,
  order: Order,
  filters: readonly Pick<Filter, 'text'>[],
): string {
  const terms = order.terms.map((term) => [term.field.name, term.descending]);
  const conditions = filters.map((filter) => filter.text).sort();
  const text = JSON.stringify([model, terms, order.idDescending, conditions]);
  return hash('sha256', text, 'hex').slice(0, 16);
}

/** @throws QueryRefusal where a sorted value is too long to stand in a cursor */
export function encodeCursor(position: Position, fingerprint: string, origin: Origin): string {
  const { epoch, index, schemaVersion } = origin;
  // JSON by hand where nothing needs an escape: every page but the last one has a cursor.
  const head = `${FORMAT},${epoch},${GROUP},${index},${SUB_INDEX},${schemaVersion},"${fingerprint}"`;
  const payload = `[${head},${JSON.stringify(position.keys)},${JSON.stringify(position.id)}]`;
  const cursor = Buffer.from(`${checksum(payload)}${payload}`).toString('base64url');
  if (cursor.length <= MAX_LENGTH) return cursor;
  const message = 'sort: a value on this page is too long to continue behind it';
  throw new QueryRefusal('invalid_query', 'sort', 'too_long', message);
}

/** @throws QueryRefusal `bad_cursor` */
export function decodeCursor(cursor: string, fingerprint: string, order: Order): Position {
  const parts = readPayload(cursor);
  if (parts?.[0] !== FORMAT) throw badCursor('is not a cursor that this API gave out');
  if (parts[6] !== fingerprint) throw badCursor('belongs to another sort or filter');
  const [keys, id] = [parts[7], parts[8]];
  if (!isKeys(keys) || keys.length !== order.terms.length || typeof id !== 'string') {
    throw badCursor('is not a cursor that this API gave out');
  }
  return { keys, id };
}

function readPayload(cursor: string): unknown[] | null {
  const text = Buffer.from(cursor, 'base64url').toString();
  const payload = text.slice(8);
  if (cursor.length > MAX_LENGTH || text.slice(0, 8) !== checksum(payload)) return null;
  try {
    const parts: unknown = JSON.parse(payload);
    return Array.isArray(parts) ? parts : null;
  } catch {
    return null;
  }
}

function isKeys(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((key) => typeof key === 'string');
}

function checksum(payload: string): string {
  return crc32(payload).toString(16).padStart(8, '0');
}

function badCursor(message: string): QueryRefusal {
  return new QueryRefusal('bad_cursor', 'cursor', 'bad_cursor', `cursor ${message}`);
}
