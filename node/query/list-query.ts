import { type IndexSpec, indexName, type ModelSchema, type Schema } from '@lithair/crds';
import { decodeCursor, queryFingerprint } from './cursor.ts';
import { compileFields, type QueryField, type QueryFields, type Veil } from './fields.ts';
import {
  type Alternatives,
  anyOf,
  compileFilter,
  type Filter,
  OPERATORS,
  type Operator,
  takes,
} from './filter.ts';
import { completeOrder, type Order, type Position, type SortTerm } from './order.ts';
import { isWithin, type RowCondition, rowConditions } from './partial-index.ts';
import { QueryRefusal } from './refusal.ts';
import { type ListScope, planScope, type RowScope } from './scope.ts';

/** One parameter of a query string, decoded; its parts are what stood between plain commas. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly parts: readonly string[];
}

/** An index over several fields, all of which the caller may read. */
export interface QueryIndex {
  readonly name: string;
  readonly fields: readonly QueryField[];
  readonly isUnique: boolean;
  /** What holds of its rows, and of no others; null: it is of all rows. */
  readonly conditions: readonly RowCondition[] | null;
}

/** What a list request wants, checked against the model. */
export interface ListQuery {
  /** Indexes over several fields that it may be answered by. */
  readonly indexes: readonly QueryIndex[];
  /** Those that are of a part of the rows, to which it is not bound to keep. */
  readonly tooNarrow: readonly QueryIndex[];
  readonly filters: readonly Filter[];
  /** All of these must hold, too. */
  readonly alternatives: readonly Alternatives[];
  readonly order: Order;
  /** Fields to return, in the order of the schema; null: all. */
  readonly projection: readonly string[] | null;
  readonly limit: number;
  readonly after: Position | null;
  readonly countsTotal: boolean;
  readonly fingerprint: string;
  /** The rows that it is about; null: all. */
  readonly scope: ListScope | null;
  /** What the caller sees in some rows alone; null: nothing. */
  readonly veil: Veil | null;
}

/** Reads the queries of one model. */
export interface QueryCompiler {
  /**
   * @param parameters a list that nobody changes: the query is remembered by it
   * @param scope the rows that the caller may read; null: all
   * @param veil of the fields that the compiler was told of; null: they see them in every row
   * @throws QueryRefusal
   */
  list(parameters: readonly Parameter[], scope: RowScope | null, veil?: Veil | null): ListQuery;
  /** The names in `fields`. @throws QueryRefusal */
  projection(parameter: Parameter): readonly string[];
}

export const DEFAULT_LIMIT = 20;
export const MAX_LIMIT = 1000;
const MAX_SORT_TERMS = 4;
const MAX_ALTERNATIVES = 50;
const LATER_PARAMETERS = ['at', 'version'];

/**
 * Made once per schema.
 *
 * @param model with the fields that the caller may read
 * @param isPart whether its rows have others, too
 * @param whole the model with all of its fields, which rules for rows may speak of
 * @param veiled fields that the caller sees in some rows alone: no index of theirs is used
 */
export function compileQueries(
  schema: Schema,
  model: ModelSchema,
  isPart = false,
  whole: ModelSchema = model,
  veiled: ReadonlySet<string> = new Set(),
): QueryCompiler {
  const all = isPart || veiled.size > 0 ? model.fields.map(({ name }) => name) : null;
  const fields = compileFields(schema, model, veiled);
  const plain = new Map([...fields].filter(([name]) => !veiled.has(name)));
  const indexes = compileIndexes(whole, plain);
  const scoped = new Map([...compileFields(schema, whole), ...plain]);
  const projection = (parameter: Parameter) => readProjection(parameter, model, fields);
  const compile = (
    parameters: readonly Parameter[],
    rows: RowScope | null,
    veil: Veil | null = null,
  ) => {
    const query = readList(parameters, model, fields, projection);
    const scope = rows === null ? null : planScope(rows, scoped);
    const filters = scope === null ? query.filters : [...query.filters, ...scope.implied];
    const usable = indexes.filter((index) => isWithin(filters, index));
    const tooNarrow = indexes.filter((index) => !usable.includes(index));
    const projected = query.projection ?? all;
    return { ...query, filters, scope, veil, indexes: usable, tooNarrow, projection: projected };
  };
  return { projection, list: rememberingWhole(compile) };
}

