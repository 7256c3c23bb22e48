import { type Api, type ApiAnswer, codeOf, describe } from './api.ts';

/** A row that is ready to be sent. */
export interface PendingRow {
  readonly line: number;
  readonly number: number;
  readonly body: string;
}

/** What became of the rows of one batch. */
export interface BatchResult {
  readonly accepted: number;
  /** Rows whose key was already there: what a second run of the same import finds. */
  readonly present: number;
  readonly rejected: readonly RejectedRow[];
}

/** A row that the server refused, or that could not be read or mapped. */
export interface RejectedRow {
  readonly line: number;
  readonly number: number;
  readonly reason: string;
}

interface FieldProblem {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

/**
 * Sends rows as one atomic bulk request. Rows that the answer names are taken out and the others
 * sent again, until a request is accepted; an answer that names none is split in halves.
 */
export async function sendBatch(
  api: Api,
  path: string,
  rows: readonly PendingRow[],
  keyPrefix: string,
): Promise<BatchResult> {
  let pending = rows;
  const rejected: RejectedRow[] = [];
  let present = 0;
  for (let attempt = 0; pending.length > 0; attempt += 1) {
    const body = `[${pending.map((row) => row.body).join(',')}]`;
    const answer = await api.post(`${path}/_bulk`, body, `${keyPrefix}.${attempt}`);
    if (answer.status === 201) break;
    const named = problemsByRow(answer, pending.length);
    if (named.size === 0) {
      const rest = await splitOrReject(api, path, pending, `${keyPrefix}.${attempt}`, answer);
      return sum({ accepted: 0, present, rejected }, rest);
    }
    for (const [position, problems] of named) {
      const row = pending[position];
      if (row === undefined) continue;
      if (problems.every((problem) => problem.code === 'already_exists')) present += 1;
      else rejected.push({ line: row.line, number: row.number, reason: sentence(problems) });
    }
    pending = pending.filter((_row, position) => !named.has(position));
  }
  return { accepted: pending.length, present, rejected };
}

async function splitOrReject(
  api: Api,
  path: string,
  rows: readonly PendingRow[],
  keyPrefix: string,
  answer: ApiAnswer,
): Promise<BatchResult> {
  const [only, second] = rows;
  if (only === undefined) return { accepted: 0, present: 0, rejected: [] };
  if (second === undefined) return refusedAlone(only, answer);
  const half = Math.ceil(rows.length / 2);
  const first = await sendBatch(api, path, rows.slice(0, half), `${keyPrefix}l`);
  return sum(first, await sendBatch(api, path, rows.slice(half), `${keyPrefix}r`));
}

function refusedAlone(row: PendingRow, answer: ApiAnswer): BatchResult {
  if (codeOf(answer.body) === 'already_exists') return { accepted: 0, present: 1, rejected: [] };
  const reason = describe(answer);
  return { accepted: 0, present: 0, rejected: [{ line: row.line, number: row.number, reason }] };
}

function sum(a: BatchResult, b: BatchResult): BatchResult {
  return {
    accepted: a.accepted + b.accepted,
    present: a.present + b.present,
    rejected: [...a.rejected, ...b.rejected],
  };
}

/** The problems of an answer by the position of the row that their pointers (`/3/price`) name. */
function problemsByRow(answer: ApiAnswer, rows: number): Map<number, FieldProblem[]> {
  const byRow = new Map<number, FieldProblem[]>();
  for (const problem of problemsOf(answer.body)) {
    const position = /^\/(\d+)(\/|$)/.exec(problem.pointer)?.[1];
    if (position === undefined || Number(position) >= rows) continue;
    const known = byRow.get(Number(position));
    if (known === undefined) byRow.set(Number(position), [problem]);
    else known.push(problem);
  }
  return byRow;
}

function problemsOf(body: unknown): FieldProblem[] {
  if (typeof body !== 'object' || body === null || !('errors' in body)) return [];
  return Array.isArray(body.errors) ? body.errors.filter(isFieldProblem) : [];
}

function isFieldProblem(value: unknown): value is FieldProblem {
  if (typeof value !== 'object' || value === null) return false;
  return 'pointer' in value && typeof value.pointer === 'string' && 'code' in value;
}

function sentence(problems: readonly FieldProblem[]): string {
  return problems
    .map((problem) => `${problem.pointer.replace(/^\/\d+\/?/, '') || 'row'}: ${problem.message}`)
    .join('; ');
}
