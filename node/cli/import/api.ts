import { CliError } from '../cli-error.ts';

const RETRY_FOR_MS = 60_000;
const REQUEST_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** An answer of the API: its status and its parsed JSON. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * The API of a cluster behind one or more base URLs. An answer that says "try again" (a node is
 * gone, no quorum, outcome unknown) is tried again on the next URL for up to a minute; that is
 * harmless for a write, because every write of an import carries an idempotency key.
 */
export class Api {
  readonly #bases: readonly string[];
  readonly #credentials: Readonly<Record<string, string>>;
  #current = 0;

  /**
   * @param token API key or token; by default what the environment says, where no other process
   *   sees it
   * @throws CliError where one of the comma-separated URLs is none
   */
  constructor(urls: string, token = process.env['LITHAIR_TOKEN']) {
    this.#bases = urls.split(',').map(baseUrl);
    this.#credentials = token ? { authorization: `Bearer ${token}` } : {};
  }

  async get(path: string): Promise<ApiAnswer> {
    return this.#retried(path, { headers: { accept: 'application/json' } });
  }

  async post(path: string, body: string, idempotencyKey: string): Promise<ApiAnswer> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
    return this.#retried(path, { method: 'POST', headers, body });
  }

  async #retried(path: string, init: ApiRequest): Promise<ApiAnswer> {
    const givesUpMs = performance.now() + RETRY_FOR_MS;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      const tried = await this.#once(path, init);
      if (tried.answer !== null) return tried.answer;
      if (performance.now() > givesUpMs) throw new CliError(`${this.#base()}: ${tried.reason}`);
      this.#current += 1;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async #once(path: string, init: ApiRequest): Promise<Attempt> {
    try {
      const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      const headers = { ...init.headers, ...this.#credentials };
      const response = await fetch(`${this.#base()}${path}`, { ...init, headers, signal });
      const text = await response.text();
      const body: unknown = text === '' ? null : JSON.parse(text);
      const answer = { status: response.status, body };
      return isTransient(answer)
        ? { answer: null, reason: describe(answer) }
        : { answer, reason: '' };
    } catch (error) {
      return { answer: null, reason: reasonOf(error) };
    }
  }

  #base(): string {
    return this.#bases[this.#current % this.#bases.length] ?? '';
  }
}

/** What `fetch` is asked for. */
interface ApiRequest {
  readonly method?: 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

type Attempt =
  | { readonly answer: ApiAnswer; readonly reason: string }
  | { readonly answer: null; readonly reason: string };

function baseUrl(text: string): string {
  const url = URL.parse(text.trim());
  if (url === null || !/^https?:$/.test(url.protocol)) throw new CliError(`not a URL: ${text}`, 2);
  return url.href.replace(/\/$/, '');
}

function isTransient(answer: ApiAnswer): boolean {
  if (answer.status === 429 || answer.status >= 500) return true;
  return answer.status === 409 && codeOf(answer.body) === 'idempotency_in_progress';
}

/** The `code` of a problem document (RFC 9457), or an empty string. */
export function codeOf(body: unknown): string {
  return stringOf(body, 'code');
}

/** One sentence out of a problem document. */
export function describe(answer: ApiAnswer): string {
  const detail = stringOf(answer.body, 'detail') || stringOf(answer.body, 'title');
  return detail === '' ? `answered ${answer.status}` : detail;
}

function stringOf(body: unknown, key: string): string {
  if (typeof body !== 'object' || body === null) return '';
  const value: unknown = Reflect.get(body, key);
  return typeof value === 'string' ? value : '';
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
