// Rules between attributes of one field: which attribute applies to which type, ranges, patterns
// and defaults. Everything here has the right structure already.
import type { AuthoredField, AuthoredNestedField, AuthoredValue } from './authored.ts';
import { checkComputedField } from './computed.ts';
import { explainDefault } from './default-value.ts';
import { checkEncryptedField } from './encrypted-rules.ts';
import { DEFAULTS } from './language-terms.ts';
import { compareDecimals, decimalOf, isDecimal } from './lexical.ts';
import { refusePattern } from './pattern/index.ts';
import { type Path, type Problem, problem } from './problems.ts';
import type { DefaultSource, FieldType, HistorizeSpec } from './resource.ts';
import { checkStates } from './state-rules.ts';
import { quote } from './structure.ts';

type Attribute = keyof AuthoredField;

const NUMERIC: FieldType[] = ['integer', 'number', 'decimal'];
const TEXTUAL: FieldType[] = ['string', 'text'];
const TEMPORAL: FieldType[] = ['date', 'datetime'];

/** What can stand in an index. */
export const INDEXED_TYPES: FieldType[] = [
  'string',
  ...NUMERIC,
  'boolean',
  ...TEMPORAL,
  'uuid',
  'enum',
  'reference',
];

/** The types an attribute applies to; an attribute that is not listed applies to all. */
const APPLIES_TO: Partial<Record<Attribute, FieldType[]>> = {
  minimum: NUMERIC,
  maximum: NUMERIC,
  representation: ['decimal', 'integer'],
  minLength: TEXTUAL,
  maxLength: TEXTUAL,
  pattern: TEXTUAL,
  format: TEXTUAL,
  values: ['enum'],
  states: ['enum'],
  items: ['array'],
  minItems: ['array'],
  maxItems: ['array'],
  fields: ['object'],
  to: ['reference'],
  onDelete: ['reference'],
  inverse: ['reference'],
  computed: ['string', 'text', ...NUMERIC, 'boolean', ...TEMPORAL, 'enum'],
  collation: TEXTUAL,
  defaultFrom: [...TEMPORAL, 'uuid', 'string'],
  primaryKey: ['uuid', 'string'],
  unique: ['string', ...NUMERIC, ...TEMPORAL, 'uuid', 'enum', 'reference'],
  index: INDEXED_TYPES,
};

/** What a type cannot do without. */
const NEEDS: Partial<Record<FieldType, Attribute>> = {
  enum: 'values',
  array: 'items',
  object: 'fields',
  reference: 'to',
};

/** Checks a field of a model. */
export function checkField(field: AuthoredField, path: Path): Problem[] {
  return [
    ...checkNested(field, path),
    ...checkKey(field, path),
    ...checkDefault(field, path),
    ...checkFieldDefault(field, path),
    ...checkSource(field, path),
    ...checkPast(field, path),
    ...checkStates(field, path),
    ...checkOnDelete(field, path),
    ...checkComputedField(field, path),
    ...checkEncryptedField(field, path),
  ];
}

function checkNested(value: AuthoredField | AuthoredValue, path: Path): Problem[] {
  return [
    ...checkApplies(value, path),
    ...checkRanges(value, path),
    ...checkBounds(value, path),
    ...checkPatternOf(value, path),
    ...checkEnum(value, path),
    ...checkInside(value, path),
  ];
}

function checkInside(value: AuthoredValue, path: Path): Problem[] {
  const fields = value.fields ?? [];
  const problems = fields.flatMap((field, at) => {
    const place = [...path, 'fields', at];
    return [
      ...refuseReference(field, place),
      ...checkNested(field, place),
      ...checkDefault(field, place),
    ];
  });
  if (!value.items) return problems;
  const place = [...path, 'items'];
  return [...problems, ...refuseReference(value.items, place), ...checkNested(value.items, place)];
}

function refuseReference(value: AuthoredValue, path: Path): Problem[] {
  if (value.type !== 'reference') return [];
  const message = 'a reference inside an array or object is not supported yet';
  return [problem([...path, 'type'], 'not_supported_yet', message)];
}

function checkApplies(value: AuthoredField | AuthoredValue, path: Path): Problem[] {
  const problems = Object.entries(value).flatMap(([attribute, given]) => {
    const types = typesOf(attribute);
    if (!types || isNothing(attribute, given) || types.includes(value.type)) return [];
    const where = `it applies to ${types.join(', ')}`;
    const message = `${attribute} does not apply to type ${value.type}; ${where}`;
    return [problem([...path, attribute], 'does_not_apply', message)];
  });
  return [...problems, ...checkNeeds(value, path), ...checkOrder(value, path)];
}

