/** Hand-made operations for the tests of the checks. Moments have their order as milliseconds. */
import type { Consistency } from '../../../ports/index.ts';
import { idOf } from '../row.ts';
import type { Call, Moment, Operation, Result, Row } from '../types.ts';

export const ITEM = 'Item';

export function row(id: string, stamp: string, more: Row = {}): Row {
  return { id, stamp, ...more };
}

type Ok = Extract<Result, { kind: 'ok' }>;

export function ok(more: Partial<Ok> = {}): Ok {
  return {
    kind: 'ok',
    version: null,
    rows: [],
    token: null,
    durability: 'quorum',
    replayed: false,
    ...more,
  };
}

/** An answer that shows one row at a version, and at an index of the log where one is given. */
export function shows(version: number, shown: Row, index?: number): Ok {
  return ok({ version, rows: [shown], token: index === undefined ? null : tokenOf(index) });
}

export function failed(code: string): Result {
  return { kind: 'failed', code };
}

export const UNKNOWN: Result = { kind: 'unknown', reason: 'lost' };

/** A token as the http room issues it; its checksum is not looked at. */
export function tokenOf(index: number): string {
  return Buffer.from(`1.1.0.${index}.0.1.0`).toString('base64url');
}

export interface Circumstances {
  readonly client?: number;
  readonly session?: number;
  readonly idempotencyKey?: string;
  /** Results of earlier tries. */
  readonly earlier?: readonly Result[];
}

/** An operation between two moments; one of unknown outcome has no second moment. */
export function operation(
  from: number,
  to: number,
  call: Call,
  result: Result,
  { client = 1, session, idempotencyKey, earlier = [] }: Circumstances = {},
): Operation {
  const sent = at(from);
  const answered = result.kind === 'unknown' ? null : at(to);
  const tries = [...earlier, result].map((of) => ({ node: 1, sent, answered, result: of }));
  return {
    client,
    session: session ?? null,
    idempotencyKey: idempotencyKey ?? null,
    call,
    tries,
    invoked: sent,
    completed: answered,
    result,
  };
}

function at(order: number): Moment {
  return { ms: order, order };
}

export function create(body: Row): Call {
  return { kind: 'create', model: ITEM, id: idOf(body), body };
}

export function put(body: Row, ifMatch: number | null = null): Call {
  const id = idOf(body);
  return { kind: 'put', model: ITEM, id, body, ifMatch, onlyIfAbsent: false };
}

export function patch(id: string, body: Row, ifMatch: number | null = null): Call {
  return { kind: 'patch', model: ITEM, id, body, ifMatch };
}

export function remove(id: string, ifMatch: number | null = null): Call {
  return { kind: 'delete', model: ITEM, id, ifMatch };
}

export function read(
  id: string,
  consistency: Consistency = 'strong',
  minToken: string | null = null,
): Call {
  return { kind: 'read', model: ITEM, id, consistency, minToken };
}

export function list(
  consistency: Consistency = 'strong',
  filter: { readonly field: string; readonly value: string } | null = null,
  minToken: string | null = null,
): Call {
  return { kind: 'list', model: ITEM, filter, consistency, minToken };
}
