import { createHash } from 'node:crypto';
import { didYouMean } from '@lithair/crds/suggest';
import { CliError, EXIT } from '../cli-error.ts';
import type { Row, RowValue } from './row.ts';
import type { ImportTarget, TargetField } from './target.ts';

/** How columns become fields. */
export interface Mapping {
  /** Column name → field name; a column that is not named keeps its name. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Columns that are left out. */
  readonly dropped: ReadonlySet<string>;
  /** Field (after renaming) whose value makes the primary key, so that a second run is harmless. */
  readonly key: string | null;
}

/** @throws CliError where an entry is not `COLUMN=FIELD` */
export function parseMapping(
  entries: readonly string[],
  dropped: readonly string[],
  key: string | null,
): Mapping {
  const renamed = new Map<string, string>();
  for (const entry of entries) {
    const at = entry.lastIndexOf('=');
    if (at < 1 || at === entry.length - 1) {
      throw new CliError(`--map takes COLUMN=FIELD, not ${entry}`, EXIT.usage);
    }
    renamed.set(entry.slice(0, at), entry.slice(at + 1));
  }
  return { renamed, dropped: new Set(dropped), key };
}

/** @throws CliError where a column is to become a field, or a key to be made of one, that is not there */
export function requireFields({ renamed, key }: Mapping, { model, fields }: ImportTarget): void {
  const names = [...fields.keys()];
  const options = [...renamed].map(
    ([column, field]) => [`--map ${column}=${field}`, field] as const,
  );
  for (const [option, field] of key === null ? options : [...options, ['--key', key] as const]) {
    if (fields.has(field)) continue;
    const near = didYouMean(field, names);
    throw new CliError(`${option}: ${model} has no field ${field}${near}`, EXIT.usage);
  }
}

/**
 * Of a file whose rows all have the same columns, each of them would be refused.
 *
 * @throws CliError where a column that is named is not there, or one becomes no field
 */
export function requireColumns(
  file: string,
  columns: readonly string[],
  { renamed, dropped }: Mapping,
  { model, fields }: ImportTarget,
): void {
  const unknown = [...renamed.keys(), ...dropped].find((column) => !columns.includes(column));
  if (unknown !== undefined) {
    const near = didYouMean(unknown, columns);
    throw new CliError(`${file} has no column ${unknown}${near}; it has ${columns.join(', ')}`);
  }
  const lost = columns.filter(
    (column) => !dropped.has(column) && !fields.has(renamed.get(column) ?? column),
  );
  if (lost.length === 0) return;
  throw new CliError(
    `${file}: ${model} has no field ${lost.join(', ')}; it has ${[...fields.keys()].join(', ')} ` +
      '(--map COLUMN=FIELD renames a column, --drop COLUMN leaves it out)',
  );
}

/** The body to send for a row, as JSON, or why there is none. */
export type MappedRow =
  | { readonly ok: true; readonly body: string }
  | { readonly ok: false; readonly reason: string };

/** Renames, drops, types (CSV) and keys one row. */
export function mapRow(
  row: Row,
  mapping: Mapping,
  target: ImportTarget,
  untyped: boolean,
): MappedRow {
  if (row.values === null) return { ok: false, reason: row.problem ?? 'unreadable' };
  const body = new Map<string, RowValue>();
  for (const [column, value] of Object.entries(row.values)) {
    if (mapping.dropped.has(column)) continue;
    const field = mapping.renamed.get(column) ?? column;
    if (body.has(field)) return { ok: false, reason: `two columns become ${field}` };
    const typed = untyped ? fromText(String(value), target.fields.get(field)) : value;
    if (typed !== undefined) body.set(field, typed);
  }
  return mapping.key === null ? ready(body) : withKey(body, mapping.key, target);
}

function ready(body: Iterable<readonly [string, RowValue]>): MappedRow {
  return { ok: true, body: JSON.stringify(Object.fromEntries(body)) };
}

/**
 * The primary key follows from the key field: the value itself where the key is a string, a UUID
 * (version 8, RFC 9562) from the hash of model and value where it is a uuid.
 */
function withKey(
  body: ReadonlyMap<string, RowValue>,
  key: string,
  target: ImportTarget,
): MappedRow {
  const value = body.get(key);
  if (value === undefined || value === null || value === '') {
    return { ok: false, reason: `has no ${key} to make its key from` };
  }
  if (key === target.primaryKey) return ready(body);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const id = target.primaryKeyIsUuid ? uuidFrom(`${target.model}\0${text}`) : text;
  return ready([[target.primaryKey, id], ...body]);
}

function uuidFrom(text: string): string {
  const hash = createHash('sha256').update(text).digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = hash.toString('hex', 0, 16);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** CSV knows only text: an empty cell is absent, numbers and booleans are told by the field. */
function fromText(text: string, field: TargetField | undefined): RowValue {
  if (text === '') return undefined;
  if (field === undefined) return text;
  if (field.numeric && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text);
  if (field.boolean && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
