import type { IndexKey } from '../ports/index.ts';
import type { QueryField, Row } from './fields.ts';

export interface SortTerm {
  readonly field: QueryField;
  readonly descending: boolean;
}

/**
 * The whole order of a query: its terms, then the id, which makes it total. The id follows the
 * direction of the last term, so that one ordered index gives the order of one term as it stands.
 */
export interface Order {
  readonly terms: readonly SortTerm[];
  readonly idDescending: boolean;
}

/** Where a row stands in an order: what keyset pagination resumes behind. */
export interface Position {
  readonly keys: readonly IndexKey[];
  readonly id: string;
}

/** Terms behind the id say nothing any more. */
export function completeOrder(terms: readonly SortTerm[]): Order {
  const idAt = terms.findIndex((term) => term.field.isId);
  const before = idAt === -1 ? terms : terms.slice(0, idAt);
  const last = idAt === -1 ? terms.at(-1) : terms[idAt];
  return { terms: before, idDescending: last?.descending ?? false };
}

export function positionOf(row: Row, order: Order): Position {
  return { keys: order.terms.map((term) => row.key(term.field)), id: row.record.id };
}

/** Negative where `a` comes first; zero only for the same row. */
export function comparePositions(order: Order, a: Position, b: Position): number {
  for (let at = 0; at < order.terms.length; at++) {
    const difference = compareKeys(a.keys[at] ?? '', b.keys[at] ?? '');
    if (difference !== 0) return order.terms[at]?.descending === true ? -difference : difference;
  }
  return order.idDescending ? compareKeys(b.id, a.id) : compareKeys(a.id, b.id);
}

export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
