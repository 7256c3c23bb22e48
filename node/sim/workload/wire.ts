/** Calls as requests, and answers as results: what a careful client makes of the contract. */
import type { Call, Read, Result, Row } from '../checks/index.ts';
import { pathOf } from './model.ts';
import type { Answer, Delivery, Request } from './world.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
/** More rows than a run makes, so that every list is one page. */
const LIST_LIMIT = 1000;

export function requestOf(call: Call, idempotencyKey: string | null): Request {
  const request = bareRequest(call);
  if (idempotencyKey === null) return request;
  return { ...request, headers: { ...request.headers, 'idempotency-key': idempotencyKey } };
}

function bareRequest(call: Call): Request {
  const path = pathOf(call.model);
  switch (call.kind) {
    case 'create':
      return withBody('POST', path, call.body, {});
    case 'bulk':
      return withBody('POST', `${path}/_bulk`, call.bodies, {});
    case 'put':
      return withBody('PUT', aggregate(path, call.id), call.body, {
        ...ifMatch(call.ifMatch),
        ...(call.onlyIfAbsent && { 'if-none-match': '*' }),
      });
    case 'patch':
      return withBody('PATCH', aggregate(path, call.id), call.body, ifMatch(call.ifMatch));
    case 'delete':
      return bodyless('DELETE', aggregate(path, call.id), ifMatch(call.ifMatch));
    case 'read':
      return bodyless('GET', aggregate(path, call.id), freshness(call));
    case 'list':
      return bodyless('GET', `${path}?${queryOf(call)}`, freshness(call));
  }
}

function aggregate(path: string, id: string): string {
  return `${path}/${encodeURIComponent(id)}`;
}

function queryOf({ filter }: Extract<Read, { kind: 'list' }>): string {
  const limit = `limit=${LIST_LIMIT}`;
  return filter === null ? limit : `${limit}&${filter.field}=${encodeURIComponent(filter.value)}`;
}

function withBody(
  method: string,
  target: string,
  body: Row | readonly Row[],
  headers: Record<string, string>,
): Request {
  return { method, target, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) };
}

function bodyless(method: string, target: string, headers: Record<string, string>): Request {
  return { method, target, headers, body: '' };
}

/** The hash in a tag is not compared by conditions. */
function ifMatch(version: number | null): Record<string, string> {
  return version === null ? {} : { 'if-match': `"${version}.0"` };
}

function freshness({ consistency, minToken }: Read): Record<string, string> {
  const token = minToken === null ? {} : { 'lithair-min-index': minToken };
  return { 'lithair-consistency': consistency, ...token };
}

/** What a client may conclude from one try. */
export function resultOf(call: Call, delivery: Delivery): Result {
  switch (delivery.kind) {
    case 'refused':
      return { kind: 'failed', code: 'refused' };
    case 'lost':
      return { kind: 'unknown', reason: 'lost' };
    case 'answer':
      return resultOfAnswer(call, delivery.answer);
  }
}

function resultOfAnswer(call: Call, answer: Answer): Result {
  if (answer.status < 300) return { ...told(answer), kind: 'ok', rows: rowsOf(call, answer) };
  const code = codeOf(answer);
  if (call.kind === 'read' && code === 'not_found') {
    return { ...told(answer), kind: 'ok', rows: [] };
  }
  // Of these two nothing can be concluded; all other refusals come before anything is done.
  if (code === 'outcome_unknown' || code === 'internal') return { kind: 'unknown', reason: code };
  return { kind: 'failed', code };
}

function told({ headers }: Answer) {
  const version = headers['lithair-version'];
  return {
    version: version === undefined ? null : Number(version),
    token: headers['lithair-index'] ?? null,
    durability: headers['lithair-durability'] === 'leader' ? 'leader' : 'quorum',
    replayed: headers['idempotency-replayed'] === 'true',
  } as const;
}

function rowsOf(call: Call, { body }: Answer): readonly Row[] {
  if (body === '') return [];
  const parsed: unknown = JSON.parse(body);
  if (call.kind !== 'list' && call.kind !== 'bulk') return [requireRow(parsed)];
  if (!isPage(parsed)) throw new Error(`not a list of rows: ${body}`);
  if ((parsed.page?.next ?? null) !== null) throw new Error('a list was longer than its limit');
  return parsed.data.map(requireRow);
}

function requireRow(value: unknown): Row {
  if (isRow(value)) return value;
  throw new Error(`not a row: ${JSON.stringify(value)}`);
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Page {
  readonly data: readonly unknown[];
  readonly page?: { readonly next: string | null };
}

function isPage(value: unknown): value is Page {
  return (
    typeof value === 'object' && value !== null && 'data' in value && Array.isArray(value.data)
  );
}

function codeOf({ status, body }: Answer): string {
  const parsed: unknown = JSON.parse(body);
  if (typeof parsed === 'object' && parsed !== null && 'code' in parsed) return String(parsed.code);
  throw new Error(`status ${status} without a problem: ${body}`);
}
