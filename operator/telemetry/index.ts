/** Metrics, health and logs of the operator itself. */
export { createMetrics, type OperatorMetrics } from './metrics.ts';
export { serveOps } from './ops-server.ts';
