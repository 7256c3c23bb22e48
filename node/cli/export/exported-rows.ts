import { CliError } from '../cli-error.ts';
import { Api, describe, findTarget } from '../import/index.ts';

const PAGE_ROWS = 1000;

interface PageOfRows {
  readonly data: readonly unknown[];
  readonly page: { readonly next: string | null };
}

/**
 * The rows of a model as JSON texts, in the order of their ids. Rows that are written meanwhile may
 * be met as they were or as they are; a row that stays is met exactly once.
 *
 * @throws CliError where the server does not answer, or does not serve the model
 */
export async function* exportedRows(urls: string, model: string): AsyncGenerator<string> {
  const api = new Api(urls);
  const { path, primaryKey } = await findTarget(api, model);
  const first = `${path}?limit=${PAGE_ROWS}&sort=${encodeURIComponent(primaryKey)}`;
  for (let next: string | null = first; next !== null; ) {
    const { data, page } = await pageAt(api, next);
    for (const row of data) yield JSON.stringify(row);
    next = page.next === null ? null : `${first}&cursor=${encodeURIComponent(page.next)}`;
  }
}

async function pageAt(api: Api, path: string): Promise<PageOfRows> {
  const answer = await api.get(path);
  if (answer.status === 200 && isPage(answer.body)) return answer.body;
  throw new CliError(describe(answer));
}

function isPage(body: unknown): body is PageOfRows {
  if (typeof body !== 'object' || body === null || !('data' in body) || !('page' in body)) {
    return false;
  }
  const { data, page } = body;
  return Array.isArray(data) && typeof page === 'object' && page !== null && 'next' in page;
}
