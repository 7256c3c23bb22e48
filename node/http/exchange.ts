import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ModelSchema } from '@lithair/crds';
import { ANONYMOUS } from '../auth/index.ts';
import type { Actor, ModelReader, StateReader, TraceIds } from '../ports/index.ts';
import type { Parameter } from '../query/index.ts';
import type { RequestTrace } from '../telemetry/index.ts';
import type { Operation } from './operations/operation.ts';
import { parseQuery } from './query-string.ts';
import type { ModelRoute, RouteTable } from './route-table.ts';

/** An answer, before it is written. */
export interface Reply {
  readonly status: number;
  /** Names and values in turn, as `writeHead` takes them. */
  readonly headers: string[];
  /** Empty where the status has no content. */
  readonly body: string;
  /** Whether all of the body is known to be ASCII: nobody has to look. */
  readonly isAscii?: boolean;
  /** Instead of a body: its pieces, as they are asked for. */
  readonly pieces?: AsyncIterable<string>;
}

/** One request on its way through the pipeline; each step adds what it found out. */
export class Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly startedMs: number;
  readonly rawPath: string;
  readonly rawQuery: string;
  operation: Operation | null = null;
  route: ModelRoute | null = null;
  /** Where the rows of the route are those that refer to one row. */
  parent: Parent | null = null;
  table: RouteTable | null = null;
  /** Canonical id, or the decoded text where it can be no id. */
  id = '';
  actor: Actor = ANONYMOUS;
  /** Null where the request is not recorded. */
  trace: RequestTrace | null = null;
  /** What the log calls the request, where it had to say something of it. */
  ids: TraceIds | null = null;
  /** Models whose rows the answer shows beside those of the route. */
  expanded: readonly ModelSchema[] = [];
  /** Whether the audit log has what came of the request, as far as it must. */
  isAudited = false;
  /** How often the model changed before the request was answered, and it began anew. */
  outrunTimes = 0;
  /** Methods of the route, for the `Allow` header. */
  allow = '';
  #parameters: readonly Parameter[] | null = null;

  constructor(req: IncomingMessage, res: ServerResponse, startedMs: number) {
    this.req = req;
    this.res = res;
    this.startedMs = startedMs;
    const url = originForm(req.url ?? '/');
    const mark = url.indexOf('?');
    this.rawPath = mark === -1 ? url : url.slice(0, mark);
    this.rawQuery = mark === -1 ? '' : url.slice(mark + 1);
  }

  /** @throws Problem `bad_percent_encoding` */
  get parameters(): readonly Parameter[] {
    this.#parameters ??= parseQuery(this.rawQuery);
    return this.#parameters;
  }

  /** The model's route, where the operation is one of a model. */
  get modelRoute(): ModelRoute {
    if (this.route === null) throw new Error('this operation belongs to no model');
    return this.route;
  }
}

/** The row that others refer to, by one of their fields. */
export interface Parent {
  readonly route: ModelRoute;
  readonly id: string;
  readonly field: string;
}

/** The state after the read barrier, with the model that the request is about. */
export interface ReadView {
  readonly state: StateReader;
  readonly model: ModelReader;
}

/** A server takes the absolute form of a target too (RFC 9112, section 3.2.2). */
function originForm(url: string): string {
  if (url.charCodeAt(0) === SLASH) return url;
  return /^https?:\/\/[^/?]*(.*)$/i.exec(url)?.[1] ?? url;
}

const SLASH = 47;
