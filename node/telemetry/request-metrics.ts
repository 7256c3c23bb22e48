/** Upper bounds of the duration buckets, seconds. */
export const DURATION_BUCKETS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

const NAME = 'lithair_http_request_duration_seconds';

/**
 * Durations of requests by model, operation and status. Kept in plain arrays, because a general
 * histogram hashes its labels at each observation, which the shortest requests would notice.
 */
export class RequestMetrics {
  readonly #series: RequestSeries[] = [];

  /** The series of one model and operation; ask once and keep it. */
  series(model: string, operation: string): RequestSeries {
    const known = this.#series.find((s) => s.model === model && s.operation === operation);
    if (known !== undefined) return known;
    const made = new RequestSeries(model, operation);
    this.#series.push(made);
    return made;
  }

  /** Prometheus text exposition format 0.0.4. */
  text(): string {
    const head = `# HELP ${NAME} Duration of HTTP requests.\n# TYPE ${NAME} histogram\n`;
    return head + this.#series.map((series) => series.text()).join('');
  }
}

/** Observations of one model and operation, one histogram per status that occurred. */
export class RequestSeries {
  readonly model: string;
  readonly operation: string;
  readonly #byStatus = new Map<number, Histogram>();

  constructor(model: string, operation: string) {
    this.model = model;
    this.operation = operation;
  }

  observe(status: number, durationMs: number): void {
    let histogram = this.#byStatus.get(status);
    if (histogram === undefined) {
      histogram = { buckets: DURATION_BUCKETS_SECONDS.map(() => 0), sumSeconds: 0, count: 0 };
      this.#byStatus.set(status, histogram);
    }
    record(histogram, durationMs / 1000);
  }

  text(): string {
    return [...this.#byStatus]
      .map(([status, histogram]) => this.#lines(status, histogram))
      .join('');
  }

  #lines(status: number, histogram: Histogram): string {
    const labels = `model="${this.model}",operation="${this.operation}",status="${status}"`;
    let cumulative = 0;
    const buckets = DURATION_BUCKETS_SECONDS.map((bound, at) => {
      cumulative += histogram.buckets[at] ?? 0;
      return `${NAME}_bucket{${labels},le="${bound}"} ${cumulative}\n`;
    });
    return `${buckets.join('')}${NAME}_bucket{${labels},le="+Inf"} ${histogram.count}
${NAME}_sum{${labels}} ${histogram.sumSeconds}
${NAME}_count{${labels}} ${histogram.count}
`;
  }
}

interface Histogram {
  /** Counts per bucket, not cumulative; what is above the last bound is in `count` alone. */
  readonly buckets: number[];
  sumSeconds: number;
  count: number;
}

function record(histogram: Histogram, seconds: number): void {
  histogram.count += 1;
  histogram.sumSeconds += seconds;
  for (let at = 0; at < DURATION_BUCKETS_SECONDS.length; at++) {
    if (seconds > (DURATION_BUCKETS_SECONDS[at] ?? 0)) continue;
    histogram.buckets[at] = (histogram.buckets[at] ?? 0) + 1;
    return;
  }
}
