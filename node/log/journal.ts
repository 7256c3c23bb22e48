import { EntryType } from 'etcd-raft-ts';
import type { Log, LogStatistics } from './types.ts';

/** Name of the directory of a member's outbox inside its data directory. */
export const OUTBOX_DIRECTORY = 'outbox';
/** A journal stays small: what is ordered is trimmed. */
export const JOURNAL_SEGMENT_BYTES = 4 * 1024 * 1024;
/** Records of a journal are of no term; the format wants one. */
const TERM = 1;
const READ_BYTES = 1024 * 1024;

/** A record of a journal. */
export interface JournalRecord {
  /** From 1, without gaps. */
  readonly sequence: number;
  readonly data: Uint8Array;
}

/**
 * A durable queue of this member alone, in segments of the same format as the log's: group commit,
 * checksums, fail stop. Records are appended at its end and given up from its beginning.
 */
export class Journal {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Sequence of the last record, or of the last one that was given up; 0 in a new journal. */
  get last(): number {
    return this.#log.lastIndex();
  }

  /** Everything up to this one was given up. */
  get trimmed(): number {
    return this.#log.firstIndex() - 1;
  }

  get statistics(): LogStatistics {
    return this.#log.statistics;
  }

  /**
   * Appends a record and returns its sequence; `done` runs once it is durable, in order.
   *
   * @throws LogFailedError after a failure; RecordTooLargeError
   */
  append(data: Uint8Array, done: () => void): number {
    const index = this.last + 1;
    const entry = { index, term: TERM, type: EntryType.Normal, data };
    this.#log.save({ entries: [entry] }, done);
    return index;
  }

  /** The records that are there, in order. */
  *records(): Generator<JournalRecord> {
    let next = this.trimmed + 1;
    while (next <= this.last) {
      const entries = this.#log.entries(next, this.last + 1, READ_BYTES);
      for (const { index: sequence, data } of entries) yield { sequence, data };
      next += entries.length;
    }
  }

  /** Gives up records up to one that is durable; their segments are used again. */
  trim(through: number): void {
    if (through > this.trimmed) this.#log.compact(through);
  }

  /** As of `Log.encrypt`: what is appended from now on is encrypted, or not. */
  encrypt(on: boolean): void {
    this.#log.encrypt(on);
  }

  /**
   * Removes what was given up, from files that have another key, too. What is not given up yet
   * stays where it is: it cannot be written anew before its turn.
   */
  async forget(): Promise<void> {
    await this.#log.erase(this.trimmed);
  }

  /** As of `Log.onFailure`: nothing is acknowledged any more, and the process must end. */
  onFailure(listener: (error: Error) => void): void {
    this.#log.onFailure(listener);
  }

  /** While space is low, segments that were given up go back to the disk. */
  spareSpace(low: boolean): void {
    this.#log.spareSpace(low);
  }
}
