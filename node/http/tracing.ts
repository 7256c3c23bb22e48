import { type RequestTrace, type Tracer, traceparentOf } from '../telemetry/index.ts';
import type { Exchange } from './exchange.ts';
import type { Identify } from './problem-of.ts';

/** Null where the model of the request is not traced, or this request is not. */
export function beginTrace(tracer: Tracer, exchange: Exchange): RequestTrace | null {
  const tracing = exchange.route?.model.tracing;
  if (tracing === undefined) return null;
  const trace = tracer.begin(tracing.sampleRate, traceHeaders(exchange), exchange.startedMs);
  trace?.enter('access');
  return trace;
}

/** What the trace says in the end of the request as a whole. */
export function finishTrace(trace: RequestTrace, exchange: Exchange, failed: boolean): void {
  const { req, res, route, operation, actor } = exchange;
  const method = req.method ?? '';
  const path = route === null ? '' : `${route.model.path}${exchange.id === '' ? '' : '/{id}'}`;
  trace.note('lithair.model', route?.model.name ?? '');
  trace.note('lithair.operation', operation?.name ?? 'none');
  trace.note('enduser.id', actor.subject);
  trace.note('http.request.method', method);
  trace.note('http.route', path);
  trace.note('http.response.status_code', res.statusCode);
  trace.finish({ name: `${method} ${path}`, failed: failed || res.statusCode >= 500 });
}

/** The header of an answer to a request that is recorded. */
export function traceHeader(trace: RequestTrace): [name: string, value: string] {
  return ['traceparent', traceparentOf(trace)];
}

/** What an error line of the log says of its request, recorded or not. */
export function identifier(tracer: Tracer, exchange: Exchange): Identify {
  return () => {
    exchange.ids ??= tracer.identify(traceHeaders(exchange));
    const { req, route, operation, actor, ids } = exchange;
    const context = {
      model: route?.model.name ?? '',
      operation: operation?.name ?? 'none',
      method: req.method ?? '',
      user_id: actor.subject,
    };
    return { traceId: ids.traceId, spanId: ids.spanId, context };
  };
}

/** A header that came twice is one that cannot be understood. */
function traceHeaders({ req: { headers } }: Exchange) {
  const { traceparent, tracestate } = headers;
  return { traceparent: typeof traceparent === 'string' ? traceparent : undefined, tracestate };
}
