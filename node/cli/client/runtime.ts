import type { ErrorCode } from './error-code.ts';

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
  /** Longest time for one try, of `lines` until the answer begins; default 15,000. */
  readonly timeoutMs?: number;
}

/** How fresh a read must be; what the model says, mostly `strong`, where nothing is said. */
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

/** What a PUT may say besides its body. */
export interface ReplaceOptions extends WriteOptions {
  /** Create it, and refuse (412) where the id is taken. */
  readonly ifNoneMatch?: '*';
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
  /** All of these must hold, */
  readonly where?: { readonly [K in keyof T]?: Scalar | Condition };
  /** and at least one of these. */
  readonly or?: { readonly [K in keyof T]?: Scalar | Omit<Condition, 'nin'> };
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

/** The API refused a request; `code` is stable. What it is about is told by its class, too. */
export class ApiError extends Error {
  override readonly name: string = 'ApiError';
  readonly status: number;
  readonly code: ErrorCode;
  readonly errors: readonly RequestErrorDetail[];

  constructor(
    status: number,
    code: ErrorCode,
    detail: string,
    errors: readonly RequestErrorDetail[],
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

/** 400 and 422: what was sent does not fit the model; `errors` say where. */
export class ValidationError extends ApiError {
  override readonly name = 'ValidationError';
}

/** 401 and 403: the credentials are wrong, or do not suffice. */
export class AccessError extends ApiError {
  override readonly name = 'AccessError';
}

/** 404 and 410: it is not there, or not any more. */
export class NotFoundError extends ApiError {
  override readonly name = 'NotFoundError';
}

/** 409: something else is there: an id, a unique value, a reference, another write. */
export class ConflictError extends ApiError {
  override readonly name = 'ConflictError';
}

/** 412: the aggregate is not as the request says any more. */
export class PreconditionError extends ApiError {
  override readonly name = 'PreconditionError';
}

/** No node answered, however often it was tried. A write may have taken effect. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** One request. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  /** The answer comes at the pace of who takes it: only its beginning has a time limit. */
  readonly streams?: boolean;
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

  /**
   * An answer with a status below 400, or 404 where `orNull`.
   *
   * @throws ApiError, UnreachableError
   */
  send(call: Call, orNull = false): Promise<Response | null> {
    return this.sendFor(call, async (response) => response, orNull);
  }

  /**
   * The same, with what is read of the answer. Where reading throws an `UnreachableError`, the whole
   * request is sent again.
   */
  async sendFor<T>(
    call: Call,
    reading: (response: Response) => Promise<T>,
    orNull = false,
  ): Promise<T | null> {
    const attempts = this.#options.attempts ?? 5;
    let refusal: Error = new UnreachableError('no attempt was made');
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const answer = await this.#try(call);
      if (answer instanceof Response && answer.status === 404 && orNull) return null;
      const read = await readOf(answer, reading);
      if (read.ok) return read.value;
      refusal = read.refusal;
      if (!isWorthRepeating(refusal) || attempt === attempts) break;
      await pause(pauseMs(attempt, answer), call.signal);
      this.#turn += 1;
    }
    throw refusal;
  }

