import type { Row } from './types.ts';
import { STAMP } from './types.ts';

const texts = new WeakMap<Row, string>();

/** The row as a text that is equal for equal rows, whatever the order of their fields. */
export function textOf(row: Row): string {
  const known = texts.get(row);
  if (known !== undefined) return known;
  const names = Object.keys(row).sort();
  const text = JSON.stringify(names.map((name) => [name, row[name]]));
  texts.set(row, text);
  return text;
}

/** A JSON Merge Patch of a flat row; null is a value of a field, not its removal. */
export function merge(row: Row, patch: Row): Row {
  return { ...row, ...patch };
}

/** The text that names the write which made this row. */
export function stampOf(row: Row): string {
  return fieldText(row, STAMP);
}

export function idOf(row: Row): string {
  return fieldText(row, 'id');
}

/** The value where it is a text, and else none. */
export function fieldText(row: Row, field: string): string {
  const value = row[field];
  return typeof value === 'string' ? value : '';
}
