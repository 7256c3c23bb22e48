import type { FieldSchema, JsonValue, ValueSchema } from '@lithair/crds';

/** JSON with numbers of another kind in it. */
export type WithNumbers<T> =
  | T
  | JsonValue
  | readonly WithNumbers<T>[]
  | { readonly [name: string]: WithNumbers<T> };

type Row<T> = { readonly [name: string]: WithNumbers<T> };
type Rewrite<T> = (value: JsonValue) => WithNumbers<T>;

/**
 * Rewrites the values of a row that are kept as digits in a string, and that the model has
 * represented as numbers; null where it has none.
 *
 * @param write makes a number of its digits, which are one in JSON's grammar
 */
export function numbersOf<T>(
  fields: readonly FieldSchema[],
  write: (digits: string) => T,
): ((row: { readonly [name: string]: JsonValue }) => Row<T>) | null {
  const rewrites = new Map(
    fields.flatMap((field): [string, Rewrite<T>][] => {
      const rewrite = rewriteOf(field, write);
      return rewrite === null ? [] : [[field.name, rewrite]];
    }),
  );
  if (rewrites.size === 0) return null;
  return (row) => {
    const entries = Object.entries(row).map(([name, value]): [string, WithNumbers<T>] => [
      name,
      rewrites.get(name)?.(value) ?? value,
    ]);
    return Object.fromEntries(entries);
  };
}

function rewriteOf<T>(value: ValueSchema, write: (digits: string) => T): Rewrite<T> | null {
  if (value.representation === 'number') {
    return (given) => (typeof given === 'string' ? write(given) : given);
  }
  const item = value.items === undefined ? null : rewriteOf(value.items, write);
  if (item !== null) return (given) => (Array.isArray(given) ? given.map(item) : given);
  const inner = numbersOf(value.fields ?? [], write);
  if (inner === null) return null;
  return (given) =>
    typeof given === 'object' && given !== null && !Array.isArray(given) ? inner(given) : given;
}

/** A number of the answer that no double has to hold (https://tc39.es/proposal-json-parse-with-source/). */
declare global {
  interface JSON {
    rawJSON(text: string): { readonly rawJSON: string };
  }
}

/** Writes digits into JSON as the number that they are, however many they are. */
export function rawNumber(digits: string): { readonly rawJSON: string } {
  return JSON.rawJSON(digits);
}
