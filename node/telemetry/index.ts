/** What the node tells about itself: log lines, metrics and traces. Never a secret. */

export { LogSink } from './log-sink.ts';
export {
  createLogger,
  defaultLogFormat,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
} from './logger.ts';
export { createMetrics, METRICS_CONTENT_TYPE, type Metrics } from './metrics.ts';
export { postTraces } from './otlp-post.ts';
export {
  type OtlpSettings,
  otlpSettings,
  serviceName,
  type TraceOptions,
  TraceSettingsError,
} from './otlp-settings.ts';
export { OtlpSink } from './otlp-sink.ts';
export { RequestMetrics } from './request-metrics.ts';
export { RequestTrace } from './request-trace.ts';
export type { TraceSink } from './span.ts';
export { traceparentOf } from './trace-context.ts';
export { Tracer } from './tracer.ts';
