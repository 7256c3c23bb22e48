import type { AccessOperation } from '../../access/index.ts';
import type {
  Clock,
  Command,
  Engine,
  HistoryReader,
  Logger,
  Outcome,
  StateReader,
} from '../../ports/index.ts';
import type { Pace } from '../../query/index.ts';
import type { Tracer } from '../../telemetry/index.ts';
import type { ApiLimits } from '../api.ts';
import type { Exchange, ReadView, Reply } from '../exchange.ts';
import type { TakenTypes } from '../media-type.ts';
import type { RouteTables } from '../route-table.ts';
import type { TokenIssuer } from '../token.ts';

/** What the operations need from the composition. */
export interface OperationContext extends Pace {
  readonly tokens: TokenIssuer;
  /** The present state; throws a `Problem` where there is none. */
  readonly state: () => StateReader;
  /** The past of the aggregates. */
  readonly history: () => HistoryReader;
}

interface Named {
  /** As metrics, logs and OpenAPI call it. */
  readonly name: string;
}

/** Answers from the state of this node. */
export interface ReadOperation extends Named {
  readonly kind: 'read';
  readonly access: AccessOperation;
  answer(exchange: Exchange, view: ReadView, context: OperationContext): Reply | Promise<Reply>;
}

/** Submits a command to the leader. */
export interface WriteOperation extends Named {
  readonly kind: 'write';
  readonly access: AccessOperation;
  /** Largest body; 0 where the operation has none. */
  bodyLimit(limits: ApiLimits): number;
  /** Media types of its body. */
  readonly takes: TakenTypes;
  /** Validates; throws a `Problem`. */
  command(exchange: Exchange, body: Uint8Array): Command;
  /** Renders an applied outcome. */
  reply(exchange: Exchange, outcome: AppliedOutcome, context: OperationContext): Reply;
}

export type AppliedOutcome = Extract<Outcome, { kind: 'applied' }>;

/** Answers without looking at a model: health, documents, options. */
export interface SystemOperation extends Named {
  readonly kind: 'system';
  /** Whether the answer depends on the caller. */
  readonly asksWho?: true;
  answer(exchange: Exchange): Reply | Promise<Reply>;
}

/** Takes its body, and answers, piece by piece. */
export interface StreamOperation extends Named {
  readonly kind: 'stream';
  readonly access: AccessOperation;
  /** What refuses the request as a whole is thrown before anything is answered. */
  run(exchange: Exchange, parts: StreamParts): Promise<void>;
}

/** What such an operation needs from the composition. */
export interface StreamParts {
  readonly engine: Pick<Engine, 'submit' | 'audit'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: ApiLimits;
  readonly tables: Pick<RouteTables, 'of'>;
  readonly context: OperationContext;
  readonly tracer: Tracer;
}

export type Operation = ReadOperation | WriteOperation | StreamOperation | SystemOperation;
