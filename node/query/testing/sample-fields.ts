/** Fields with values, and what conditions on them mean, as the documentation tells it. */
import type { JsonObject } from '../../ports/index.ts';

/** What the fields have. */
export type Scalar = string | number | boolean;

/** A field with the values that its rows have, and what a value stands for where values compare. */
export interface SampleField {
  readonly name: string;
  readonly spec: object;
  readonly values: readonly Scalar[];
  /** Other ways to ask for the same values. */
  readonly asked?: readonly string[];
  readonly indexes: readonly string[];
  readonly isText?: boolean;
  /** Whether a value is the same as it alone. */
  readonly isExact?: boolean;
  readonly rank: (value: Scalar) => string | number;
}

const ANY_INDEX = ['none', 'hash', 'ordered', 'bloom'];
/** Beyond U+FFFF, and what stands behind it in UTF-16 but not in UTF-8. */
const TEXTS = ['', 'a', 'ab', 'b', '\u{1f600}', '\uffee', '\u0000', '\u0001b'];
/** What texts compare as. */
const FOLDED: Readonly<Record<string, readonly [ci: string, ai: string]>> = {
  lamp: ['lamp', 'lamp'],
  LAMP: ['lamp', 'lamp'],
  lämp: ['lämp', 'lamp'],
  LÄMP: ['lämp', 'lamp'],
  lamps: ['lamps', 'lamps'],
  Öl: ['öl', 'ol'],
  ol: ['ol', 'ol'],
  '': ['', ''],
};

/** Rows have others, too. */
export const ID: SampleField = {
  name: 'id',
  spec: { type: 'string', primaryKey: true },
  values: ['a', 'ab', 'b', 'é', '\u{1f600}', '\uffee'],
  indexes: ['none', 'hash', 'ordered'],
  isText: true,
  isExact: true,
  rank: String,
};

/** The others, any of which may be without a value. */
export const FIELDS: readonly SampleField[] = [
  {
    name: 'code',
    spec: { type: 'string' },
    values: TEXTS,
    isText: true,
    isExact: true,
    ...as('string'),
  },
  collatedField('name', 'ci', 0),
  collatedField('town', 'ci-ai', 1),
  {
    name: 'price',
    spec: { type: 'decimal' },
    values: ['-2', '-1.50', '0.00', '1.5', '1.50', '10', '9.99'],
    asked: ['-2.0', '1.500', '0', '10.0'],
    indexes: ANY_INDEX,
    rank: Number,
  },
  {
    name: 'stock',
    spec: { type: 'integer' },
    values: [-1, 0, 1, 2, 10],
    isExact: true,
    ...as('number'),
  },
  { name: 'rating', spec: { type: 'number' }, values: [-0.5, 0, 0.25, 3], ...as('number') },
  {
    name: 'live',
    spec: { type: 'boolean' },
    values: [true, false],
    isExact: true,
    indexes: ['none', 'hash'],
    rank: Number,
  },
  {
    name: 'day',
    spec: { type: 'date' },
    values: ['2026-01-01', '2026-01-02', '1999-12-31'],
    ...as('string'),
  },
  {
    name: 'seen',
    spec: { type: 'datetime' },
    values: ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.5Z', '2025-12-31T23:59:59Z'],
    asked: ['2025-12-31T23:00:00-01:00', '2026-01-01T00:00:00.500Z'],
    indexes: ANY_INDEX,
    rank: (value) => Date.parse(String(value)),
  },
  {
    name: 'kind',
    spec: { type: 'enum', values: ['x', 'y', 'w'] },
    values: ['x', 'y', 'w'],
    isExact: true,
    ...as('string'),
  },
];

function as(type: 'string' | 'number') {
  return { indexes: ANY_INDEX, rank: type === 'string' ? String : Number };
}

function collatedField(name: string, collation: string, at: 0 | 1): SampleField {
  return {
    name,
    spec: { type: 'string', collation },
    values: Object.keys(FOLDED),
    indexes: ANY_INDEX,
    isText: true,
    rank: (value) => FOLDED[String(value)]?.[at] ?? String(value),
  };
}

/** A condition as a parameter, and as what it means. */
export interface Condition {
  readonly text: string;
  holds(row: JsonObject): boolean;
}

export function fieldOf(name: string): SampleField {
  const found = [ID, ...FIELDS].find((field) => field.name === name);
  if (found === undefined) throw new Error(`there is no field ${name}`);
  return found;
}

/** A filter as it stands in a query. */
export function written(filter: string, name: string): Condition {
  const [left = '', value = ''] = filter.split('=');
  const operator = left === name ? 'eq' : left.slice(name.length + 1, -1);
  return conditionOf(fieldOf(name), operator, value.split(','));
}

export function conditionOf(
  field: SampleField,
  operator: string,
  values: readonly string[],
): Condition {
  const text = `${field.name}[${operator}]=${values.map(encodeURIComponent).join(',')}`;
  return { text, holds: (one) => holds(field, operator, scalarOf(one, field.name), values) };
}

export function eitherOf([one, other]: readonly [Condition, Condition]): Condition {
  const parts = [one, other].map(({ text }) => text.replace('[eq]', ''));
  // Lists and texts with commas do not stand in it.
  if (parts.some((text) => /\[n?in\]|,/.test(text))) return one;
  const text = `or=${parts.map((part) => part.replace('=', '%3D')).join(',')}`;
  return { text, holds: (given) => one.holds(given) || other.holds(given) };
}

function holds(
  { rank, name }: SampleField,
  operator: string,
  value: Scalar | null,
  asked: readonly string[],
): boolean {
  if (operator === 'null') return (value === null) === (asked[0] === 'true');
  if (value === null) return operator === 'ne' || operator === 'nin';
  const ranks = asked.map((text) => (name === 'live' ? Number(text === 'true') : rank(text)));
  const [own, bound = ''] = [rank(value), ranks[0]];
  const isOne = ranks.includes(own);
  const meanings: Readonly<Record<string, boolean>> = {
    eq: isOne,
    in: isOne,
    ne: !isOne,
    nin: !isOne,
    startsWith: String(own).startsWith(String(bound)),
    contains: String(own).includes(String(bound)),
    lt: own < bound,
    lte: own <= bound,
    gt: own > bound,
    gte: own >= bound,
  };
  const isMet = meanings[operator];
  if (isMet === undefined) throw new RangeError(`there is no operator ${operator}`);
  return isMet;
}

export function scalarOf(row: JsonObject, name: string): Scalar | null {
  const value = row[name] ?? null;
  if (typeof value === 'object' && value !== null) throw new TypeError(`${name} is no scalar`);
  return value;
}

export function compareValues(
  rank: SampleField['rank'],
  a: Scalar | null,
  b: Scalar | null,
): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  const [left, right] = [rank(a), rank(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
