import type { AggregateRecord, IndexKey, KeyRange } from '../ports/index.ts';

/** A live row, and the event that made this version of it. */
export interface StoredRow extends AggregateRecord {
  /** Log time of the version, epoch milliseconds; of an eventual model, see `marks.ts`. */
  readonly timestampMs: number;
  /** Of the event; 0 where that is not known. Of an eventual model, see `marks.ts`. */
  readonly sequence: number;
}

/** What is known of the last write to an id, live or deleted. */
export type Mark = Pick<StoredRow, 'version' | 'timestampMs' | 'sequence'>;

/** What is remembered of a deleted row, so that versions go on where its id comes again. */
export interface Grave {
  readonly id: string;
  /** The version that its deletion was. */
  readonly version: number;
  readonly timestampMs: number;
  readonly sequence: number;
}

/** Which ids: those behind `afterId` in the direction of the scan. */
export interface IdRange {
  readonly afterId?: string;
  readonly descending: boolean;
}

/**
 * How the keys at one position are found. `unique`: by equality, with one row for each but null;
 * `bloom`: not at all, but that a key is surely not there.
 */
export type IndexKind = 'unique' | 'ordered' | 'partial' | 'bloom';

/** What a model's rows take in memory. */
export interface StoreStatistics {
  readonly rows: number;
  readonly graves: number;
  /** Of live rows and graves. */
  readonly liveBytes: number;
  /** Of what was replaced and is not cleared away yet. */
  readonly deadBytes: number;
  readonly indexBytes: number;
  /** Of bodies that are in a file and were read lately. */
  readonly cacheBytes: number;
  /** Reads of files for bodies, so far. */
  readonly fileReads: number;
}

/**
 * The rows of one model with their indexes, and the graves of deleted ones. What it holds is a
 * matter of what was put in last, never of the way there: scans and frozen copies come in the
 * order of ids by code units. Iterators, and the rows that they give out, are valid until the next
 * change.
 */
export interface AggregateStore {
  /** Live rows. */
  readonly size: number;
  get(id: string): StoredRow | undefined;
  /** The version of a live row; 0 for none. */
  versionOf(id: string): number;
  /** The version that a deletion was; 0 where the id is live or was never used. */
  deletedVersion(id: string): number;
  /** Of a live row or a grave; undefined where the id was never used. */
  mark(id: string): Mark | undefined;
  /** Adds a row, or replaces the row or the grave of its id. */
  put(row: StoredRow): void;
  /** Makes a grave of a row, or adds one. */
  bury(grave: Grave): void;
  /** Any live row with the key at a position: of a unique field, the one that holds it. */
  holder(position: number, key: IndexKey): string | undefined;
  /** Ids of live rows with the key at a position, in their order. */
  holders(position: number, key: IndexKey): Iterable<string>;
  /** Live rows by id. */
  scan(range: IdRange): Iterable<StoredRow>;
  /** Live rows with the key at a position, by id. */
  lookup(position: number, key: IndexKey, range: IdRange): Iterable<StoredRow>;
  /** Live rows by (key at a position that is ordered, id). */
  range(position: number, range: KeyRange): Iterable<StoredRow>;
  /** Live rows by id; the keys of the bounds are ids. */
  rangeOfIds(range: KeyRange): Iterable<StoredRow>;
  /** Everything as it is now; later changes do not show in it. */
  freeze(): FrozenStore;
  statistics(): StoreStatistics;
}

/** The content of a store at one moment. Costs memory until it is released. */
export interface FrozenStore {
  readonly size: number;
  readonly graves: number;
  /** Live rows by id. Must be read at most once. */
  rows(): Iterable<StoredRow>;
  /** Graves by id. Must be read at most once. */
  buried(): Iterable<Grave>;
  release(): void;
}