/**
 * What was made of the same list of parameters before. Queries about some rows or with a veil are of
 * one caller, and made each time; a page behind a cursor is mostly asked for once.
 */
function rememberingWhole(compile: QueryCompiler['list']): QueryCompiler['list'] {
  const made = new WeakMap<readonly Parameter[], ListQuery>();
  return (parameters, scope, veil = null) => {
    if (scope !== null || veil !== null) return compile(parameters, scope, veil);
    const known = made.get(parameters);
    if (known !== undefined) return known;
    const query = compile(parameters, scope, veil);
    if (query.after === null) made.set(parameters, query);
    return query;
  };
}

/** One with a field that the caller may not read in every row is left out: it could tell of its values. */
function compileIndexes(model: ModelSchema, fields: QueryFields): readonly QueryIndex[] {
  return (model.indexes ?? []).flatMap((index) => {
    const known = index.fields.flatMap((name) => fields.get(name) ?? []);
    const conditions = conditionsOf(model, index, fields);
    if (known.length < index.fields.length || conditions === 'unknown') return [];
    const isUnique = index.unique !== undefined;
    return [{ name: indexName(index), fields: known, isUnique, conditions }];
  });
}

/** Unknown where they are more than what filters could imply, or of fields that are not known. */
function conditionsOf(
  model: ModelSchema,
  { where }: IndexSpec,
  fields: QueryFields,
): QueryIndex['conditions'] | 'unknown' {
  return where === undefined ? null : rowConditions(model, where, fields);
}

function readList(
  parameters: readonly Parameter[],
  model: ModelSchema,
  fields: QueryFields,
  projection: QueryCompiler['projection'],
): Omit<ListQuery, 'indexes' | 'tooNarrow' | 'scope' | 'veil'> {
  const settings = new Map<string, Parameter>();
  const filters: Filter[] = [];
  const alternatives: Alternatives[] = [];
  for (const parameter of parameters) {
    if (LATER_PARAMETERS.includes(parameter.name)) throw notYet(parameter.name);
    if (parameter.name === 'or') alternatives.push(readAlternatives(parameter, fields));
    else if (!SETTINGS.includes(parameter.name)) filters.push(readFilter(parameter, fields));
    else if (settings.has(parameter.name))
      throw refuse(parameter.name, 'repeated', 'is there twice');
    else settings.set(parameter.name, parameter);
  }
  const order = readSort(settings.get('sort'), fields);
  const fingerprint = queryFingerprint(model.name, order, [...filters, ...alternatives]);
  const [cursor, shown] = [settings.get('cursor'), settings.get('fields')];
  return {
    filters,
    alternatives,
    order,
    projection: shown === undefined ? null : projection(shown),
    limit: readLimit(settings.get('limit')),
    after: cursor === undefined ? null : decodeCursor(cursor.value, fingerprint, order),
    countsTotal: readFlag(settings.get('count')),
    fingerprint,
  };
}

const SETTINGS: readonly string[] = ['limit', 'cursor', 'sort', 'fields', 'count'];

function readFilter(parameter: Parameter, fields: QueryFields): Filter {
  const { name } = parameter;
  const bracket = name.indexOf('[');
  const field = fields.get(bracket === -1 ? name : name.slice(0, bracket));
  const operator = bracket === -1 ? 'eq' : operatorOf(name.slice(bracket));
  if (field === undefined || operator === undefined || !takes(field, operator)) {
    const message = 'there is no such field, or it does not take this operator';
    throw refuse(name, 'unknown_filter', message);
  }
  const isList = operator === 'in' || operator === 'nin';
  return compileFilter(field, operator, isList ? parameter.parts : [parameter.value], name);
}

