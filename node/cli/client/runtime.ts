/** How to reach the API. */
export interface ClientOptions {
  /** Such as `https://shop.example`; several nodes are tried in turn. */
  readonly url: string | readonly string[];
  /** Sent as `Authorization: Bearer …`; a function is asked for each request. */
  readonly token?: string | (() => string | Promise<string>);
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** How often a request is tried in all; default 5. */
  readonly attempts?: number;
  /** Longest time for one try; default 15,000. */
  readonly timeoutMs?: number;
}

/** How fresh a read must be; `strong` unless said otherwise. */
export interface ReadOptions {
  readonly consistency?: 'strong' | 'sequential' | 'eventual';
  /** The `index` of an earlier answer: what is read is not older than that. */
  readonly minIndex?: string;
  readonly signal?: AbortSignal;
}

/** What a write may say besides its body. */
export interface WriteOptions {
  /** The `etag` that the aggregate must still have. */
  readonly ifMatch?: string;
  /** Makes a repetition harmless, also after a restart of the caller; drawn at random by default. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** One aggregate as an answer brought it. */
export interface Stored<T> {
  readonly data: T;
  readonly etag: string;
  readonly version: number;
  /** Send it as `minIndex` to read what is not older than this answer. */
  readonly index: string;
}

/** One page of a list. */
export interface Page<T> {
  readonly data: readonly T[];
  /** The cursor of the next page; null on the last one. */
  readonly next: string | null;
  /** Only with `count: true`. */
  readonly total?: number;
  readonly index: string;
}

interface PageEnd {
  readonly next: string | null;
  readonly total?: number;
}

type Scalar = string | number | boolean;

/** What is asked of one field; all of it must hold. */
export interface Condition {
  readonly eq?: Scalar;
  readonly ne?: Scalar;
  readonly lt?: Scalar;
  readonly lte?: Scalar;
  readonly gt?: Scalar;
  readonly gte?: Scalar;
  readonly in?: readonly Scalar[];
  readonly nin?: readonly Scalar[];
  readonly contains?: Scalar;
  readonly startsWith?: string;
  readonly null?: boolean;
}

/** Which rows, in which order, how many. */
export interface ListQuery<T> {
  readonly where?: { readonly [K in keyof T]?: Scalar | Condition };
  /** Field names; `-` before a name turns its order round. */
  readonly sort?: readonly (Extract<keyof T, string> | `-${Extract<keyof T, string>}`)[];
  readonly limit?: number;
  readonly cursor?: string;
  readonly count?: boolean;
}

/** Where and why one part of a request was refused. */
export interface RequestErrorDetail {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
  readonly parameter?: string;
}

/** The API refused a request; `code` is stable. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly errors: readonly RequestErrorDetail[];

  constructor(status: number, code: string, detail: string, errors: readonly RequestErrorDetail[]) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

/** No node answered, however often it was tried. A write may have taken effect. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;

/** Sends requests, and sends them again where that is harmless and may help. */
export class Sender {
  readonly #urls: readonly string[];
  readonly #options: ClientOptions;
  #turn = 0;

  constructor(options: ClientOptions) {
    const urls = typeof options.url === 'string' ? [options.url] : options.url;
    this.#urls = urls.map((url) => url.replace(/\/+$/, ''));
    this.#options = options;
  }

  /** An answer with a status below 400, or 404 where `orNull`. */
  async send(call: Call, orNull = false): Promise<Response | null> {
    const attempts = this.#options.attempts ?? 5;
    let refusal: Error = new UnreachableError('no attempt was made');
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const answer = await this.#try(call);
      if (answer instanceof Response && answer.status < 400) return answer;
      if (answer instanceof Response && answer.status === 404 && orNull) return null;
      refusal = answer instanceof Response ? await asApiError(answer) : answer;
      if (!isWorthRepeating(refusal) || attempt === attempts) break;
      await pause(pauseMs(attempt, answer), call.signal);
      this.#turn += 1;
    }
    throw refusal;
  }

