import { durationMs, type Schema } from '@lithair/crds';
import type { IdempotencyKey, Outcome } from '../ports/index.ts';
import type { DedupLimits } from './types.ts';

export type AppliedOutcome = Extract<Outcome, { kind: 'applied' }>;

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

/** Below this many evicted records the queue is not compacted. */
const COMPACT_FROM = 1024;

/** Outcomes by idempotency scope, oldest first out, by age in log time and by count. */
export class DedupTable {
  private limits: DedupLimits;
  private readonly byScope = new Map<string, DedupRecord>();
  /** In order of time; those before `head` are evicted. */
  private queue: DedupRecord[] = [];
  private head = 0;

  constructor(limits: DedupLimits) {
    this.limits = limits;
  }

  /** Narrower limits take hold at once for the count, and at the next expiry for the age. */
  limitTo(limits: DedupLimits): void {
    this.limits = limits;
    while (this.byScope.size > limits.maxRecords) this.evictOldest();
  }

  find(scope: string): DedupRecord | undefined {
    return this.byScope.get(scope);
  }

  /** Adds a record that is not older than any other and whose scope is not in the table. */
  add(record: DedupRecord): void {
    this.byScope.set(record.scope, record);
    this.queue.push(record);
    if (this.byScope.size > this.limits.maxRecords) this.evictOldest();
  }

  /** Forgets what is too old at a log time. */
  expire(nowMs: number): void {
    for (;;) {
      const oldest = this.queue[this.head];
      if (oldest === undefined || nowMs - oldest.timeMs <= this.limits.maxAgeMs) return;
      this.evictOldest();
    }
  }

  /** The records as they are now, oldest first. */
  records(): readonly DedupRecord[] {
    return this.queue.slice(this.head);
  }

  private evictOldest(): void {
    const oldest = this.queue[this.head];
    if (oldest === undefined) return;
    this.byScope.delete(oldest.scope);
    this.head += 1;
    if (this.head < COMPACT_FROM || this.head * 2 < this.queue.length) return;
    this.queue = this.queue.slice(this.head);
    this.head = 0;
  }
}
