import type { Logger } from '../ports/index.ts';
import type { AttributeValue, FinishedTrace, SpanCounts, TraceSink } from './span.ts';

/** Names of attributes in the log; others are called there as in traces. */
const LOG_NAMES: Readonly<Record<string, string>> = {
  'lithair.model': 'model',
  'lithair.operation': 'operation',
  'lithair.index': 'index',
  'lithair.forwarded_by': 'forwarded_by',
  'enduser.id': 'user_id',
  'http.request.method': 'method',
  'http.route': 'route',
  'http.request.body.size': 'request_size',
  'http.request.body.content': 'request_body',
  'http.response.status_code': 'status',
};

/** Tells of each trace in one line of the log: where no collector is named, nothing is lost. */
export class LogSink implements TraceSink {
  readonly #logger: Logger;
  #told = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  take({ root, phases }: FinishedTrace): void {
    this.#told += 1 + phases.length;
    const context: Record<string, AttributeValue> = {};
    for (const [name, value] of Object.entries(root.attributes)) {
      context[LOG_NAMES[name] ?? name] = value;
    }
    context['duration_ms'] = rounded(root.endMs - root.startMs);
    for (const { name, startMs, endMs } of phases) {
      context[`${name}_time_ms`] = rounded(endMs - startMs);
    }
    const { traceId: trace_id, spanId: span_id, parentSpanId, failed } = root;
    const parent = parentSpanId === '' ? {} : { parent_span_id: parentSpanId };
    this.#logger.info({ trace_id, span_id, ...parent, failed, context }, root.name);
  }

  get counts(): SpanCounts {
    return { queued: 0, told: this.#told, dropped: 0 };
  }

  async close(): Promise<void> {}
}

/** To a microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