  async #try(call: Call): Promise<Response | UnreachableError> {
    const base = this.#urls[this.#turn % this.#urls.length] ?? '';
    const limit = AbortSignal.timeout(this.#options.timeoutMs ?? 15_000);
    const signal = call.signal === undefined ? limit : AbortSignal.any([limit, call.signal]);
    const { method, path, body } = call;
    try {
      const headers = { ...call.headers, ...(await this.#authorization()) };
      const request = { method, headers, signal, ...(body !== undefined && { body }) };
      return await (this.#options.fetch ?? fetch)(base + path, request);
    } catch (error) {
      call.signal?.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      return new UnreachableError(`${base}: ${reason}`, { cause: error });
    }
  }

  async #authorization(): Promise<Record<string, string>> {
    const { token } = this.#options;
    if (token === undefined) return {};
    return { authorization: `Bearer ${typeof token === 'string' ? token : await token()}` };
  }
}

/** Every write has an idempotency key, so it may be repeated until its outcome is known. */
function isWorthRepeating(refusal: Error): boolean {
  if (!(refusal instanceof ApiError)) return true;
  if (refusal.code === 'idempotency_in_progress') return true;
  return refusal.status === 429 || [502, 503, 504].includes(refusal.status);
}

function pauseMs(attempt: number, answer: Response | Error): number {
  const told = answer instanceof Response ? Number(answer.headers.get('retry-after')) * 1000 : 0;
  const grown = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
  return Math.max(told || 0, grown * (0.5 + Math.random() / 2));
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      signal?.removeEventListener('abort', aborted);
      resolve();
    }
    function aborted(): void {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    if (signal?.aborted === true) aborted();
    else signal?.addEventListener('abort', aborted, { once: true });
  });
}

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly RequestErrorDetail[];
}

/** Null where something in between answered, and not the API. */
function problemOf(text: string): Problem | null {
  try {
    const problem: Problem | null = JSON.parse(text);
    return typeof problem?.code === 'string' ? problem : null;
  } catch {
    return null;
  }
}

async function asApiError(response: Response): Promise<ApiError> {
  const { status } = response;
  const text = await response.text().catch(() => '');
  const problem = problemOf(text);
  if (problem === null) return new ApiError(status, `http_${status}`, text.slice(0, 200), []);
  return new ApiError(status, problem.code, problem.detail, problem.errors ?? []);
}

/** The aggregates of one model. */
export class Collection<Read, Create, Replace, Patch> {
  readonly #sender: Sender;
  readonly #path: string;

  constructor(sender: Sender, path: string) {
    this.#sender = sender;
    this.#path = path;
  }

  /** One aggregate; null where there is none. */
  async get(id: string, options: ReadOptions = {}): Promise<Stored<Read> | null> {
    const path = this.#item(id);
    const { signal } = options;
    const call = { method: 'GET', path, headers: readHeaders(options), signal };
    const response = await this.#sender.send(call, true);
    return response === null ? null : stored<Read>(response);
  }

