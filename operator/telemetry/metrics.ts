import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What the operator counts. */
export interface OperatorMetrics {
  readonly registry: Registry;
  /** Requests to the API server that ask for a change; a steady cluster adds none. */
  readonly writes: Counter<'verb' | 'kind'>;
  readonly reconciles: Counter<'result'>;
  readonly reconcileSeconds: Histogram;
  readonly watchErrors: Counter<'kind'>;
  readonly leading: Gauge;
}

/** Creates the metrics in a registry of their own; `queueDepth` is asked at each scrape. */
export function createMetrics(queueDepth: () => number): OperatorMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const depth: Gauge = new Gauge({
    name: 'lithair_operator_queue_depth',
    help: 'Resources that wait to be reconciled',
    registers: [],
    collect: () => depth.set(queueDepth()),
  });
  registry.registerMetric(depth);
  return {
    registry,
    writes: new Counter({
      name: 'lithair_operator_api_writes_total',
      help: 'Requests to the API server that ask for a change',
      labelNames: ['verb', 'kind'],
      registers,
    }),
    reconciles: new Counter({
      name: 'lithair_operator_reconciles_total',
      help: 'Reconciles by result: ok or error',
      labelNames: ['result'],
      registers,
    }),
    reconcileSeconds: new Histogram({
      name: 'lithair_operator_reconcile_seconds',
      help: 'Duration of a reconcile',
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    }),
    watchErrors: new Counter({
      name: 'lithair_operator_watch_errors_total',
      help: 'Watches that broke and were started again',
      labelNames: ['kind'],
      registers,
    }),
    leading: new Gauge({
      name: 'lithair_operator_leading',
      help: '1 where this process holds the lease',
      registers,
    }),
  };
}
