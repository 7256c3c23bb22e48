import type { ModelSchema } from '@lithair/crds';
import { compareStamps } from '../entry/index.ts';
import type {
  AggregateRecord,
  IndexKey,
  JoinedRows,
  KeyRange,
  ModelReader,
} from '../ports/index.ts';
import { type ModelState, stampOf } from '../state/index.ts';
import { idOfKey, keyOfId } from '../values/index.ts';
import type { LocalRow } from './local-rows.ts';

type IdRange = Parameters<ModelReader['scan']>[0];

type Compare = (a: AggregateRecord, b: AggregateRecord) => number;

/** A model as this node sees it: what is ordered, and over it what the node took by itself. */
export class LocalModel implements ModelReader {
  readonly ordered: ModelState;
  /** Models that every node writes are wholly in memory. */
  readonly idsOnly = null;
  readonly #rows: ReadonlyMap<string, LocalRow>;
  /** Rows whose local write wins, by id; worked out when somebody asks for more than one row. */
  #winning: ReadonlyMap<string, LocalRow> | null = null;
  #live: readonly AggregateRecord[] | null = null;

  constructor(ordered: ModelState, rows: ReadonlyMap<string, LocalRow>) {
    this.ordered = ordered;
    this.#rows = rows;
  }

  get schema(): ModelSchema {
    return this.ordered.schema;
  }

  get fileReads(): number {
    return this.ordered.fileReads;
  }

  get indexedFields(): readonly string[] {
    return this.ordered.indexedFields;
  }

  get size(): number {
    let size = this.ordered.size;
    for (const { id, json } of this.#winners().values()) {
      const isThere = this.ordered.versionOf(id) !== 0;
      size += Number(json !== null) - Number(isThere);
    }
    return size;
  }

  get(id: string): AggregateRecord | undefined {
    const row = this.#rows.get(id);
    if (row === undefined || !this.#wins(row)) return this.ordered.get(id);
    return recordOf(row);
  }

  readAhead(id: string): Promise<void> | null {
    return this.#rows.has(id) ? null : this.ordered.readAhead(id);
  }

  readAheadOf(ids: Iterable<string>): Promise<void> | null {
    return this.ordered.readAheadOf(ids);
  }

  scan(range: IdRange): Iterable<AggregateRecord> {
    const isIn = (record: AggregateRecord): boolean => isBehind(record, range);
    return this.#merged(this.ordered.scan(range), isIn, inDirection(byId, range.descending));
  }

  lacks(field: string, key: IndexKey): boolean {
    const at = this.#positionOf(field);
    return this.ordered.lacks(field, key) && !this.#records().some(({ keys }) => keys[at] === key);
  }

  lookup(
    field: string,
    key: IndexKey,
    range: IdRange = { descending: false },
  ): Iterable<AggregateRecord> {
    if (field === this.schema.primaryKey) {
      const found = this.get(idOfKey(key));
      return found !== undefined && isBehind(found, range) ? [found] : [];
    }
    const at = this.#positionOf(field);
    const rows = this.ordered.lookup(field, key, range);
    const isIn = (record: AggregateRecord) => record.keys[at] === key && isBehind(record, range);
    return this.#merged(rows, isIn, inDirection(byId, range.descending));
  }

  joined(rows: readonly AggregateRecord[]): JoinedRows {
    return this.ordered.joined(rows);
  }

  range(field: string, range: KeyRange): Iterable<AggregateRecord> {
    const keyOf = this.#keyOf(field);
    const compare = inDirection(
      (a, b) => compareTexts(keyOf(a), keyOf(b)) || byId(a, b),
      range.descending,
    );
    const isKey = field === this.schema.primaryKey;
    const { after } = range;
    // Where a paused scan of the primary key goes on, its place is the id alone.
    const bounds =
      isKey && after ? { ...range, after: { ...after, key: keyOfId(after.id) } } : range;
    const isIn = (record: AggregateRecord): boolean => isWithin(keyOf(record), record.id, bounds);
    return this.#merged(this.ordered.range(field, range), isIn, compare);
  }

  #keyOf(field: string): (record: AggregateRecord) => IndexKey {
    if (field === this.schema.primaryKey) return ({ id }) => keyOfId(id);
    const at = this.#positionOf(field);
    return ({ keys }) => keys[at] ?? '';
  }

  #positionOf(field: string): number {
    return this.indexedFields.indexOf(field);
  }

  #wins({ id, stamp }: LocalRow): boolean {
    const mark = this.ordered.mark(id);
    return mark === undefined || compareStamps(stamp, stampOf(mark)) > 0;
  }

  #winners(): ReadonlyMap<string, LocalRow> {
    this.#winning ??= new Map([...this.#rows].filter(([, row]) => this.#wins(row)));
    return this.#winning;
  }

  /** Live rows of local writes that win, by id. */
  #records(): readonly AggregateRecord[] {
    this.#live ??= [...this.#winners().values()].flatMap((row) => recordOf(row) ?? []).sort(byId);
    return this.#live;
  }

  *#merged(
    ordered: Iterable<AggregateRecord>,
    isIn: (record: AggregateRecord) => boolean,
    compare: Compare,
  ): Generator<AggregateRecord, void, undefined> {
    const winners = this.#winners();
    const local = this.#records().filter(isIn).sort(compare);
    let next = 0;
    for (const record of ordered) {
      if (winners.has(record.id)) continue;
      for (; next < local.length; next++) {
        const mine = local[next];
        if (mine === undefined || compare(mine, record) > 0) break;
        yield mine;
      }
      yield record;
    }
    yield* local.slice(next);
  }
}

/** A write that is not ordered has no version yet. */
function recordOf({ id, json, keys }: LocalRow): AggregateRecord | undefined {
  return json === null ? undefined : { id, version: 0, json, keys };
}

function isBehind({ id }: AggregateRecord, { afterId, descending }: IdRange): boolean {
  return afterId === undefined || (descending ? id < afterId : id > afterId);
}

function isWithin(key: IndexKey, id: string, { from, to, after, descending }: KeyRange): boolean {
  if (from !== undefined && (key < from.key || (key === from.key && !from.inclusive))) return false;
  if (to !== undefined && (key > to.key || (key === to.key && !to.inclusive))) return false;
  if (after === undefined) return true;
  const order = compareTexts(key, after.key) || compareTexts(id, after.id);
  return descending ? order < 0 : order > 0;
}

function byId(a: AggregateRecord, b: AggregateRecord): number {
  return compareTexts(a.id, b.id);
}

function inDirection(compare: Compare, descending: boolean): Compare {
  return descending ? (a, b) => compare(b, a) : compare;
}

/** By code unit, as the state orders them. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
