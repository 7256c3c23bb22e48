/**
 * One aggregate as the contract has it: what each call does to it, and which answers it may give.
 * Versions count up with every change, go on across a delete, and stay where nothing changes.
 */
import { idOf, merge, textOf } from './row.ts';
import type { Operation, Result, Row, Write } from './types.ts';

/** `row` is null where the aggregate does not exist. */
export interface KeyState {
  readonly version: number;
  readonly row: Row | null;
}

export const NEVER_CREATED: KeyState = { version: 0, row: null };

/** What an operation means to one aggregate. */
export type KeyCall =
  | { readonly kind: 'create'; readonly body: Row }
  | Extract<Write, { kind: 'put' | 'patch' | 'delete' }>
  | { readonly kind: 'read' };

/** One operation, seen from one aggregate. */
export interface KeyOperation {
  readonly operation: Operation;
  readonly call: KeyCall;
  readonly result: Result;
  /** Orders of its moments; it takes effect between them. `Infinity` where its end is not known. */
  readonly invoked: number;
  readonly completed: number;
}

/**
 * The state after the operation, if it can take effect on `state` with the result that it had;
 * else null. The same object comes back where nothing changes.
 */
export function step(state: KeyState, { call, result }: KeyOperation): KeyState | null {
  if (result.kind === 'failed') return refuses(state, call, result.code) ? state : null;
  const next = effectOf(state, call);
  if (next === null || result.kind === 'unknown') return next;
  return shows(result, next, call.kind === 'delete') ? next : null;
}

/** What a call does to a state that lets it; null where it is refused. */
export function effectOf(state: KeyState, call: KeyCall): KeyState | null {
  switch (call.kind) {
    case 'read':
      return state;
    case 'create':
      return state.row === null ? put(state, call.body) : null;
    case 'put': {
      const fits = call.onlyIfAbsent ? state.row === null : meets(state, call.ifMatch);
      return fits ? put(state, call.body) : null;
    }
    case 'patch':
      return meets(state, call.ifMatch) ? put(state, merge(state.row ?? {}, call.body)) : null;
    case 'delete':
      return meets(state, call.ifMatch) ? { version: state.version + 1, row: null } : null;
  }
}

function put(state: KeyState, row: Row): KeyState {
  if (state.row !== null && textOf(state.row) === textOf(row)) return state;
  return { version: state.version + 1, row };
}

function meets(state: KeyState, ifMatch: number | null): boolean {
  return state.row !== null && (ifMatch === null || ifMatch === state.version);
}

/** Whether an answer shows this state. Deletes show nothing, bulks no version. */
function shows(
  { version, rows }: Extract<Result, { kind: 'ok' }>,
  state: KeyState,
  isDelete: boolean,
): boolean {
  if (isDelete) return true;
  const [row] = rows;
  if (row === undefined || state.row === null) return row === undefined && state.row === null;
  return (version === null || version === state.version) && textOf(row) === textOf(state.row);
}

/** Whether the state is a reason to refuse the call with this code. */
function refuses(state: KeyState, call: KeyCall, code: string): boolean {
  if (code === 'not_found') return state.row === null;
  if (code === 'already_exists') return state.row !== null;
  if (state.row === null) return false;
  if (call.kind === 'put' && call.onlyIfAbsent) return true;
  return 'ifMatch' in call && call.ifMatch !== null && call.ifMatch !== state.version;
}

/** Refusals that tell something about the one aggregate that was asked for. */
const TELLING = ['not_found', 'already_exists', 'precondition_failed'];

/** Every operation that says something of an aggregate, by the text of model and id. */
export function byKey(operations: readonly Operation[]): Map<string, KeyOperation[]> {
  const keys = new Map<string, KeyOperation[]>();
  for (const operation of operations) {
    for (const [id, seen] of projections(operation)) {
      const name = keyName(operation.call.model, id);
      const list = keys.get(name);
      if (list === undefined) keys.set(name, [seen]);
      else list.push(seen);
    }
  }
  return keys;
}

export function keyName(model: string, id: string): string {
  return `${model}/${id}`;
}

export function keyOfName(name: string): { readonly model: string; readonly id: string } {
  const slash = name.indexOf('/');
  return { model: name.slice(0, slash), id: name.slice(slash + 1) };
}

function projections(operation: Operation): (readonly [string, KeyOperation])[] {
  const { call, result } = operation;
  switch (call.kind) {
    case 'list':
      return [];
    case 'read':
      return result.kind === 'ok' ? [[call.id, seen(operation, { kind: 'read' }, result)]] : [];
    case 'bulk':
      return result.kind === 'failed' ? [] : bulkParts(operation, call.bodies, result);
    case 'create':
      return createParts(operation, call.id, call.body);
    default:
      return isTelling(result) ? [[call.id, seen(operation, call, result)]] : [];
  }
}

function bulkParts(
  operation: Operation,
  bodies: readonly Row[],
  result: Result,
): (readonly [string, KeyOperation])[] {
  return bodies.map((body, at) => {
    const row = result.kind === 'ok' ? result.rows[at] : undefined;
    const part =
      result.kind === 'ok' ? { ...result, rows: row === undefined ? [] : [row] } : result;
    return [idOf(body), seen(operation, { kind: 'create', body }, part)] as const;
  });
}

/** A row whose id the server makes belongs to no key before an answer tells it. */
function createParts(
  operation: Operation,
  given: string | null,
  body: Row,
): (readonly [string, KeyOperation])[] {
  const { result } = operation;
  const made = result.kind === 'ok' ? result.rows[0]?.['id'] : undefined;
  const id = given ?? (typeof made === 'string' ? made : null);
  if (id === null || !isTelling(result)) return [];
  return [[id, seen(operation, { kind: 'create', body: { ...body, id } }, result)]];
}

function isTelling(result: Result): boolean {
  return result.kind !== 'failed' || TELLING.includes(result.code);
}

function seen(operation: Operation, call: KeyCall, result: Result): KeyOperation {
  // A refusal is that of the last try: the ones before it may have met another state.
  const last = operation.tries.at(-1);
  const from = result.kind === 'failed' ? (last?.sent ?? operation.invoked) : operation.invoked;
  return {
    operation,
    call,
    result,
    invoked: from.order,
    completed: operation.completed?.order ?? Number.POSITIVE_INFINITY,
  };
}
