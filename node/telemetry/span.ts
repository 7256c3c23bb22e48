export type AttributeValue = string | number | boolean;

/** A span, as OpenTelemetry has it. */
export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where it is the first of its trace. */
  readonly parentSpanId: string;
  /** `tracestate`. */
  readonly state: string;
  name: string;
  readonly kind: 'server' | 'internal';
  /** Epoch milliseconds, with fractions. */
  readonly startMs: number;
  endMs: number;
  readonly attributes: Record<string, AttributeValue>;
  failed: boolean;
}

/** What one node did for one request. */
export interface FinishedTrace {
  readonly root: SpanRecord;
  /** Parts of the root, in order. */
  readonly phases: readonly SpanRecord[];
}

/** Counts of spans since the start. */
export interface SpanCounts {
  /** Waiting to be sent. */
  readonly queued: number;
  /** Taken by the collector, or written to the log. */
  readonly told: number;
  /** Lost: the queue was full, or the collector did not take them. */
  readonly dropped: number;
}

/** Where finished traces go. Never blocks, never throws. */
export interface TraceSink {
  take(trace: FinishedTrace): void;
  readonly counts: SpanCounts;
  /** Hands over what waits, within a bounded time; nothing is taken any more. */
  close(): Promise<void>;
}
