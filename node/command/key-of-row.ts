import { type JsonValue, keyTemplate, type ModelSchema, type TemplatePart } from '@lithair/crds';
import type { JsonObject } from '../ports/index.ts';

/** Longest key, in code units. */
const MAX_LENGTH = 256;

/** The next number behind a prefix, in so many digits; null where there are no more. */
export type NextNumber = (model: string, prefix: string, digits: number) => string | null;

export type MadeKey =
  | { readonly kind: 'key'; readonly key: string }
  | {
      readonly kind: 'refused';
      readonly code: 'invalid' | 'computed_field' | 'rule_broken' | 'sequence_exhausted';
      readonly message: string;
    };

const parsed = new WeakMap<ModelSchema, readonly TemplatePart[] | null>();

/** What the key of a model is made of; null where it comes from elsewhere. */
export function templateOf(model: ModelSchema): readonly TemplatePart[] | null {
  const known = parsed.get(model);
  if (known !== undefined) return known;
  const key = model.fields.find(({ name }) => name === model.primaryKey);
  const made = key?.template === undefined ? null : keyTemplate(key.template);
  parsed.set(model, made);
  return made;
}

/** Whether keys count, so that nobody can say one. */
export function counts(parts: readonly TemplatePart[]): boolean {
  return parts.some(({ kind }) => kind === 'sequence');
}

/** Makes the key of a new row from its body, which has the fields that it is made of. */
export function makeKey(
  model: ModelSchema,
  parts: readonly TemplatePart[],
  body: JsonObject,
  next: NextNumber,
): MadeKey {
  let key = '';
  for (const [at, part] of parts.entries()) {
    const text =
      part.kind === 'sequence'
        ? next(model.name, key, part.digits)
        : textOf(part, parts[at + 1], body);
    if (text === null) {
      const message = `there are no more numbers behind ${JSON.stringify(key)}`;
      return { kind: 'refused', code: 'sequence_exhausted', message };
    }
    key += text;
  }
  if (key.length <= MAX_LENGTH && !['', '.', '..'].includes(key) && !key.startsWith('_')) {
    return { kind: 'key', key };
  }
  const message = `${JSON.stringify(key)} cannot be a key: it is empty, too long or reserved`;
  return { kind: 'refused', code: 'rule_broken', message };
}

function textOf(
  part: Exclude<TemplatePart, { kind: 'sequence' }>,
  behind: TemplatePart | undefined,
  body: JsonObject,
): string {
  if (part.kind === 'text') return part.text;
  const end = behind?.kind === 'text' ? behind.text.slice(0, 1) : '';
  const value = body[part.name];
  return escaped(typeof value === 'number' ? String(value) : textual(value), end);
}

/** Of fields that can stand in a key, all values but small numbers are texts. */
function textual(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

// What cannot stand in one segment of a URL, and the sign of an escape itself.
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[%/\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Different values give different keys: what ends a value in the key is escaped within it. */
function escaped(value: string, end: string): string {
  if (!UNSAFE.test(value) && (end === '' || !value.includes(end))) return value;
  return Array.from(value, (char) =>
    char === end || UNSAFE.test(char) ? percent(char) : char,
  ).join('');
}

function percent(char: string): string {
  const bytes = Array.from(Buffer.from(char));
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}