/** What says that the field does not have it: `unique: false`, `index: none`. */
function isNothing(attribute: string, given: unknown): boolean {
  return given === false || (attribute === 'index' && given === 'none');
}

function typesOf(attribute: string): FieldType[] | undefined {
  return Object.entries(APPLIES_TO).find(([name]) => name === attribute)?.[1];
}

/** An item that is a reference is refused as such: it needs no `to` as well. */
function checkNeeds(value: AuthoredField | AuthoredValue, path: Path): Problem[] {
  const needed = NEEDS[value.type];
  if (!needed || Object.hasOwn(value, needed)) return [];
  if (needed === 'to' && !('name' in value)) return [];
  return [problem([...path, needed], 'missing_attribute', `type ${value.type} needs ${needed}`)];
}

function checkOrder(value: AuthoredField | AuthoredValue, path: Path): Problem[] {
  if ('index' in value && value.index === 'bloom') return checkBloom(value, path);
  if (value.type !== 'boolean' || !('index' in value) || value.index !== 'ordered') return [];
  const message = 'a boolean has no order worth an index; use hash';
  return [problem([...path, 'index'], 'does_not_apply', message)];
}

/** What is looked up anyway needs no filter. */
function checkBloom(value: AuthoredField, path: Path): Problem[] {
  const refuse = (why: string) => [problem([...path, 'index'], 'does_not_apply', why)];
  if (value.primaryKey === true) return refuse('a primary key is looked up without an index');
  if (value.unique === true) return refuse('unique values are looked up: bloom adds nothing');
  if (value.type === 'reference') return refuse('references are looked up: bloom adds nothing');
  if (value.type !== 'boolean') return [];
  return refuse('a boolean has too few values for a bloom filter; use hash');
}

const RANGES = [
  ['minimum', 'maximum'],
  ['minLength', 'maxLength'],
  ['minItems', 'maxItems'],
] as const;

function checkRanges(value: AuthoredValue, path: Path): Problem[] {
  return RANGES.flatMap(([low, high]) => {
    const [least, most] = [value[low], value[high]];
    if (least === undefined || most === undefined || least <= most) return [];
    const message = `${low} ${least} is above ${high} ${most}`;
    return [problem([...path, low], 'impossible_range', message)];
  });
}

/** A bound is a number of YAML, which holds 15 digits for certain. */
function checkBounds(value: AuthoredValue, path: Path): Problem[] {
  return (['minimum', 'maximum'] as const).flatMap((bound) => {
    const given = value[bound];
    if (given === undefined) return [];
    if (value.type === 'integer' && !Number.isSafeInteger(given)) {
      const message = `${bound} of an integer must be a whole number below 2^53, not ${given}`;
      return [problem([...path, bound], 'invalid_value', message)];
    }
    const digits = decimalOf(given).replaceAll(/^-?0*\.?0*|\./g, '').length;
    if (value.type !== 'decimal' || (digits <= 15 && isDecimal(decimalOf(given)))) return [];
    const message = `${bound} must have at most 15 digits, not ${given}`;
    return [problem([...path, bound], 'invalid_value', message)];
  });
}

function checkPatternOf(value: AuthoredValue, path: Path): Problem[] {
  if (value.pattern === undefined || !TEXTUAL.includes(value.type)) return [];
  const isKey = 'primaryKey' in value && value.primaryKey === true;
  const refusal = refusePattern(
    value.pattern,
    value.maxLength ?? (isKey ? DEFAULTS.keyLength : Infinity),
  );
  if (!refusal) return [];
  const message = `pattern ${quote(value.pattern)} ${refusal.message}`;
  return [problem([...path, 'pattern'], refusal.code, message)];
}

function checkEnum(value: AuthoredValue, path: Path): Problem[] {
  const values = value.values ?? [];
  const seen = new Set<string>();
  return values.flatMap((entry, at) => {
    if (!seen.has(entry)) {
      seen.add(entry);
      return [];
    }
    const message = `the value ${quote(entry)} is there twice`;
    return [problem([...path, 'values', at], 'duplicate_value', message)];
  });
}

function checkKey(field: AuthoredField, path: Path): Problem[] {
  if (!field.primaryKey) return [];
  const refuse = refuseKey(path);
  const problems: Problem[] = [];
  if (field.nullable) problems.push(refuse('nullable', 'a primary key is never null'));
  if (field.immutable === false) problems.push(refuse('immutable', 'a primary key never changes'));
  if (field.unique === false) problems.push(refuse('unique', 'a primary key is always unique'));
  if (field.default !== undefined) {
    problems.push(
      refuse('default', 'a primary key cannot have a default: it would be taken twice'),
    );
  }
  if (field.collation !== undefined) {
    problems.push(refuse('collation', 'a primary key stands in URLs: it compares exactly'));
  }
  return field.type === 'string' ? [...problems, ...checkStringKey(field, path)] : problems;
}

