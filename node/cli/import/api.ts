import { CliError } from '../cli-error.ts';

const RETRY_FOR_MS = 60_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Each line of many may have to wait until there is a leader again. */
const LINES_TIMEOUT_MS = 120_000;
/** A change of leader is over by then. */
const PATIENCE_MS = 1_000;
const TELL_EVERY_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** An answer of the API, or of one line of it: its status and its parsed JSON. */
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
  readonly urls: readonly string[];
  readonly #credentials: Readonly<Record<string, string>>;
  readonly #tell: (line: string) => void;
  #current = 0;
  #nextTellMs = 0;

  /**
   * @param tell is told now and then while nobody answers
   * @param token API key or token; by default what the environment says, where no other process
   *   sees it
   * @throws CliError where one of the comma-separated URLs is none
   */
  constructor(
    urls: string,
    tell: (line: string) => void = () => {},
    token = process.env['LITHAIR_TOKEN'],
  ) {
    this.#tell = tell;
    this.urls = urls.split(',').map(baseUrl);
    this.#credentials = token ? { authorization: `Bearer ${token}` } : {};
  }

  get(path: string): Promise<ApiAnswer> {
    return this.#retried(async () => {
      const headers = { accept: 'application/json' };
      const answer = await this.#answer(path, { headers }, REQUEST_TIMEOUT_MS);
      if (isTransient(answer)) throw new Transient(describe(answer));
      return answer;
    });
  }

  /**
   * Sends lines to be created, and again until the outcome of each is known.
   *
   * @returns an answer for each line, or the one that refuses all of them
   * @throws CliError where that takes more than a minute
   */
  postLines(
    path: string,
    body: string,
    idempotencyKey: string,
    lines: number,
  ): Promise<readonly ApiAnswer[] | ApiAnswer> {
    const headers = {
      accept: NDJSON,
      'content-type': NDJSON,
      'idempotency-key': idempotencyKey,
    };
    return this.#retried(async () => {
      const request = { method: 'POST' as const, headers, body };
      const response = await this.#fetch(path, request, LINES_TIMEOUT_MS);
      if (response.status !== 200) return refusalOf(await parsed(response));
      return outcomesOf(await response.text(), lines);
    });
  }

  /**
   * The lines of a list, as they come. It ends early, without an error, where the answer is cut.
   *
   * @throws CliError where the list is refused, or nobody answers for a minute
   */
  async *lines(path: string): AsyncGenerator<string, 'whole' | 'cut', undefined> {
    const response = await this.#retried(async () => {
      const found = await this.#fetch(path, { headers: { accept: NDJSON } }, null);
      if (found.status !== 200) throw refusalAsError(await parsed(found));
      return found;
    });
    let rest = '';
    try {
      for await (const piece of textOf(response)) {
        const whole = (rest + piece).split('\n');
        rest = whole.pop() ?? '';
        yield* whole;
      }
    } catch {
      this.#current += 1;
      return 'cut';
    }
    return 'whole';
  }

  async #retried<T>(attempt: () => Promise<T>): Promise<T> {
    const begunMs = performance.now();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof CliError) throw error;
        const waitedMs = performance.now() - begunMs;
        const reason = `${this.#base()}: ${causeOf(error)}`;
        if (waitedMs > RETRY_FOR_MS) throw new CliError(reason);
        this.#tellOf(reason, waitedMs);
      }
      this.#current += 1;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** Several requests may wait at one time; one of them speaks for all. */
  #tellOf(reason: string, waitedMs: number): void {
    const nowMs = performance.now();
    if (waitedMs < PATIENCE_MS || nowMs < this.#nextTellMs) return;
    this.#nextTellMs = nowMs + TELL_EVERY_MS;
    const leftS = Math.ceil((RETRY_FOR_MS - waitedMs) / 1000);
    this.#tell(`${reason}; trying again for ${leftS} s`);
  }

  async #answer(path: string, request: ApiRequest, timeoutMs: number): Promise<ApiAnswer> {
    return parsed(await this.#fetch(path, request, timeoutMs));
  }

  /** @param timeoutMs of the whole answer; null: it may take as long as it goes on */
  #fetch(path: string, request: ApiRequest, timeoutMs: number | null): Promise<Response> {
    const headers = { ...request.headers, ...this.#credentials };
    const limit = timeoutMs === null ? {} : { signal: AbortSignal.timeout(timeoutMs) };
    return fetch(`${this.#base()}${path}`, { ...request, headers, ...limit });
  }

  #base(): string {
    return this.urls[this.#current % this.urls.length] ?? '';
  }
}

const NDJSON = 'application/x-ndjson';

/** What `fetch` is asked for. */
interface ApiRequest {
  readonly method?: 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Nothing is known yet: to be tried again. */
class Transient extends Error {}

function baseUrl(text: string): string {
  const url = URL.parse(text.trim());
  if (url === null || !/^https?:$/.test(url.protocol)) throw new CliError(`not a URL: ${text}`, 2);
  return url.href.replace(/\/$/, '');
}

async function parsed(response: Response): Promise<ApiAnswer> {
  const text = await response.text();
  const body: unknown = text === '' ? null : JSON.parse(text);
  return { status: response.status, body };
}

/** @throws Transient where it only says "not now" */
function refusalOf(answer: ApiAnswer): ApiAnswer {
  if (isTransient(answer)) throw new Transient(describe(answer));
  return answer;
}

function refusalAsError(answer: ApiAnswer): Error {
  return isTransient(answer) ? new Transient(describe(answer)) : new CliError(describe(answer));
}

/** @throws Transient where the outcome of a line is not known */
function outcomesOf(text: string, lines: number): ApiAnswer[] {
  const answers = text
    .split('\n')
    .filter((line) => line !== '')
    .map(outcomeOf);
  const unknown = answers.find(isTransient);
  if (unknown !== undefined) throw new Transient(describe(unknown));
  if (answers.length !== lines) throw new Transient('the answer was cut');
  return answers;
}

function outcomeOf(line: string): ApiAnswer {
  const body: unknown = JSON.parse(line);
  const hasStatus = typeof body === 'object' && body !== null && 'status' in body;
  if (hasStatus && typeof body.status === 'number') return { status: body.status, body };
  throw new Transient('a line of the answer has no status');
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

async function* textOf({ body }: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const bytes of body ?? []) yield decoder.decode(bytes, { stream: true });
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
