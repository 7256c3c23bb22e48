import type { Clock, TraceContext } from '../ports/index.ts';
import type { AttributeValue, SpanRecord, TraceSink } from './span.ts';

/** What a trace of a request begins with. */
export interface TraceStart {
  readonly name: string;
  readonly kind: SpanRecord['kind'];
  readonly traceId: string;
  /** Span that this one is part of; empty where it is the first of its trace. */
  readonly parentSpanId: string;
  readonly state: string;
  /** On the monotonic clock. */
  readonly startedMs: number;
}

/**
 * What one node does for one request, as it is recorded: a span for the whole and one for each of
 * its phases, which follow each other.
 */
export class RequestTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly #clock: Clock;
  readonly #newSpanId: () => string;
  readonly #sink: TraceSink;
  /** Wall clock at zero of the monotonic one. */
  readonly #originMs: number;
  readonly #root: SpanRecord;
  readonly #phases: SpanRecord[] = [];
  #isFinished = false;

  constructor(start: TraceStart, clock: Clock, newSpanId: () => string, sink: TraceSink) {
    this.#clock = clock;
    this.#newSpanId = newSpanId;
    this.#sink = sink;
    this.#originMs = clock.nowMs() - clock.monotonicMs();
    this.traceId = start.traceId;
    this.spanId = newSpanId();
    this.#root = this.#span(start.name, start.kind, this.spanId, start);
  }

  /** The span of the present phase, for whoever goes on with the request elsewhere. */
  get context(): TraceContext {
    const { spanId } = this.#phases.at(-1) ?? this.#root;
    return { traceId: this.traceId, spanId, state: this.#root.state };
  }

  /** Ends the present phase and begins another one. */
  enter(phase: string): void {
    if (this.#isFinished) return;
    const startedMs = this.#clock.monotonicMs();
    this.#endPhase(startedMs);
    const { traceId, spanId: parentSpanId } = this;
    const start = { traceId, parentSpanId, state: this.#root.state, startedMs };
    this.#phases.push(this.#span(phase, 'internal', this.#newSpanId(), start));
  }

  /** Adds to what is said of the whole. Never a secret. */
  note(name: string, value: AttributeValue): void {
    this.#root.attributes[name] = value;
  }

  /** Ends it, and hands it on; once. */
  finish(outcome: { readonly name?: string; readonly failed: boolean }): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    const endedMs = this.#clock.monotonicMs();
    this.#endPhase(endedMs);
    this.#root.endMs = this.#originMs + endedMs;
    this.#root.failed = outcome.failed;
    if (outcome.name !== undefined) this.#root.name = outcome.name;
    this.#sink.take({ root: this.#root, phases: this.#phases });
  }

  #endPhase(atMs: number): void {
    const phase = this.#phases.at(-1);
    if (phase !== undefined) phase.endMs = this.#originMs + atMs;
  }

  #span(
    name: string,
    kind: SpanRecord['kind'],
    spanId: string,
    { traceId, parentSpanId, state, startedMs }: Omit<TraceStart, 'name' | 'kind'>,
  ): SpanRecord {
    const startMs = this.#originMs + startedMs;
    const ids = { traceId, spanId, parentSpanId, state };
    return { ...ids, name, kind, startMs, endMs: startMs, attributes: {}, failed: false };
  }
}
