import type { HardState } from 'etcd-raft-ts';
import { EntryIndex } from './entry-index.ts';
import { decodeConfState, decodeVote } from './payloads.ts';
import { isEntryType, type RecordHeader, RecordType } from './record.ts';
import type { AppliedConfState } from './types.ts';

/** A record as it stands in a segment. */
export interface ReplayedRecord {
  readonly header: RecordHeader;
  readonly payload: Uint8Array;
}

/**
 * What the records of a log add up to, when they are replayed in the order in which they were
 * written: later ones win. `apply` answers why a record cannot be right, or null.
 */
export class Replay {
  readonly entries = new EntryIndex();
  hardState: HardState | null = null;
  confState: AppliedConfState | null = null;
  /** The last record says that the log goes on in another segment. */
  sealed = false;
  /** Entries before this one are missing, unless a later base covers them. */
  #base = { index: 0, term: 0 };

  /** @param record its payload is asked for where it matters alone */
  apply(record: ReplayedRecord, sequence: number, offset: number): string | null {
    const { header } = record;
    this.sealed = header.type === RecordType.Sealed;
    if (!Number.isSafeInteger(header.index) || !Number.isSafeInteger(header.term)) {
      return 'index or term is out of range';
    }
    if (isEntryType(header.type)) return this.#entry(header, sequence, offset);
    switch (header.type) {
      case RecordType.HardState:
        return this.#hardState(header, record.payload);
      case RecordType.ConfState:
        return this.#confState(header, record.payload);
      case RecordType.Base:
        return this.#rebase(header);
      case RecordType.Reset:
        return this.#reset(header.index, header.term);
      default:
        return null;
    }
  }

  /** Why the log is incomplete as a whole; null where it is not. To be asked at the end. */
  finish(): string | null {
    if (this.entries.baseIndex === this.#base.index) return null;
    if (this.entries.lastIndex === this.entries.baseIndex) return null;
    const last = this.entries.baseIndex;
    return `entries ${this.#base.index + 1} to ${last} are missing: a segment was removed`;
  }

  #entry(header: RecordHeader, sequence: number, offset: number): string | null {
    const { index, term } = header;
    const entries = this.entries;
    if (index <= this.#base.index) return `entry ${index} stands behind compaction`;
    const empty = entries.lastIndex === entries.baseIndex;
    // The segments before the first one may be gone: then the log begins in the middle, at an entry
    // that a base further on must cover.
    if (empty || index <= entries.baseIndex) {
      const term = index - 1 === this.#base.index ? this.#base.term : 0;
      entries.reset(index - 1, term);
    } else if (index > entries.lastIndex + 1) {
      return `entry ${index} follows entry ${entries.lastIndex}`;
    } else entries.truncateFrom(index);
    entries.append(index, term, sequence, offset, header.payloadBytes);
    if (header.type !== RecordType.Entry) entries.markChange();
    return null;
  }

  #rebase(header: RecordHeader): string | null {
    const { index, term } = header;
    const entries = this.entries;
    if (index < this.#base.index) return `the base goes back to ${index}`;
    const empty = entries.lastIndex === entries.baseIndex;
    if (empty) return this.#reset(index, term);
    if (index > entries.lastIndex) return `the base ${index} is behind the end of the log`;
    this.#base = { index, term };
    if (index < entries.baseIndex) return null;
    if (index > entries.baseIndex && entries.term(index) !== term) {
      return `the base ${index} has another term than its entry`;
    }
    this.#dropThrough(index, term);
    return null;
  }

  #dropThrough(index: number, term: number): void {
    if (index > this.entries.baseIndex) this.entries.dropThrough(index);
    else if (this.entries.baseTerm !== term) this.entries.setBaseTerm(term);
  }

  #reset(index: number, term: number): null {
    this.#base = { index, term };
    this.entries.reset(index, term);
    return null;
  }

  #hardState(header: RecordHeader, payload: Uint8Array): string | null {
    const vote = decodeVote(payload);
    if (vote === null) return 'the payload is not a hard state';
    this.hardState = { term: header.term, vote, commit: header.index };
    return null;
  }

  #confState(header: RecordHeader, payload: Uint8Array): string | null {
    const confState = decodeConfState(payload);
    if (confState === null) return 'the payload is not a membership';
    this.confState = { index: header.index, confState };
    return null;
  }
}
