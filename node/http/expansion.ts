import type { ModelSchema } from '@lithair/crds';
import type { Actor, AggregateRecord, StateReader } from '../ports/index.ts';
import { type Page, parseRecord } from '../query/index.ts';
import type { Exchange } from './exchange.ts';
import { Problem } from './problems.ts';
import type { ModelRoute } from './route-table.ts';

/** A reference whose row is shown beside the one that has it. */
export interface Expansion {
  readonly field: string;
  /** Of the model that has it. */
  readonly source: ModelRoute;
  /** As the caller knows the model that it refers to. */
  readonly target: ModelRoute;
  readonly inner: readonly Expansion[];
}

const MAX_PATHS = 10;
const MAX_DEPTH = 3;
/** Of all rows that one answer shows beside others. */
const MAX_BYTES = 16 * 1024 * 1024;

type RouteOf = (model: string) => ModelRoute | undefined;

/**
 * What `expand=customer,customer.region` names. A row that the caller may not read is not shown:
 * that reference stays what it is.
 *
 * @throws Problem `invalid_query` for what is no reference that the caller may read
 */
export function readExpansions(exchange: Exchange): readonly Expansion[] {
  if (exchange.rawQuery === '') return [];
  const given = exchange.parameters.filter(({ name }) => name === 'expand');
  const [first] = given;
  if (first === undefined) return [];
  if (given.length > 1) throw refuse('repeated', 'is there twice');
  const { parts } = first;
  if (parts.length > MAX_PATHS) throw refuse('too_many_items', `takes at most ${MAX_PATHS} names`);
  const { table, actor } = exchange;
  const paths = parts.map((part) => part.split('.'));
  const isDeep = paths.some((path) => path.length > MAX_DEPTH);
  if (isDeep) throw refuse('too_deep', `follows at most ${MAX_DEPTH} references in a row`);
  const expansions = branch(exchange.modelRoute, paths, (model) => table?.routeOf(model, actor));
  exchange.expanded = modelsOf(expansions);
  return expansions;
}

/** All models whose rows are shown, the innermost included. */
function modelsOf(expansions: readonly Expansion[]): ModelSchema[] {
  return expansions.flatMap(({ target, inner }) => [target.model, ...modelsOf(inner)]);
}

function branch(
  route: ModelRoute,
  paths: readonly (readonly string[])[],
  routeOf: RouteOf,
): Expansion[] {
  const names = [...new Set(paths.flatMap(([name = '']) => [name]))];
  return names.flatMap((field) => {
    const target = routeOf(targetOf(route, field));
    if (target === undefined || !target.rights.may('read')) return [];
    const inner = paths.filter(([name, next]) => name === field && next !== undefined);
    const rest = inner.map((path) => path.slice(1));
    return [{ field, source: route, target, inner: branch(target, rest, routeOf) }];
  });
}

function targetOf({ model, rights }: ModelRoute, name: string): string {
  const field = model.fields.find((candidate) => candidate.name === name);
  if (field?.to !== undefined && !rights.unreadable.has(name)) return field.to;
  throw refuse('unknown_filter', `"${name}": there is no such reference`);
}

function refuse(code: string, text: string): Problem {
  const message = `expand: ${text}`;
  const error = { pointer: '', parameter: 'expand', code, message };
  return new Problem('invalid_query', message, { errors: [error] });
}

/** Puts rows into those that refer to them, within a bound for one answer. */
export class Expander {
  readonly #state: StateReader;
  readonly #actor: Actor;
  #bytes = 0;

  constructor(state: StateReader, actor: Actor) {
    this.#state = state;
    this.#actor = actor;
  }

  /**
   * @param json the row as it is shown
   * @param record the same as it is stored
   * @throws Problem `invalid_query` where the answer would be too large
   */
  expand(
    json: string,
    record: Pick<AggregateRecord, 'json'>,
    expansions: readonly Expansion[],
  ): string {
    if (expansions.length === 0) return json;
    const values = parseRecord(record);
    const members = expansions.map((expansion) => {
      const { field, source } = expansion;
      const veil = source.veilOf(this.#actor);
      const isVeiled = veil?.fields.has(field) === true && !veil.isLifted(values);
      return `"${field}":${this.#shown(isVeiled ? null : values[field], expansion)}`;
    });
    const before = json === '{}' ? '{' : `${json.slice(0, -1)},`;
    return `${before}"expand":{${members.join(',')}}}`;
  }

  /** The rows of a page, each with what is shown beside it. @throws as `expand` */
  expandAll({ rows, stored }: Page, expansions: readonly Expansion[]): readonly string[] {
    if (expansions.length === 0) return rows;
    return stored.map((json, at) => this.expand(rows[at] ?? '{}', { json }, expansions));
  }

  #shown(id: unknown, { target, inner }: Expansion): string {
    const rows = this.#state.model(target.model.name);
    const record = typeof id === 'string' ? rows?.get(id) : undefined;
    if (record === undefined || !target.shows(record.json, this.#actor)) return 'null';
    const json = target.render(record.json, this.#actor);
    this.#bytes += json.length;
    if (this.#bytes > MAX_BYTES) {
      throw refuse('too_large', 'the answer would be too large; ask for fewer rows with limit');
    }
    return this.expand(json, record, inner);
  }
}
