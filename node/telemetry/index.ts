/** What the node tells about itself: log lines and metrics. Never a body, a secret or a name. */
export {
  createLogger,
  defaultLogFormat,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
} from './logger.ts';
export { createMetrics, METRICS_CONTENT_TYPE, type Metrics } from './metrics.ts';
export { RequestMetrics } from './request-metrics.ts';
