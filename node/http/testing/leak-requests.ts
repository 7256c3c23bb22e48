import type { Answer, SendOptions } from './served-api.ts';

/** What the leak test asks of both of its worlds. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly options: SendOptions;
}

export const LINES = { accept: 'application/x-ndjson' };

/** The same list as lines, which know no counts. */
export function asLines({ method, path }: Request): Request {
  return { method, path: path.replace(/&?count=true/, ''), options: { headers: LINES } };
}

/** The page behind a page, where there is one. */
export function behind(request: Request, { json }: Answer): Request | null {
  const { page } = json;
  const next: unknown =
    typeof page === 'object' && page !== null ? Reflect.get(page, 'next') : null;
  if (typeof next !== 'string' || request.method !== 'GET') return null;
  const [path = '', query = ''] = request.path.split('?');
  const kept = query.split('&').filter((one) => one !== '' && !one.startsWith('cursor='));
  return { ...request, path: `${path}?${[...kept, `cursor=${next}`].join('&')}` };
}

const TOLD = ['etag', 'location', 'lithair-version', 'lithair-index', 'www-authenticate', 'allow'];

/** All that a caller learns from an answer; times differ between two worlds. */
export function told({ status: code, headers, text }: Answer): string {
  const head = TOLD.map((header) => `${header}: ${headers.get(header)}`);
  return [code, ...head, text.replaceAll(/"(at|deletedAt)":"[^"]*"/g, '"$1":""')].join('\n');
}

export const get = (path: string): Request => ({ method: 'GET', path, options: {} });
