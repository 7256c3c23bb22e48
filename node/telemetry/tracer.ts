import type { Clock, Random, TraceContext, TraceIds } from '../ports/index.ts';
import { RequestTrace } from './request-trace.ts';
import type { SpanCounts, TraceSink } from './span.ts';
import { callerTrace, isSampled } from './trace-context.ts';

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/** Headers of a request, as far as tracing goes. */
export interface TraceHeaders {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | string[] | undefined;
}

/** Decides which requests are recorded, and records them. */
export class Tracer {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sink: TraceSink;

  constructor(clock: Clock, random: Random, sink: TraceSink) {
    this.#clock = clock;
    this.#random = random;
    this.#sink = sink;
  }

  /**
   * Begins to record a request, or not (null): the caller's flag decides where there is one, and
   * otherwise the rate of the model.
   *
   * @param startedMs when it arrived, on the monotonic clock
   */
  begin(rate: number, headers: TraceHeaders, startedMs: number): RequestTrace | null {
    const caller = callerOf(headers);
    if (caller !== null && !caller.sampled) return null;
    const traceId = caller?.traceId ?? this.#id(TRACE_ID_BYTES);
    if (caller === null && !isSampled(traceId, rate)) return null;
    const parent = { parentSpanId: caller?.spanId ?? '', state: caller?.state ?? '' };
    return this.#record('request', { traceId, ...parent }, startedMs);
  }

  /** Goes on with a request that is recorded already, perhaps on another node. */
  resume(context: TraceContext, name: string): RequestTrace {
    const { traceId, spanId: parentSpanId, state } = context;
    return this.#record(name, { traceId, parentSpanId, state }, this.#clock.monotonicMs());
  }

  /** Ids for what the log says of a request that is not recorded. */
  identify(headers: TraceHeaders): TraceIds {
    const traceId = callerOf(headers)?.traceId ?? this.#id(TRACE_ID_BYTES);
    return { traceId, spanId: this.#id(SPAN_ID_BYTES) };
  }

  get counts(): SpanCounts {
    return this.#sink.counts;
  }

  /** Hands over what waits, within a bounded time. */
  close(): Promise<void> {
    return this.#sink.close();
  }

  #record(
    name: string,
    place: { traceId: string; parentSpanId: string; state: string },
    startedMs: number,
  ): RequestTrace {
    const start = { name, kind: 'server', ...place, startedMs } as const;
    return new RequestTrace(start, this.#clock, () => this.#id(SPAN_ID_BYTES), this.#sink);
  }

  /** Hexadecimal; never all zeros, which no id may be. */
  #id(bytes: number): string {
    const filled = this.#random.fill(new Uint8Array(bytes));
    if (filled.every((byte) => byte === 0)) filled[bytes - 1] = 1;
    return Buffer.from(filled.buffer, filled.byteOffset, bytes).toString('hex');
  }
}

function callerOf({ traceparent, tracestate }: TraceHeaders) {
  return callerTrace(traceparent, tracestate);
}
