// Bounded search for rows that meet a condition, or break it.
import {
  compileExpression,
  computedFields,
  type Expression,
  type FieldSchema,
  type JsonValue,
  type ModelSchema,
  type ValueSchema,
} from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import { NotDerived } from './model-test.ts';
import { isFitting, sampleItems, sampleUuid, sampleValue } from './sample-values.ts';
import { valueCases } from './value-cases.ts';

const MOST_TRIED = 5_000;
const SAMPLES = 4;
/** Of a list that is tried. */
const MOST_ITEMS = 3;

export interface CompiledRule {
  readonly message: string;
  readonly expression: Expression;
}

export function rulesOf(model: ModelSchema): CompiledRule[] {
  return (model.rules ?? []).map(({ expr, message }) => ({
    message,
    expression: compileExpression(model, expr, ['self', 'old']),
  }));
}

/** Whether a new row meets a rule: one that speaks of the row before says nothing of it. */
export function holdsOfNew({ expression }: CompiledRule, row: JsonObject): boolean {
  return expression.reads.old.size > 0 || expression.holds({ self: row });
}

/** A body as a row: with what stands in the place of absent fields. */
export function completed(model: ModelSchema, body: JsonObject): JsonObject {
  const row: JsonObject = {};
  for (const field of model.fields) row[field.name] = storedValue(model, field, body);
  for (const { name, computation } of computedFields(model)) row[name] = computation.valueOf(row);
  return row;
}

function storedValue(model: ModelSchema, field: FieldSchema, body: JsonObject): JsonValue {
  const given = body[field.name];
  if (given !== undefined && (given !== null || field.nullable)) return given;
  if (field.name === model.primaryKey) return sampleUuid(0);
  if (field.defaultFrom === 'now') return new Date().toISOString();
  if (field.defaultFrom === 'actor') return 'anonymous';
  return field.default ?? null;
}

/** Values of a field that a search tries: samples, boundaries, and what the condition speaks of. */
export function candidates(field: FieldSchema, texts: readonly string[]): JsonValue[] {
  const values: JsonValue[] = field.required && !field.nullable ? [] : [null];
  for (let n = 0; n < SAMPLES; n++) values.push(sampleValue(field, n));
  const taken = valueCases(field).filter(({ pointer, code }) => pointer === '' && code === null);
  values.push(...taken.map(({ value }) => value));
  for (const literal of texts.flatMap((text) => literalsIn(field, text))) {
    if (valueFits(field, literal)) values.push(literal);
  }
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function literalsIn(value: ValueSchema, text: string): JsonValue[] {
  switch (value.type) {
    case 'integer':
    case 'number':
      return numbersIn(text);
    case 'decimal':
      return numbersIn(text).map(String);
    case 'array':
      return listsIn(value, text);
    case 'boolean':
    case 'object':
      return [];
    default:
      return stringsIn(text);
  }
}

/** Lists that begin with what the condition speaks of, alone and before other items. */
function listsIn(list: ValueSchema, text: string): JsonValue[] {
  const { items, minItems = 0, maxItems = MOST_ITEMS } = list;
  if (items === undefined || items.type === 'reference') return [];
  const firsts = literalsIn(items, text).filter((literal) => valueFits(items, literal));
  const counts = Array.from({ length: Math.min(MOST_ITEMS, maxItems) + 1 }, (_, count) => count);
  return counts
    .filter((count) => count >= minItems)
    .flatMap((count) => {
      const others = sampleItems(list, count, count);
      return [others, ...(count === 0 ? [] : firsts.map((first) => [first, ...others.slice(1)]))];
    });
}

function numbersIn(text: string): number[] {
  const found = [...text.matchAll(/\d+(\.\d+)?/g)].map(([literal]) => Number(literal));
  return found.flatMap((number) => [number, number - 1, number + 1]);
}

function stringsIn(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, one, other]) => one ?? other ?? '');
}

const LITERALS: Readonly<Partial<Record<ValueSchema['type'], RegExp>>> = {
  date: /^\d{4}-\d\d-\d\d$/,
  datetime: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

/** Of what a condition speaks of, not all is a value of the field. */
function valueFits(field: ValueSchema, value: JsonValue): boolean {
  if (typeof value === 'string' && field.type !== 'decimal') return textFits(field, value);
  if (Array.isArray(value)) return field.type === 'array';
  const number = Number(value);
  return isWithin(field, number) && (field.type !== 'integer' || Number.isInteger(number));
}

function textFits(field: ValueSchema, text: string): boolean {
  const { type, values = [] } = field;
  if (type === 'enum') return values.includes(text);
  if (type === 'string' || type === 'text') return isFitting(field, text);
  return LITERALS[type]?.test(text) === true;
}

function isWithin({ minimum = -Infinity, maximum = Infinity }: ValueSchema, number: number) {
  return number >= Number(minimum) && number <= Number(maximum);
}

/**
 * A body that differs from `base` in some fields alone, and is wanted; null where none is found in
 * some thousands.
 */
export function searchBody(
  model: ModelSchema,
  base: JsonObject,
  varied: readonly string[],
  texts: readonly string[],
  isWanted: (row: JsonObject) => boolean,
): JsonObject | null {
  if (isWanted(completed(model, base))) return base;
  const choices = model.fields
    .filter((field) => varied.includes(field.name) && canVary(model, field))
    .map((field) => ({ name: field.name, values: valuesOf(field, texts) }));
  if (choices.length === 0) return null;
  let next = 1;
  for (let tried = 0; tried < MOST_TRIED; tried++) {
    // A multiplicative generator (Park and Miller): the same rows in every run.
    const body = { ...base };
    for (const { name, values } of choices) {
      next = (next * 48_271) % 2_147_483_647;
      body[name] = values[next % values.length] ?? null;
    }
    if (isWanted(completed(model, body))) return body;
  }
  return null;
}

function canVary({ primaryKey }: ModelSchema, field: FieldSchema): boolean {
  const isSent = field.computed === undefined && field.hidden !== true;
  const isFree = field.type !== 'reference' && field.states === undefined;
  return isSent && isFree && field.name !== primaryKey;
}

function valuesOf(field: FieldSchema, texts: readonly string[]): JsonValue[] {
  try {
    return candidates(field, texts);
  } catch (error) {
    if (error instanceof NotDerived) return [null];
    throw error;
  }
}