function refuseKey(path: Path): (attribute: Attribute, message: string) => Problem {
  return (attribute, message) => problem([...path, attribute], 'primary_key', message);
}

function checkStringKey(field: AuthoredField, path: Path): Problem[] {
  const refuse = refuseKey(path);
  const problems: Problem[] = [];
  if (field.required === false && field.template === undefined) {
    problems.push(
      refuse('required', 'a string primary key comes from the client, so it is required'),
    );
  }
  if (field.minLength === 0) problems.push(refuse('minLength', 'a primary key is never empty'));
  if ((field.maxLength ?? 0) > DEFAULTS.keyLength) {
    const message = `a primary key has at most ${DEFAULTS.keyLength} characters`;
    problems.push(refuse('maxLength', message));
  }
  return problems;
}

function checkDefault(field: AuthoredNestedField, path: Path): Problem[] {
  if (field.default === undefined) return [];
  const reason = explainDefault(field, field.default);
  if (reason === undefined) return [];
  return [problem([...path, 'default'], 'impossible_default', `impossible default: ${reason}`)];
}

/** What each source gives is a value of certain types. */
const SOURCE_TYPES: Record<DefaultSource, FieldType[]> = {
  now: TEMPORAL,
  uuid: ['uuid'],
  actor: ['string'],
};

function checkSource({ defaultFrom, type, primaryKey }: AuthoredField, path: Path): Problem[] {
  if (defaultFrom === undefined) return [];
  const place = [...path, 'defaultFrom'];
  if (primaryKey) {
    const message = 'a primary key has no default: a uuid is generated where none is sent';
    return [problem(place, 'primary_key', message)];
  }
  const types = SOURCE_TYPES[defaultFrom];
  if (types.includes(type)) return [];
  const message = `defaultFrom: ${defaultFrom} applies to ${types.join(', ')}, not to ${type}`;
  return [problem(place, 'does_not_apply', message)];
}

function checkFieldDefault(field: AuthoredField, path: Path): Problem[] {
  if (field.default === undefined || field.primaryKey) return [];
  const place = [...path, 'default'];
  if (field.defaultFrom !== undefined) {
    return [problem(place, 'conflicting', 'default and defaultFrom exclude each other')];
  }
  if (field.unique && field.default !== null) {
    return [
      problem(
        place,
        'conflicting',
        'a unique field cannot have a default: it would be taken twice',
      ),
    ];
  }
  return [];
}

/** A reference that is set to null has to be one that can be null, and that can change. */
function checkOnDelete(field: AuthoredField, path: Path): Problem[] {
  if (field.onDelete !== 'setNull') return [];
  const place = [...path, 'onDelete'];
  if (field.immutable === true) {
    return [problem(place, 'conflicting', 'setNull would change an immutable field')];
  }
  if (field.required !== true || field.nullable === true) return [];
  const message = 'setNull needs a field that may be null: take required away, or say nullable';
  return [problem(place, 'conflicting', message)];
}

/** What is said of the past of a field: it has one, and it is said once how much of it is kept. */
function checkPast(field: AuthoredField, path: Path): Problem[] {
  const { primaryKey, historize, versioned } = field;
  const said = (['historize', 'audited', 'versioned'] as const).filter(
    (name) => field[name] !== undefined,
  );
  if (primaryKey) {
    return said.map((name) =>
      problem([...path, name], 'primary_key', 'a primary key never changes: it has no history'),
    );
  }
  if (historize === undefined) return [];
  if (versioned === undefined) return checkHistorize(historize, [...path, 'historize']);
  const message = 'versioned is historize with mode versions: say one of them';
  return [problem([...path, 'versioned'], 'conflicting', message)];
}

function checkHistorize(historize: HistorizeSpec, place: Path): Problem[] {
  const wanted = historize.mode === 'versions';
  if (wanted === (historize.versions !== undefined)) return [];
  const at = [...place, 'versions'];
  return wanted
    ? [problem(at, 'missing_attribute', 'mode versions needs versions')]
    : [problem(at, 'does_not_apply', `versions does not apply to mode ${historize.mode}`)];
}

/** Orders two bounds of a numeric type exactly. */
export function compareNumbers(a: number | string, b: number | string): number {
  return compareDecimals(textOf(a), textOf(b));
}

function textOf(value: number | string): string {
  return typeof value === 'number' ? decimalOf(value) : value;
}
