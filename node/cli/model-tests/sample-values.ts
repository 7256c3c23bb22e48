// Values that a field takes, by number: different numbers give different values where there are any.
import {
  compilePattern,
  type Format,
  type JsonValue,
  refuseFormat,
  textLength,
  type ValueSchema,
} from '@lithair/crds';
import fc from 'fast-check';
import { NotDerived } from './model-test.ts';

const DAY_MS = 86_400_000;
/** To come: rows that expire by a field are there as long as the tests need them. */
const FIRST_MS = Date.UTC(2101, 0, 1);

type Sampler = (value: ValueSchema, n: number) => JsonValue;

const SAMPLERS: Readonly<Record<ValueSchema['type'], Sampler>> = {
  string: sampleText,
  text: sampleText,
  integer: sampleNumber,
  number: sampleNumber,
  decimal: (value, n) => String(sampleNumber(value, n)),
  boolean: (_, n) => n % 2 === 0,
  date: (_, n) => new Date(FIRST_MS + n * DAY_MS).toISOString().slice(0, 10),
  datetime: (_, n) => new Date(FIRST_MS + n * DAY_MS).toISOString(),
  uuid: (_, n) => sampleUuid(n),
  enum: ({ values = [] }, n) => values[n % values.length] ?? '',
  array: (value, n) =>
    sampleItems(value, n, Math.min(Math.max(1, value.minItems ?? 0), value.maxItems ?? Infinity)),
  object: sampleObject,
  reference: () => {
    throw new NotDerived('a reference needs a row to point to');
  },
};

/** @throws NotDerived where no value is found, or the field is a reference */
export function sampleValue(value: ValueSchema, n: number): JsonValue {
  return SAMPLERS[value.type](value, n);
}

/** Such as could be the subject of a caller, too: it begins with a letter. */
export function sampleUuid(n: number): string {
  return `a0000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function sampleItems({ items }: ValueSchema, n: number, count: number): JsonValue[] {
  if (items === undefined) return [];
  return Array.from({ length: count }, (_, at) => sampleValue(items, n + at));
}

function sampleObject({ fields = [] }: ValueSchema, n: number): JsonValue {
  return Object.fromEntries(fields.map((field) => [field.name, sampleValue(field, n)]));
}

function sampleNumber({ minimum, maximum, type }: ValueSchema, n: number): number {
  const least = minimum === undefined ? null : Number(minimum);
  const most = maximum === undefined ? null : Number(maximum);
  const first = Math.ceil(least ?? Math.min(1, most === null ? 1 : most - 1000));
  if (most === null) return first + n;
  const span = Math.floor(most) - first + 1;
  if (span >= 1) return first + (n % span);
  if (type === 'integer') throw new NotDerived('there is no whole number between its bounds');
  return least ?? most;
}

const SAMPLES: Readonly<Record<Format, (n: number) => string>> = {
  email: (n) => `person${n}@example.org`,
  url: (n) => `https://example.org/${n}`,
  uri: (n) => `urn:example:${n}`,
  uuid: sampleUuid,
  hostname: (n) => `host-${n}.example.org`,
  ipv4: (n) => `10.${(n >> 16) % 256}.${(n >> 8) % 256}.${n % 256}`,
  ipv6: (n) => `2001:db8::${(n % 0xffff).toString(16)}`,
  slug: (n) => `sample-${n}`,
  phone: (n) => `+331${String(n).padStart(8, '0')}`,
};

function sampleText(value: ValueSchema, n: number): string {
  if (value.pattern !== undefined) {
    const found = textsOfPattern(value);
    return found[n % found.length] ?? '';
  }
  if (value.format !== undefined) return SAMPLES[value.format](n);
  const { minLength = 1, maxLength = Number.POSITIVE_INFINITY } = value;
  const text = `s${n.toString(36)}`.padEnd(minLength, 'x');
  return text.slice(Math.max(0, textLength(text) - maxLength));
}

const TRIED = 600;
const GROWN = 1_000;
const SIZES = ['xsmall', 'small', 'medium'] as const;
const known = new WeakMap<ValueSchema, readonly string[]>();

/**
 * Different texts with the pattern, the lengths and the format of a field.
 *
 * @throws NotDerived where none is found among some hundreds
 */
export function textsOfPattern(value: ValueSchema): readonly string[] {
  const cached = known.get(value);
  if (cached !== undefined) return cached;
  const found = drawn(value.pattern ?? '').filter((text) => isFitting(value, text));
  const longer = found.slice(0, GROWN).flatMap((text, n) => [`${text}${n}`, `${n}${text}`]);
  const fitting = [...new Set([...found, ...longer.filter((text) => isFitting(value, text))])];
  if (fitting.length === 0) {
    throw new NotDerived(`no text with the pattern ${value.pattern} was found`);
  }
  // Printable ones where there are any, since they stand in URLs and terminals.
  const plain = fitting.filter(isPlain);
  const kept = plain.length > 0 ? plain : fitting;
  known.set(value, kept);
  return kept;
}

function drawn(pattern: string): string[] {
  try {
    const regexp = compilePattern(pattern);
    return SIZES.flatMap((size) =>
      fc.sample(fc.stringMatching(regexp, { size }), { numRuns: TRIED, seed: 1 }),
    );
  } catch {
    throw new NotDerived(`texts with the pattern ${pattern} cannot be made`);
  }
}

function isPlain(text: string): boolean {
  return /^[A-Za-z0-9][\w .~@+-]*$/.test(text);
}

/** Whether a text has the lengths, the format and the pattern of a field. */
export function isFitting(value: ValueSchema, text: string): boolean {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, format, pattern } = value;
  const length = textLength(text);
  if (length < minLength || length > maxLength) return false;
  if (format !== undefined && refuseFormat(format, text) !== null) return false;
  return pattern === undefined || compilePattern(pattern).test(text);
}
