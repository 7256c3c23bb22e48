import type { AggregateRecord, ModelReader } from '../ports/index.ts';
import type { AccessPath, Place } from './access-path.ts';
import { encodeCursor, type Origin } from './cursor.ts';
import { parseRecord, Row } from './fields.ts';
import { type KeptRows, RowsInOrder, RowsOfAnyOrder } from './kept-rows.ts';
import type { ListQuery } from './list-query.ts';
import { positionOf } from './order.ts';
import { plan, startOf } from './plan.ts';

/** One page of a list. */
export interface Page {
  /** Serialized JSON of each row; of all of them with commas between, where that was asked for. */
  readonly rows: readonly string[];
  /** The same as they are stored: with all fields. */
  readonly stored: readonly string[];
  /** Whether all of the rows are known to be ASCII. */
  readonly isAscii: boolean;
  /** Opaque; null on the last page. */
  readonly next: string | null;
  /** All rows that match, where it was asked for. */
  readonly total: number | null;
}

/** How the rows of a page are handed out: `joined` is faster where nobody looks at single ones. */
export type PageForm = 'each' | 'joined';

/** How a list that takes long goes on. */
export interface Pace {
  /** Runs a callback after the events of this turn of the event loop. */
  readonly defer: (callback: () => void) => void;
  /** Waits for rows that are read ahead, no longer than the list may take. */
  readonly awaitDisk: (reading: Promise<void>) => Promise<void>;
}

const AT_ITS_PACE: Pace = { defer: setImmediate, awaitDisk: (reading) => reading };

/** Rows that are looked at before other requests get their turn. */
const SLICE_ROWS = 2000;
/** Reads of files before that. */
const SLICE_FILE_READS = 32;

/**
 * Answers a list query. It takes a newer reader at each slice, since records and indexes go on
 * changing between two; a row that stays as it is is on exactly one page.
 *
 * Rows that are in files are read ahead of each slice, beside the event loop.
 *
 * @param pace lets other requests have their turn between two slices
 * @returns the page at once where one slice was enough
 */
export function execute(
  query: ListQuery,
  currentReader: () => ModelReader,
  origin: Origin,
  pace: Pace = AT_ITS_PACE,
  form: PageForm = 'each',
): Page | Promise<Page> {
  const reader = currentReader();
  if (query.countsTotal && isOfAll(query)) {
    const uncounted = executeScan(
      { ...query, countsTotal: false },
      currentReader,
      origin,
      pace,
      form,
    );
    const total = reader.size;
    return uncounted instanceof Promise
      ? uncounted.then((page) => ({ ...page, total }))
      : { ...uncounted, total };
  }
  return executeScan(query, currentReader, origin, pace, form);
}

/** What rows must meet. */
type Conditions = Pick<ListQuery, 'filters' | 'alternatives' | 'scope'>;

function isOfAll({ filters, alternatives, scope }: Conditions): boolean {
  return filters.length + alternatives.length === 0 && scope === null;
}

function executeScan(
  query: ListQuery,
  currentReader: () => ModelReader,
  origin: Origin,
  pace: Pace,
  form: PageForm,
): Page | Promise<Page> {
  const reader = currentReader();
  const scan = new Scan(query, plan(query, reader), form);
  const ahead = scan.readAhead(reader);
  if (ahead === null && scan.runSlice(reader)) return scan.page(reader, origin);
  return finish(scan, ahead, currentReader, origin, pace);
}

async function finish(
  scan: Scan,
  firstAhead: Promise<void> | null,
  currentReader: () => ModelReader,
  origin: Origin,
  { defer, awaitDisk }: Pace,
): Promise<Page> {
  for (let ahead = firstAhead; ; ahead = scan.readAhead(currentReader())) {
    if (ahead !== null) await awaitDisk(ahead);
    else await new Promise<void>((resolve) => defer(resolve));
    const reader = currentReader();
    if (scan.runSlice(reader)) return scan.page(reader, origin);
  }
}