  /** One page. */
  async list(query: ListQuery<Read> = {}, options: ReadOptions = {}): Promise<Page<Read>> {
    const path = `${this.#path}${queryString(query)}`;
    const { signal } = options;
    const response = await this.#sent({
      method: 'GET',
      path,
      headers: readHeaders(options),
      signal,
    });
    const { data, page } = await bodyOf<{ data: Read[]; page: PageEnd }>(response);
    const { next, total } = page;
    return { data, next, ...(total !== undefined && { total }), index: indexOf(response) };
  }

  /** All rows, page by page. */
  async *all(query: ListQuery<Read> = {}, options: ReadOptions = {}): AsyncGenerator<Read> {
    let cursor = query.cursor;
    do {
      const asked = { limit: 1000, ...query, ...(cursor !== undefined && { cursor }) };
      const page = await this.list(asked, options);
      yield* page.data;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }

  create(body: Create, options: WriteOptions = {}): Promise<Stored<Read>> {
    return this.#write('POST', this.#path, JSON.stringify(body), options);
  }

  /** All of them or, where one is refused, none; in the order given. */
  async createMany(
    bodies: readonly Create[],
    options: WriteOptions = {},
  ): Promise<readonly Read[]> {
    const headers = writeHeaders(options);
    const path = `${this.#path}/_bulk`;
    const body = JSON.stringify(bodies);
    const { signal } = options;
    const response = await this.#sent({ method: 'POST', path, headers, body, signal });
    return (await bodyOf<{ data: Read[] }>(response)).data;
  }

  /** Replaces the whole aggregate. */
  replace(id: string, body: Replace, options: WriteOptions = {}): Promise<Stored<Read>> {
    return this.#write('PUT', this.#item(id), JSON.stringify(body), options);
  }

  /** Changes what the patch names; null takes a value away. */
  patch(id: string, patch: Patch, options: WriteOptions = {}): Promise<Stored<Read>> {
    return this.#write('PATCH', this.#item(id), JSON.stringify(patch), options);
  }

  /** False where there was nothing to delete. */
  async delete(id: string, options: WriteOptions = {}): Promise<boolean> {
    const headers = writeHeaders(options);
    const { signal } = options;
    const call = { method: 'DELETE', path: this.#item(id), headers, signal };
    return (await this.#sender.send(call, true)) !== null;
  }

  async #write(
    method: string,
    path: string,
    body: string,
    options: WriteOptions,
  ): Promise<Stored<Read>> {
    const headers = writeHeaders(options);
    const { signal } = options;
    return stored<Read>(await this.#sent({ method, path, headers, body, signal }));
  }

  async #sent(call: Call): Promise<Response> {
    const response = await this.#sender.send(call);
    if (response === null) throw new UnreachableError('there is no answer');
    return response;
  }

  #item(id: string): string {
    return `${this.#path}/${encodeURIComponent(id)}`;
  }
}

async function stored<T>(response: Response): Promise<Stored<T>> {
  const data = await bodyOf<T>(response);
  return {
    data,
    etag: response.headers.get('etag') ?? '',
    version: Number(response.headers.get('lithair-version')),
    index: indexOf(response),
  };
}

function indexOf(response: Response): string {
  return response.headers.get('lithair-index') ?? '';
}

function readHeaders({ consistency, minIndex }: ReadOptions): Record<string, string> {
  return {
    accept: 'application/json',
    ...(consistency !== undefined && { 'lithair-consistency': consistency }),
    ...(minIndex !== undefined && { 'lithair-min-index': minIndex }),
  };
}

function writeHeaders({ ifMatch, idempotencyKey }: WriteOptions): Record<string, string> {
  return {
    accept: 'application/json',
    'content-type': 'application/json',
    'idempotency-key': idempotencyKey ?? crypto.randomUUID(),
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
  };
}

function queryString<T>({ where, sort, limit, cursor, count }: ListQuery<T>): string {
  const conditions = Object.entries(where ?? {}).flatMap(([field, condition]) =>
    operatorsOf(condition).map(([operator, value]) => [`${field}[${operator}]`, value] as const),
  );
  const rest = Object.entries({ sort, limit, cursor, count });
  const pairs = [...conditions, ...rest].filter(([, value]) => value !== undefined);
  const text = pairs.map(([name, value]) => `${encodeURIComponent(name)}=${textOf(value)}`);
  return text.length === 0 ? '' : `?${text.join('&')}`;
}

function operatorsOf(condition: unknown): readonly (readonly [string, unknown])[] {
  const isOperators = typeof condition === 'object' && condition !== null;
  return isOperators ? Object.entries(condition) : [['eq', condition]];
}

/** The values of a list stand between plain commas; one within a value is encoded. */
function textOf(value: unknown): string {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map((one) => encodeURIComponent(String(one))).join(',');
}

/** The one place where the shape of an answer is taken on the word of the API. */
async function bodyOf<T>(response: Response): Promise<T> {
  return (await response.json()) as T;
}
