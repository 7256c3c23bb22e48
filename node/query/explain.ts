import type { AccessPath } from './access-path.ts';
import type { ListQuery } from './list-query.ts';
import { choose, LOOKUP_PROBE } from './plan.ts';

/**
 * How a list is answered, in lines for a person: by which index, in which order, and which of its
 * conditions are looked at row by row.
 */
export function explain(query: ListQuery): readonly string[] {
  const { path, beyond } = choose(query);
  const otherwise =
    beyond === null
      ? []
      : [`or, where those are more than ${LOOKUP_PROBE} rows, by ${wayOf(beyond)}`];
  const lines = [
    ...filtersOf(query),
    `by ${wayOf(path)}`,
    ...otherwise,
    orderOf(path, query),
    ...rest(path, query),
  ];
  const unused = query.tooNarrow.map(
    ({ name }) => `not by the index ${name}: the filters do not say so of all rows`,
  );
  return [...lines, ...unused];
}

/** What is asked before any row is looked at. */
function filtersOf({ filters }: ListQuery): string[] {
  const asked = filters.filter(
    ({ field, operator }) => field.hasFilter && (operator === 'eq' || operator === 'in'),
  );
  return asked.map(
    ({ field }) => `by nothing, where the bloom filter of ${field.name} knows no such value; else`,
  );
}

function wayOf({ use: { by, equal, range } }: AccessPath): string {
  if (by === 'id') return 'the id: one row at most';
  if (by === 'nothing') return 'nothing: there is no such row';
  if (by === 'all') return 'no index: every row is looked at';
  const parts = [
    ...(equal.length > 0 ? [`one value of ${equal.join(' and ')}`] : []),
    ...(range === null ? [] : [`a range of ${range}`]),
  ];
  const what = parts.length === 0 ? 'all of its rows' : parts.join(', ');
  return `the index ${by.index}: ${what}`;
}

function orderOf({ sorted, use }: AccessPath, { order }: ListQuery): string {
  if (use.by === 'id') return 'there is nothing to sort';
  if (sorted === 'whole') return 'rows come in the order of the list: a page stops when it is full';
  const names = order.terms.slice(0, sorted).map(({ field }) => field.name);
  return names.length === 0
    ? 'rows are sorted for each page: all of them are looked at'
    : `rows come by ${names.join(', ')}, and are sorted within that`;
}

/** Conditions that the path does not answer. */
function rest({ met }: AccessPath, { filters, alternatives }: ListQuery): string[] {
  const left = filters.filter((filter) => !met.includes(filter));
  const names = left.map(({ field, operator }) => `${field.name}[${operator}]`);
  const all = [...names, ...alternatives.map(() => 'or')];
  return all.length === 0 ? [] : [`row by row: ${all.join(', ')}`];
}
