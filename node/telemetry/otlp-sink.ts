import type { Clock, Logger, TimerHandle } from '../ports/index.ts';
import { exportRequest, type Resource } from './otlp-json.ts';
import type { FinishedTrace, SpanCounts, SpanRecord, TraceSink } from './span.ts';

/** Sends a body to the collector and resolves to the HTTP status of its answer. May reject. */
export type PostTraces = (body: string) => Promise<number>;

export interface OtlpParts {
  readonly post: PostTraces;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly resource: Resource;
  /** Of the software. */
  readonly version: string;
  readonly limits?: Partial<OtlpLimits>;
}

export interface OtlpLimits {
  /** Most spans that wait; more are dropped. */
  readonly queueSpans: number;
  readonly batchSpans: number;
  readonly delayMs: number;
  /** Times that one batch is sent at most. */
  readonly attempts: number;
  /** Time that closing takes at most. */
  readonly closeMs: number;
}

const LIMITS: OtlpLimits = {
  queueSpans: 4096,
  batchSpans: 512,
  delayMs: 1_000,
  attempts: 3,
  closeMs: 2_000,
};

/** Answers after which the same may be sent again (OTLP/HTTP, "Retryable Response Codes"). */
const RETRYABLE: readonly number[] = [429, 502, 503, 504];

/** Sends spans to a collector, in batches, one at a time, beside everything else. */
export class OtlpSink implements TraceSink {
  readonly #parts: OtlpParts;
  readonly #limits: OtlpLimits;
  #queue: SpanRecord[] = [];
  #timer: TimerHandle | null = null;
  #sending: Promise<void> | null = null;
  #isClosed = false;
  #isFailing = false;
  #told = 0;
  #dropped = 0;

  constructor(parts: OtlpParts) {
    this.#parts = parts;
    this.#limits = { ...LIMITS, ...parts.limits };
  }

  take({ root, phases }: FinishedTrace): void {
    const count = 1 + phases.length;
    if (this.#isClosed || this.#queue.length + count > this.#limits.queueSpans) {
      this.#dropped += count;
      return;
    }
    this.#queue.push(root, ...phases);
    this.#later();
  }

  get counts(): SpanCounts {
    return { queued: this.#queue.length, told: this.#told, dropped: this.#dropped };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const { clock } = this.#parts;
    const due = Promise.withResolvers<void>();
    const timer = clock.after(this.#limits.closeMs, due.resolve);
    await Promise.race([this.#drain(), due.promise]);
    timer.cancel();
    this.#dropped += this.#queue.length;
    this.#queue = [];
  }

  /** A full batch goes at once, others after a while. */
  #later(): void {
    if (this.#sending !== null || this.#isClosed) return;
    if (this.#queue.length >= this.#limits.batchSpans) this.#begin();
    else this.#timer ??= this.#parts.clock.after(this.#limits.delayMs, () => this.#begin());
  }

  #begin(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null;
      if (this.#queue.length > 0) this.#later();
    });
  }

  async #drain(): Promise<void> {
    await this.#sending;
    while (this.#queue.length > 0) await this.#send();
  }

  async #send(): Promise<void> {
    const spans = this.#queue.splice(0, this.#limits.batchSpans);
    const { resource, version } = this.#parts;
    const refusal = await this.#deliver(exportRequest(resource, version, spans));
    if (refusal === null) this.#told += spans.length;
    else this.#dropped += spans.length;
    this.#report(refusal);
  }

  /** Null where it was taken; otherwise why not. */
  async #deliver(body: string): Promise<string | null> {
    let reason = '';
    for (let attempt = 1; attempt <= this.#limits.attempts; attempt++) {
      if (attempt > 1) await this.#pause(this.#limits.delayMs * (attempt - 1));
      const status = await this.#parts.post(body).catch((error: unknown) => {
        reason = error instanceof Error ? error.message : String(error);
        return 0;
      });
      if (status >= 200 && status < 300) return null;
      if (status !== 0) reason = `the collector answered ${status}`;
      if (this.#isClosed || (status !== 0 && !RETRYABLE.includes(status))) break;
    }
    return reason;
  }

  /** Once when it begins to fail, and once when it goes on. */
  #report(refusal: string | null): void {
    const isFailing = refusal !== null;
    if (isFailing === this.#isFailing) return;
    this.#isFailing = isFailing;
    if (isFailing) this.#parts.logger.warn({ reason: refusal }, 'traces cannot be exported');
    else this.#parts.logger.info({ dropped: this.#dropped }, 'traces are exported again');
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve));
  }
}