  async #try(call: Call): Promise<Response | UnreachableError> {
    const base = this.#urls[this.#turn % this.#urls.length] ?? '';
    const limit = new Limit(this.#options.timeoutMs ?? 15_000);
    const signal = limit.signalWith(call.signal);
    const { method, path, body } = call;
    try {
      const headers = { ...call.headers, ...(await this.#authorization()) };
      const request = { method, headers, signal, ...(body !== undefined && { body }) };
      const answer = await (this.#options.fetch ?? fetch)(base + path, request);
      if (call.streams === true && answer.ok) limit.lift();
      return answer;
    } catch (error) {
      call.signal?.throwIfAborted();
      return new UnreachableError(`${base}: ${reasonOf(error)}`, { cause: error });
    }
  }

  async #authorization(): Promise<Record<string, string>> {
    const { token } = this.#options;
    if (token === undefined) return {};
    return { authorization: `Bearer ${typeof token === 'string' ? token : await token()}` };
  }
}

/** Some runtimes say `fetch failed`, and why behind it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  const isTelling = cause instanceof Error && cause.message !== '';
  return isTelling ? `${message} (${cause.message})` : message;
}

/** A time limit that can be lifted. */
class Limit {
  readonly #end = new AbortController();
  #isLifted = false;

  constructor(ms: number) {
    // Unlike a timer, this does not keep a process running that is through with all else.
    const timeout = AbortSignal.timeout(ms);
    timeout.addEventListener('abort', () => {
      if (!this.#isLifted) this.#end.abort(timeout.reason);
    });
  }

  signalWith(other: AbortSignal | undefined): AbortSignal {
    return other === undefined ? this.#end.signal : AbortSignal.any([this.#end.signal, other]);
  }

  lift(): void {
    this.#isLifted = true;
  }
}

type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Error };

async function readOf<T>(
  answer: Response | UnreachableError,
  reading: (response: Response) => Promise<T>,
): Promise<Read<T>> {
  if (!(answer instanceof Response)) return { ok: false, refusal: answer };
  if (answer.status >= 400) return { ok: false, refusal: await asApiError(answer) };
  try {
    return { ok: true, value: await reading(answer) };
  } catch (error) {
    if (error instanceof UnreachableError) return { ok: false, refusal: error };
    throw error;
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
  const { code, detail, errors } = problem ?? {
    code: `http_${status}`,
    detail: text.slice(0, 200),
  };
  return apiError(status, code, detail, errors ?? []);
}

/** Of the class that its status stands for. */
export function apiError(
  status: number,
  code: ErrorCode,
  detail: string,
  errors: readonly RequestErrorDetail[],
): ApiError {
  return new (ERRORS[status] ?? ApiError)(status, code, detail, errors);
}

const ERRORS: Readonly<Record<number, typeof ApiError>> = {
  400: ValidationError,
  401: AccessError,
  403: AccessError,
  404: NotFoundError,
  409: ConflictError,
  410: NotFoundError,
  412: PreconditionError,
  422: ValidationError,
};

export async function stored<T>(response: Response): Promise<Stored<T>> {
  const data = await bodyOf<T>(response);
  return {
    data,
    etag: response.headers.get('etag') ?? '',
    version: Number(response.headers.get('lithair-version')),
    index: indexOf(response),
  };
}

export function indexOf(response: Response): string {
  return response.headers.get('lithair-index') ?? '';
}

export function readHeaders({ consistency, minIndex }: ReadOptions): Record<string, string> {
  return {
    accept: 'application/json',
    ...(consistency !== undefined && { 'lithair-consistency': consistency }),
    ...(minIndex !== undefined && { 'lithair-min-index': minIndex }),
  };
}

export function writeHeaders({
  ifMatch,
  ifNoneMatch,
  idempotencyKey,
}: ReplaceOptions): Record<string, string> {
  return {
    accept: 'application/json',
    'content-type': 'application/json',
    'idempotency-key': idempotencyKey ?? crypto.randomUUID(),
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    ...(ifNoneMatch !== undefined && { 'if-none-match': ifNoneMatch }),
  };
}

/** Of `where` and `or`, and of parameters that are called as they are. */
export function queryString(query: object): string {
  const { where = {}, or = {}, ...rest }: { readonly where?: object; readonly or?: object } = query;
  const some = alternativesOf(or);
  // A single alternative is a condition like any other; the API takes two or more.
  const either =
    some.length > 1 ? [['or', some.map(([name, value]) => `${name}=${String(value)}`)]] : some;
  const pairs = [...conditionsOf(where), ...either, ...Object.entries(rest)];
  const text = pairs
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encodeURIComponent(String(name))}=${textOf(value)}`);
  return text.length === 0 ? '' : `?${text.join('&')}`;
}

type NamedCondition = readonly [name: string, value: unknown];

function conditionsOf(where: object): readonly NamedCondition[] {
  return Object.entries(where).flatMap(([field, condition]) =>
    operatorsOf(condition).map(([operator, value]) => [`${field}[${operator}]`, value] as const),
  );
}

/** Each by itself, as the API takes them: one of several values is one of several conditions. */
function alternativesOf(or: object): readonly NamedCondition[] {
  return conditionsOf(or).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (!Array.isArray(value)) return [[name, value] as const];
    const equals = name.replace(/\[in\]$/, '[eq]');
    return value.map((item: unknown) => [equals, item] as const);
  });
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
export async function bodyOf<T>(response: Response): Promise<T> {
  return (await response.json()) as T;
}
