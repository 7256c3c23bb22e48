import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Schema } from '@lithair/crds';
import type { ReadSecret } from '../auth/index.ts';
import type { FieldCipher } from '../encryption/index.ts';
import type { Clock, Engine, Logger } from '../ports/index.ts';
import type { Metrics, Tracer } from '../telemetry/index.ts';

/** Takes one request; it always answers and never throws or rejects. */
export type Listener = (req: IncomingMessage, res: ServerResponse) => void;

/** The first step of the pipeline, which the gateway room brings: throws a `Problem` to refuse. */
export type Admit = (req: IncomingMessage) => void;

/** Bounds of what one request may cost. */
export interface ApiLimits {
  /** Largest body of a single write. */
  readonly bodyBytes: number;
  /** Largest body of `_bulk`. */
  readonly bulkBytes: number;
  readonly bulkItems: number;
  /** Deepest nesting of a body. */
  readonly depth: number;
  /** Bodies of writes that are not answered yet, all together; beyond, writes get 503. */
  readonly bufferedBytes: number;
  /** How long a read waits for freshness, or a write for its outcome. */
  readonly engineTimeoutMs: number;
}

export const API_LIMITS: ApiLimits = {
  bodyBytes: 1024 * 1024,
  bulkBytes: 16 * 1024 * 1024,
  bulkItems: 1000,
  depth: 32,
  bufferedBytes: 64 * 1024 * 1024,
  engineTimeoutMs: 10_000,
};

/** What opens the encrypted fields of a schema; null where it has none. */
export interface FieldKeys {
  of(schema: Schema): FieldCipher | null;
}

export interface ApiOptions {
  readonly engine: Engine;
  /** The secrets that the model names. */
  readonly readSecret: ReadSecret;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Records requests to models that are traced. */
  readonly tracer: Tracer;
  readonly clock: Clock;
  /** Runs a callback after the events of this turn of the event loop; default setImmediate. */
  readonly defer?: (callback: () => void) => void;
  /** `gateway.admit`. */
  readonly admit: Admit;
  /** Version of the software, for the OpenAPI document. */
  readonly version: string;
  readonly limits?: Partial<ApiLimits>;
  /** Needed where models have encrypted fields. */
  readonly fieldKeys?: FieldKeys;
}

export interface Api {
  /** The REST API, `/openapi.json`, `/docs`, `/healthz` and `/readyz`: the API port. */
  readonly apiListener: Listener;
  /** `/metrics` and `/_cluster/status`: the ops port. */
  readonly opsListener: Listener;
}
