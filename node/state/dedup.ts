import { durationMs, type Schema } from '@lithair/crds';
import { ByteReader, ByteWriter } from '../entry/index.ts';
import type { IdempotencyKey } from '../ports/index.ts';
import { type AppliedOutcome, readOutcome, writeOutcome } from './outcome-codec.ts';
import { type KeyedHash, type QueuedRecord, QueueTable } from './slab/index.ts';
import type { DedupLimits } from './types.ts';

/** An outcome kept for requests that are sent again. */
export interface DedupRecord extends IdempotencyKey {
  /** Log time at which it was applied, epoch milliseconds. */
  readonly timeMs: number;
  readonly outcome: AppliedOutcome;
}

/** A day of retries, and no more than a bounded table. The same on every member. */
const DEDUP_LIMITS: DedupLimits = { maxRecords: 100_000, maxAgeMs: 24 * 60 * 60 * 1000 };

/** The limits that a schema declares. */
export function dedupLimitsOf({ store }: Schema): DedupLimits {
  if (store.idempotency === undefined) return DEDUP_LIMITS;
  const { window, maxOutcomes } = store.idempotency;
  return { maxRecords: maxOutcomes, maxAgeMs: durationMs(window) };
}

/** Owned by `encode`, which leaves it empty. */
const writer = new ByteWriter();

/** Outcomes by idempotency scope, oldest first out, by age in log time and by count. */
export class DedupTable {
  private limits: DedupLimits;
  private readonly table: QueueTable;

  constructor(limits: DedupLimits, hasher: KeyedHash) {
    this.limits = limits;
    this.table = new QueueTable(hasher);
  }

  get size(): number {
    return this.table.size;
  }

  /** Memory that it takes. */
  get bytes(): number {
    return this.table.bytes;
  }

  /** Narrower limits take hold at once for the count, and at the next expiry for the age. */
  limitTo(limits: DedupLimits): void {
    this.limits = limits;
    while (this.table.size > limits.maxRecords) this.table.dropOldest();
  }

  find(scope: string): DedupRecord | undefined {
    const found = this.table.find(scope);
    return found && decode(found);
  }

  /** Adds a record that is not older than any other and whose scope is not in the table. */
  add(record: DedupRecord): void {
    this.table.add(record.scope, record.timeMs, encode(record));
    if (this.table.size > this.limits.maxRecords) this.table.dropOldest();
  }

  /** Forgets what is too old at a log time. */
  expire(nowMs: number): void {
    for (;;) {
      const oldestMs = this.table.oldestMs();
      if (oldestMs === undefined || nowMs - oldestMs <= this.limits.maxAgeMs) return;
      this.table.dropOldest();
    }
  }

  /** The records as they are now, oldest first, read as they are asked for; to be read once. */
  records(): Iterable<DedupRecord> {
    return decodeAll(this.table.freeze());
  }
}

/** Writes what of a record is not its scope and its time. */
function encode({ fingerprint, outcome }: DedupRecord): Uint8Array {
  writer.text(fingerprint);
  writeOutcome(writer, outcome);
  return writer.view();
}

function decode({ key, timeMs, value }: QueuedRecord): DedupRecord {
  const reader = new ByteReader(value);
  const fingerprint = reader.text();
  const outcome = readOutcome(reader);
  if (outcome === null) throw new RangeError('a kept outcome has an unknown effect');
  return { scope: key, fingerprint, timeMs, outcome };
}

function* decodeAll(records: Iterable<QueuedRecord>): Generator<DedupRecord, void, undefined> {
  for (const record of records) yield decode(record);
}
