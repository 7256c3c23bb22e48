import { CliError } from '../cli-error.ts';
import { type Api, type ApiAnswer, codeOf, describe } from './api.ts';

/** A row that is ready to be sent. */
export interface PendingRow {
  readonly line: number;
  readonly number: number;
  readonly body: string;
}

/** A row that was not taken, and why. */
export interface RefusedRow {
  readonly line: number;
  readonly number: number;
  readonly reason: string;
}

/** What became of the rows of one batch. */
export interface BatchResult {
  readonly accepted: number;
  /** Rows whose key is taken: what a second run of the same import finds. */
  readonly present: readonly RefusedRow[];
  /** Rows that refer to one which is not there, and may come later in the file. */
  readonly waiting: readonly RefusedRow[];
  readonly rejected: readonly RefusedRow[];
}

interface FieldProblem {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

/**
 * Sends rows as lines, each of which is taken or refused by itself. A line whose outcome nobody
 * knows makes the batch be sent again: with the same key, so that nothing is done twice.
 *
 * @param key of this batch, the same for the same rows in every run
 * @throws CliError where the batch as a whole is refused, or nobody answers
 */
export async function sendBatch(
  api: Api,
  path: string,
  rows: readonly PendingRow[],
  key: string,
): Promise<BatchResult> {
  const body = rows.map((row) => `${row.body}\n`).join('');
  const answers = await api.postLines(`${path}/_bulk`, body, key, rows.length);
  if ('status' in answers) throw new CliError(describe(answers));
  const result = { accepted: 0, present: [], waiting: [], rejected: [] };
  for (const [at, answer] of answers.entries()) sort(result, answer, rows[at]);
  return result;
}

interface Growing {
  accepted: number;
  readonly present: RefusedRow[];
  readonly waiting: RefusedRow[];
  readonly rejected: RefusedRow[];
}

function sort(result: Growing, answer: ApiAnswer, row: PendingRow | undefined): void {
  if (row === undefined) throw new CliError('the server answered lines that were not sent');
  if (answer.status === 201) {
    result.accepted += 1;
    return;
  }
  const refused = { line: row.line, number: row.number, reason: reasonOf(answer) };
  placeOf(result, codeOf(answer.body)).push(refused);
}

function placeOf(result: Growing, code: string): RefusedRow[] {
  if (code === 'already_exists') return result.present;
  return code === 'missing_reference' ? result.waiting : result.rejected;
}

function reasonOf(answer: ApiAnswer): string {
  const problems = problemsOf(answer.body);
  if (problems.length === 0) return describe(answer);
  return problems
    .map(({ pointer, message }) => `${pointer.replace(/^\//, '') || 'row'}: ${message}`)
    .join('; ');
}

function problemsOf(body: unknown): FieldProblem[] {
  if (typeof body !== 'object' || body === null || !('errors' in body)) return [];
  return Array.isArray(body.errors) ? body.errors.filter(isFieldProblem) : [];
}

function isFieldProblem(value: unknown): value is FieldProblem {
  if (typeof value !== 'object' || value === null) return false;
  return 'pointer' in value && typeof value.pointer === 'string' && 'code' in value;
}
