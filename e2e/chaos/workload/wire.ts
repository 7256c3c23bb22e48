/** How calls look over HTTP, and what answers mean. */
import type { Call, Result, Row } from './history.ts';
import type { Reply, WireRequest } from './http.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

/** Rows that the cluster orders before it answers, and rows that every node takes by itself. */
export type Collection = 'items' | 'memos';

/** @param etag the tag that stands for `call.ifMatch` */
export function requestOf(
  base: string,
  collection: Collection,
  key: string,
  call: Call,
  etag: string | null,
  idempotencyKey: string | null,
): WireRequest {
  const headers: Record<string, string> = {};
  if (etag !== null && call.ifMatch !== null) headers['if-match'] = etag;
  if (call.ifAbsent) headers['if-none-match'] = '*';
  if (idempotencyKey !== null) headers['idempotency-key'] = idempotencyKey;
  const all = `${base}/api/${collection}`;
  const url = `${all}/${key}`;
  const { value, stamp } = call;
  const withBody = { ...headers, ...JSON_TYPE };
  switch (call.kind) {
    case 'read':
      return { method: 'GET', url, headers, body: null };
    case 'delete':
      return { method: 'DELETE', url, headers, body: null };
    case 'create': {
      const body = JSON.stringify({ id: key, value, stamp });
      return { method: 'POST', url: all, headers: withBody, body };
    }
    case 'put':
      return { method: 'PUT', url, headers: withBody, body: JSON.stringify({ value, stamp }) };
    case 'patch':
      return { method: 'PATCH', url, headers: withBody, body: JSON.stringify({ stamp }) };
  }
}

/** A read that must show all that the holder of the token has seen. */
export function sessionRequest(base: string, key: string, token: string): WireRequest {
  const headers = { 'lithair-consistency': 'sequential', 'lithair-min-index': token };
  return { method: 'GET', url: `${base}/api/items/${key}`, headers, body: null };
}

/** A ticket gets its id from the server. */
export function ticketRequest(base: string, stamp: string): WireRequest {
  const headers = { ...JSON_TYPE, 'idempotency-key': `ticket-${stamp}` };
  return { method: 'POST', url: `${base}/api/tickets`, headers, body: JSON.stringify({ stamp }) };
}

/** Refusals for a reason that lies in the key. */
const TELLING: readonly string[] = ['not_found', 'already_exists', 'precondition_failed'];
/** Answers that promise that nothing happened. */
const WITHOUT_EFFECT: readonly string[] = [
  'unavailable',
  'overloaded',
  'out_of_space',
  'version_conflict',
];
/** Answers after which it may have happened. An earlier try may be the one that still runs. */
const OPEN: readonly string[] = ['outcome_unknown', 'idempotency_in_progress'];

/** What an answer says; `unexpected` is an answer that no request of a run should get. */
export function resultOf(isRead: boolean, reply: Reply): Result | 'unexpected' {
  if (reply.kind === 'unsent') return { kind: 'none', code: reply.reason };
  // A read that was not answered did nothing, and says nothing.
  if (reply.kind === 'lost') return { kind: isRead ? 'none' : 'unknown', code: reply.reason };
  if (reply.status < 300) {
    const version = reply.header('lithair-version');
    return {
      kind: 'ok',
      version: version === null ? null : Number(version),
      row: rowOf(reply.body),
    };
  }
  const code = codeOf(reply.body);
  if (isRead && code === 'not_found') return { kind: 'ok', version: null, row: null };
  if (TELLING.includes(code)) return { kind: 'refused', code };
  if (WITHOUT_EFFECT.includes(code)) return { kind: 'none', code };
  return OPEN.includes(code) ? { kind: 'unknown', code } : 'unexpected';
}

/** The item in an answer; null where it holds none. */
export function rowOf(body: unknown): Row | null {
  if (typeof body !== 'object' || body === null) return null;
  if (!('value' in body) || !('stamp' in body)) return null;
  return { value: String(body.value), stamp: String(body.stamp) };
}

function codeOf(body: unknown): string {
  if (typeof body !== 'object' || body === null || !('code' in body)) return 'no problem document';
  return String(body.code);
}
