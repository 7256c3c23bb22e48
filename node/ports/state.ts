import type { ModelSchema, Schema } from '@lithair/crds';

/**
 * An order-preserving key of one field value: comparing two keys of the same field as strings
 * (code unit order) compares the values. Absent and null sort first. Made by the values room.
 */
export type IndexKey = string;

/**
 * One live aggregate. Immutable: a write replaces the record, so whoever got one by its id may keep it
 * across awaits and see a consistent version. Those that iterators give out are good as long as the
 * iterators are.
 */
export interface AggregateRecord {
  readonly id: string;
  /**
   * From 1; goes on across delete and re-creation. 0 for a write that this node took by itself and
   * that is not ordered yet.
   */
  readonly version: number;
  /** Serialized JSON with every field, in the order of the schema. */
  readonly json: string;
  /** Index keys, in the order of the model's indexed fields (see `ModelReader.indexedFields`). */
  readonly keys: readonly IndexKey[];
  /** One of them, where that is less work than all of them. */
  keyAt?(position: number): IndexKey | undefined;
}

/** The JSON of records with commas between. */
export interface JoinedRows {
  readonly json: string;
  /** Whether all of it is known to be ASCII. */
  readonly isAscii: boolean;
}

/** Bounds of an ordered scan; a missing bound is open. `after` resumes behind (key, id). */
export interface KeyRange {
  readonly from?: { readonly key: IndexKey; readonly inclusive: boolean };
  readonly to?: { readonly key: IndexKey; readonly inclusive: boolean };
  readonly after?: { readonly key: IndexKey; readonly id: string };
  readonly descending: boolean;
}

/**
 * Read side of one model. Iterators, and the records that they give out, are valid until the next
 * await: a scan that pauses must resume by position (`after`), which is what cursors do, and keep
 * what it needs of its rows itself.
 */
export interface ModelReader {
  readonly schema: ModelSchema;
  readonly size: number;
  /** Reads of files for rows that are not in memory, so far: each takes time. */
  readonly fileReads: number;
  /** Names of the fields that records carry keys for: unique, any index, reference. */
  readonly indexedFields: readonly string[];
  get(id: string): AggregateRecord | undefined;
  /**
   * Has a row that `get` would read from a file brought into memory, so that the event loop does not
   * wait for the disk; null where there is nothing to wait for. No more than a hint: it never fails,
   * and the row may be another one by then.
   */
  readAhead(id: string): Promise<void> | null;
  /** All records by id in code unit order. */
  scan(range: {
    readonly afterId?: string;
    readonly descending: boolean;
  }): Iterable<AggregateRecord>;
  /** `readAhead` of the first rows of a list, as many as it reads in one turn. */
  readAheadOf(ids: Iterable<string>): Promise<void> | null;
  /**
   * The same rows with nothing but their ids (version 0, no JSON, no keys), for which no file is
   * read; null where all rows are in memory.
   */
  readonly idsOnly: ModelReader | null;
  /** Records whose field equals the key: unique, hash, ordered and reference fields. Order: by id. */
  lookup(
    field: string,
    key: IndexKey,
    range?: { readonly afterId?: string; readonly descending: boolean },
  ): Iterable<AggregateRecord>;
  /** Whether surely no record has the key; fields with index bloom only. */
  lacks(field: string, key: IndexKey): boolean;
  joined(records: readonly AggregateRecord[]): JoinedRows;
  /** Records by (key, id), ordered fields only. */
  range(field: string, range: KeyRange): Iterable<AggregateRecord>;
  /** The model without writes that are not ordered yet; absent where this is that already. */
  readonly ordered?: ModelReader;
}

/** Read side of the whole state on this node, as of `appliedIndex`. */
export interface StateReader {
  readonly clusterId: string;
  readonly epoch: number;
  readonly schema: Schema;
  /** Counts model changes from 1. */
  readonly schemaVersion: number;
  /** sha256 (hex) of the canonical schema. */
  readonly schemaFingerprint: string;
  readonly appliedIndex: number;
  /** Stamp of the last applied entry, epoch milliseconds; never goes back. */
  readonly logTimeMs: number;
  model(name: string): ModelReader | undefined;
}

/** A member as the replicated table holds it. Ids come from a counter and are never used twice. */
export interface MemberRecord {
  readonly id: number;
  readonly name: string;
  readonly address: string;
  readonly diskUuid: string;
  /** What it is meant to be once caught up. */
  readonly intent: 'voter' | 'learner';
  /** Absent where the cluster knows of no regions. */
  readonly region?: string;
}
