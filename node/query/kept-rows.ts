import type { AccessPath } from './access-path.ts';
import type { Row } from './fields.ts';
import type { ListQuery } from './list-query.ts';
import { comparePositions, type Order, type Position, positionOf } from './order.ts';
import { TopK } from './top-k.ts';

/** The rows of a page while they are gathered: one more than it holds, to know whether it is the last. */
export interface KeptRows {
  /** Takes a row that matches; true where no later one can belong to the page. */
  take(row: Row): boolean;
  /** The scan pauses: a row that moves meanwhile must not be there twice, and must not change. */
  pause(): void;
  /** In the order of the query. */
  rows(): readonly Row[];
}

/** Where rows come in the order of the query, the first ones are the page. */
export class RowsInOrder implements KeptRows {
  readonly #order: Order;
  readonly #limit: number;
  /** Until a row is behind it: then all others are. */
  #after: Position | null;
  readonly #rows: Row[] = [];
  /** Of rows from before a pause; most pages have none. */
  #ids: Set<string> | null = null;

  constructor({ order, limit, after }: Pick<ListQuery, 'order' | 'limit' | 'after'>) {
    this.#order = order;
    this.#limit = limit;
    this.#after = after;
  }

  take(row: Row): boolean {
    if (this.#after !== null) {
      if (comparePositions(this.#order, positionOf(row, this.#order), this.#after) <= 0)
        return false;
      this.#after = null;
    }
    if (this.#ids?.has(row.record.id) === true) return false;
    this.#rows.push(row);
    return this.#rows.length > this.#limit;
  }

  pause(): void {
    for (const row of this.#rows) row.keep();
    this.#ids = new Set(this.#rows.map(({ record }) => record.id));
  }

  rows(): readonly Row[] {
    return this.#rows;
  }
}

interface Candidate {
  readonly row: Row;
  readonly position: Position;
}

/** Where they do not, or all of them are counted: the first ones of all that come. */
export class RowsOfAnyOrder implements KeptRows {
  readonly #query: ListQuery;
  readonly #sorted: AccessPath['sorted'];
  readonly #kept: TopK<Candidate>;
  readonly #ids = new Set<string>();

  constructor(query: ListQuery, sorted: AccessPath['sorted']) {
    this.#query = query;
    this.#sorted = sorted;
    this.#kept = new TopK(query.limit + 1, (a, b) =>
      comparePositions(query.order, a.position, b.position),
    );
  }

  take(row: Row): boolean {
    const { order, after, countsTotal } = this.#query;
    const position = positionOf(row, order);
    if (after !== null && comparePositions(order, position, after) <= 0) return false;
    const candidate = { row, position };
    if (this.#kept.wants(candidate)) this.#keep(candidate);
    else if (!countsTotal) return this.#isPast(position);
    return false;
  }

  pause(): void {
    for (const { row } of this.#kept.sorted()) row.keep();
  }

  rows(): readonly Row[] {
    return this.#kept.sorted().map(({ row }) => row);
  }

  #keep(candidate: Candidate): void {
    const { id } = candidate.row.record;
    if (this.#ids.has(id)) return;
    const dropped = this.#kept.isFull ? this.#kept.last : undefined;
    if (dropped !== undefined) this.#ids.delete(dropped.row.record.id);
    this.#kept.add(candidate);
    this.#ids.add(id);
  }

  /** Rows that come by their first terms can stop where those are behind all that is kept. */
  #isPast({ keys }: Position): boolean {
    const last = this.#kept.last?.position.keys;
    if (last === undefined || this.#sorted === 'whole') return false;
    for (let at = 0; at < this.#sorted; at++) if (keys[at] !== last[at]) return true;
    return false;
  }
}
