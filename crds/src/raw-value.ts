// Looking into a value whose structure is not known to be right.
import type { Path } from './problems.ts';

/** A text, and where it stands. */
export type Fact = { value: string; path: Path };

export function memberAt(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Reflect.get(value, name);
}

/** Empty where there is no list. */
export function listAt(value: unknown, name: string): readonly unknown[] {
  const list = memberAt(value, name);
  return Array.isArray(list) ? list : [];
}

/** At most one; empty where there is no text. */
export function textAt(value: unknown, name: string, path: Path): Fact[] {
  const text = memberAt(value, name);
  return typeof text === 'string' ? [{ value: text, path: [...path, name] }] : [];
}