/** `or=price[lt]=10,stock=0`: conditions between plain commas. */
function readAlternatives(parameter: Parameter, fields: QueryFields): Alternatives {
  const { parts } = parameter;
  if (parts.length < 2 || parts.length > MAX_ALTERNATIVES) {
    throw refuse(
      'or',
      'too_many_items',
      `takes 2 to ${MAX_ALTERNATIVES} conditions with commas between them`,
    );
  }
  return anyOf(parts.map((part) => readAlternative(part, fields)));
}

function readAlternative(part: string, fields: QueryFields): Filter {
  const equals = part.indexOf('=');
  const name = equals === -1 ? part : part.slice(0, equals);
  const value = part.slice(equals + 1);
  if (equals === -1)
    throw refuse('or', 'invalid_type', `"${name}" must be followed by = and a value`);
  if (/\[n?in\]$/.test(name)) {
    throw refuse('or', 'unknown_filter', `${name}: in and nin do not stand in or; name each value`);
  }
  return readFilter({ name, value, parts: [value] }, fields);
}

function operatorOf(bracketed: string): Operator | undefined {
  return OPERATORS.find((operator) => bracketed === `[${operator}]`);
}

function readSort(parameter: Parameter | undefined, fields: QueryFields): Order {
  const terms = (parameter?.parts ?? []).map((part) => readTerm(part, fields));
  if (terms.length > MAX_SORT_TERMS) {
    throw refuse('sort', 'too_many_items', `takes at most ${MAX_SORT_TERMS} fields`);
  }
  const names = new Set(terms.map((term) => term.field.name));
  if (names.size !== terms.length) throw refuse('sort', 'repeated', 'names a field twice');
  return completeOrder(terms);
}

function readTerm(part: string, fields: QueryFields): SortTerm {
  const descending = part.startsWith('-');
  const name = descending ? part.slice(1) : part;
  const field = fields.get(name);
  if (field === undefined || !isSortable(field)) {
    throw refuse('sort', 'unknown_filter', `"${name}": there is no such field to sort by`);
  }
  return { field, descending };
}

/** A text can be longer than any cursor, which has to hold the value; ciphertexts have no order. */
function isSortable(field: QueryField): boolean {
  const { encrypted } = field.field;
  return encrypted !== true && !['text', 'array', 'object'].includes(field.values.type);
}

function readProjection(
  parameter: Parameter,
  model: ModelSchema,
  fields: QueryFields,
): readonly string[] {
  const unknown = parameter.parts.find((name) => !fields.has(name));
  if (unknown !== undefined) {
    throw refuse('fields', 'unknown_filter', `"${unknown}": there is no such field`);
  }
  return model.fields.map((field) => field.name).filter((name) => parameter.parts.includes(name));
}

/** @throws QueryRefusal */
export function readLimit(parameter: Parameter | undefined): number {
  if (parameter === undefined) return DEFAULT_LIMIT;
  if (!/^[0-9]{1,9}$/.test(parameter.value) || Number(parameter.value) === 0) {
    throw refuse('limit', 'invalid_type', `must be a whole number from 1 to ${MAX_LIMIT}`);
  }
  return Math.min(Number(parameter.value), MAX_LIMIT);
}

function readFlag(parameter: Parameter | undefined): boolean {
  if (parameter === undefined || parameter.value === 'false') return false;
  if (parameter.value === 'true') return true;
  throw refuse(parameter.name, 'invalid_type', 'must be true or false');
}

function refuse(parameter: string, reason: string, message: string): QueryRefusal {
  return new QueryRefusal('invalid_query', parameter, reason, `${parameter}: ${message}`);
}

function notYet(parameter: string): QueryRefusal {
  const message = `The parameter "${parameter}" is not supported yet.`;
  return new QueryRefusal('not_supported_yet', parameter, 'not_supported_yet', message);
}