class Scan {
  readonly #query: ListQuery;
  readonly #path: AccessPath;
  readonly #kept: KeptRows;
  readonly #form: PageForm;
  /** What the path leaves to be looked at, row by row. */
  readonly #left: Conditions;
  /** Whether the first rows of the path are the page. */
  readonly #isPlain: boolean;
  #behind: Place | null;
  #total = 0;

  constructor(query: ListQuery, path: AccessPath, form: PageForm) {
    this.#query = query;
    this.#path = path;
    this.#form = form;
    this.#left = leftBy(path, query);
    this.#behind = startOf(path, query);
    const isInOrder = path.sorted === 'whole' && !query.countsTotal;
    this.#isPlain = isInOrder && isOfAll(this.#left);
    this.#kept = isInOrder ? new RowsInOrder(query) : new RowsOfAnyOrder(query, path.sorted);
  }

  /** Has the next rows brought into memory; null where there is nothing to wait for. */
  readAhead(reader: ModelReader): Promise<void> | null {
    const { idsOnly } = reader;
    if (idsOnly === null) return null;
    return reader.readAheadOf(this.#nextIds(idsOnly));
  }

  *#nextIds(reader: ModelReader): Generator<string, void, undefined> {
    // Where each row is one of the page, no more are read than it has.
    const most = this.#isPlain ? this.#query.limit + 1 : SLICE_ROWS;
    let count = 0;
    for (const { id } of this.#path.rows(reader, this.#behind)) {
      if (count === most) return;
      count += 1;
      yield id;
    }
  }

  /** Looks at the next rows; true where nothing is left to look at. */
  runSlice(reader: ModelReader): boolean {
    let looked = 0;
    const fileReads = reader.fileReads + SLICE_FILE_READS;
    for (const record of this.#path.rows(reader, this.#behind)) {
      const row = new Row(record, reader, this.#query.veil);
      if (isWanted(row, this.#left)) {
        this.#total += 1;
        if (this.#kept.take(row)) return true;
      }
      looked += 1;
      if (looked < SLICE_ROWS && reader.fileReads < fileReads) continue;
      this.#behind = this.#path.placeOf(record, reader);
      this.#kept.pause();
      return false;
    }
    return true;
  }

  /** In the same turn as the last slice, whose rows are those of the reader. */
  page(reader: ModelReader, origin: Origin): Page {
    const { limit, fingerprint, countsTotal, order } = this.#query;
    const rows = this.#kept.rows();
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return {
      ...this.#texts(reader, rows.slice(0, limit)),
      next: last === undefined ? null : encodeCursor(positionOf(last, order), fingerprint, origin),
      total: countsTotal ? this.#total : null,
    };
  }

  #texts(reader: ModelReader, rows: readonly Row[]): Pick<Page, 'rows' | 'stored' | 'isAscii'> {
    const { projection } = this.#query;
    if (this.#form === 'joined' && projection === null) {
      const { json, isAscii } = reader.joined(rows.map(({ record }) => record));
      const joined = rows.length === 0 ? [] : [json];
      return { rows: joined, stored: joined, isAscii };
    }
    const stored = rows.map(({ record }) => record.json);
    if (projection === null) return { rows: stored, stored, isAscii: false };
    const shown = rows.map((row) => {
      const names = projection.filter((name) => !row.isVeiled(name));
      return project(row.record, names);
    });
    return { rows: shown, stored, isAscii: false };
  }
}

function leftBy({ met }: AccessPath, { filters, alternatives, scope }: ListQuery): Conditions {
  const left = met.length === 0 ? filters : filters.filter((filter) => !met.includes(filter));
  return { filters: left, alternatives, scope };
}

function isWanted(row: Row, { filters, alternatives, scope }: Conditions): boolean {
  for (const filter of filters) if (!filter.matches(row)) return false;
  for (const either of alternatives) if (!either.matches(row)) return false;
  return scope === null || scope.lets(row.values());
}

/** The JSON of some fields of a row. */
export function project(record: Pick<AggregateRecord, 'json'>, names: readonly string[]): string {
  const values = parseRecord(record);
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, values[name] ?? null])));
}
