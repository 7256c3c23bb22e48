import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { RequestMetrics } from './request-metrics.ts';

/** The metrics of one node, which every room may add to. */
export interface Metrics {
  /** For the metrics of other rooms. */
  readonly registry: Registry;
  readonly requests: RequestMetrics;
  /**
   * Adds a gauge that is read when somebody asks.
   *
   * @throws Error where the name is taken
   */
  gauge(name: string, help: string, read: () => number): void;
  /** As {@link gauge}, of something that takes time to be read; NaN where that fails. */
  gaugeLater(name: string, help: string, read: () => Promise<number>): void;
  /**
   * Adds a gauge with one value for each value of a label, read when somebody asks.
   *
   * @throws Error where the name is taken
   */
  gaugeBy(
    name: string,
    help: string,
    label: string,
    read: () => Iterable<readonly [labelValue: string, value: number]>,
  ): void;
  /** Everything, in the Prometheus text exposition format 0.0.4. */
  text(): Promise<string>;
}

export interface MetricsOptions {
  /** Also the process: CPU, memory, event loop, garbage collection. */
  readonly processMetrics: boolean;
}

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const requests = new RequestMetrics();
  return {
    registry,
    requests,
    gauge: (name, help, read) => addGauge(registry, name, help, read),
    gaugeLater: (name, help, read) => addGaugeLater(registry, name, help, read),
    gaugeBy: (name, help, label, read) => addGaugeBy(registry, name, help, label, read),
    text: async () => `${await registry.metrics()}\n${requests.text()}`,
  };
}

function addGauge(registry: Registry, name: string, help: string, read: () => number): void {
  const gauge = new Gauge({
    name,
    help,
    registers: [],
    collect(): void {
      this.set(read());
    },
  });
  registry.registerMetric(gauge);
}

function addGaugeLater(
  registry: Registry,
  name: string,
  help: string,
  read: () => Promise<number>,
): void {
  const gauge = new Gauge({
    name,
    help,
    registers: [],
    async collect(): Promise<void> {
      this.set(await read().catch(() => NaN));
    },
  });
  registry.registerMetric(gauge);
}

function addGaugeBy(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [string, number]>,
): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [],
    collect(): void {
      this.reset();
      for (const [labelValue, value] of read()) this.set({ [label]: labelValue }, value);
    },
  });
  registry.registerMetric(gauge);
}
