import {
  type ApiError,
  apiError,
  bodyOf,
  type Call,
  indexOf,
  type ListQuery,
  type Page,
  queryString,
  type ReadOptions,
  type ReplaceOptions,
  type RequestErrorDetail,
  readHeaders,
  type Sender,
  type Stored,
  stored,
  UnreachableError,
  type WriteOptions,
  writeHeaders,
} from './runtime.ts';

/** A row that is shown beside the one that refers to it, with what is shown beside it in turn. */
export type Expanded<T, References> = T & {
  readonly expand?: { readonly [K in keyof References]?: References[K] | null };
};

/** A reference, or a way of several: `category`, `category.parent`. */
export type ExpandPath<References> =
  | Extract<keyof References, string>
  | `${Extract<keyof References, string>}.${string}`;

type FirstOf<Path extends string> = Path extends `${infer First}.${string}` ? First : Path;

/** A row with those that `expand` names beside it; null for one that is not there, or not to be read. */
export type With<T, References, Path extends string> = [Path] extends [never]
  ? T
  : T & {
      readonly expand: {
        readonly [K in Extract<FirstOf<Path>, keyof References>]: References[K] | null;
      };
    };

/** Which references to follow, at most three in a row. */
export interface ExpandOptions<Path extends string> {
  readonly expand?: readonly Path[];
}

interface PageEnd {
  readonly next: string | null;
  readonly total?: number;
}

/** Rows that can be listed: those of a model, or those that refer to one row. */
export class Rows<Read, References> {
  protected readonly sender: Sender;
  protected readonly path: string;

  constructor(sender: Sender, path: string) {
    this.sender = sender;
    this.path = path;
  }

  /** One page. */
  async list<const Path extends ExpandPath<References> = never>(
    query: ListQuery<Read> & ExpandOptions<Path> = {},
    options: ReadOptions = {},
  ): Promise<Page<With<Read, References, Path>>> {
    const response = await this.sent(this.reading(`${this.path}${queryString(query)}`, options));
    return pageOf(response);
  }

  /** All rows, page by page. */
  async *all<const Path extends ExpandPath<References> = never>(
    query: ListQuery<Read> & ExpandOptions<Path> = {},
    options: ReadOptions = {},
  ): AsyncGenerator<With<Read, References, Path>, void, undefined> {
    let cursor = query.cursor;
    do {
      const asked = { limit: 1000, ...query, ...(cursor !== undefined && { cursor }) };
      const page = await this.list(asked, options);
      yield* page.data;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }

  /**
   * All rows in one answer, line by line, at the pace of who takes them; `limit` counts all.
   *
   * @throws UnreachableError where the answer ends before its last row
   */
  async *lines<const Path extends ExpandPath<References> = never>(
    query: Omit<ListQuery<Read>, 'count'> & ExpandOptions<Path> = {},
    options: ReadOptions = {},
  ): AsyncGenerator<With<Read, References, Path>, void, undefined> {
    const call = this.reading(`${this.path}${queryString(query)}`, options);
    const headers = { ...call.headers, accept: NDJSON };
    const response = await this.sent({ ...call, headers, streams: true });
    yield* linesOf<With<Read, References, Path>>(response);
  }

  protected reading(path: string, options: ReadOptions): Call {
    const { signal } = options;
    return { method: 'GET', path, headers: readHeaders(options), signal };
  }

  protected async sent(call: Call): Promise<Response> {
    return there(await this.sender.send(call));
  }
}

/** What became of one line of a bulk. */
export type LineResult =
  | {
      readonly ok: true;
      readonly id: string;
      readonly version?: number;
      readonly replayed: boolean;
    }
  | { readonly ok: false; readonly error: ApiError };

/** An operation of a JSON Patch (RFC 6902). */
export type PatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string };

/** What writes of a model take. */
export interface Bodies {
  readonly create: unknown;
  readonly replace: unknown;
  readonly patch: unknown;
}

/** The aggregates of one model. */
export class Collection<Read, Sent extends Bodies, References> extends Rows<Read, References> {
  /** One aggregate; null where there is none. */
  async get<const Path extends ExpandPath<References> = never>(
    id: string,
    options: ReadOptions & ExpandOptions<Path> = {},
  ): Promise<Stored<With<Read, References, Path>> | null> {
    const path = `${this.item(id)}${queryString({ expand: options.expand })}`;
    const response = await this.sender.send(this.reading(path, options), true);
    return response === null ? null : stored(response);
  }

  /** What has become of an aggregate: the same object where nothing has; null where it is gone. */
  async refresh(
    id: string,
    known: Stored<Read>,
    options: ReadOptions = {},
  ): Promise<Stored<Read> | null> {
    const call = this.reading(this.item(id), options);
    const headers = { ...call.headers, 'if-none-match': known.etag };
    const response = await this.sender.send({ ...call, headers }, true);
    if (response === null) return null;
    return response.status === 304 ? known : stored<Read>(response);
  }

  create(body: Sent['create'], options: WriteOptions = {}): Promise<Stored<Read>> {
    return this.#write('POST', this.path, body, options);
  }

  /** All of them or, where one is refused, none; in the order given. */
  async createMany(
    bodies: readonly Sent['create'][],
    options: WriteOptions = {},
  ): Promise<readonly Read[]> {
    const call = this.#writing('POST', `${this.path}/_bulk`, JSON.stringify(bodies), options);
    return (await bodyOf<{ data: Read[] }>(await this.sent(call))).data;
  }

  /**
   * Creates any number of rows, each by itself: what became of each, in order, while the next are
   * sent. With an `idempotencyKey` of the caller, the same rows in the same order can be sent again.
   * No order is promised between rows that are less than a thousand apart.
   */
  async *bulk(
    rows: Iterable<Sent['create']> | AsyncIterable<Sent['create']>,
    options: WriteOptions = {},
  ): AsyncGenerator<LineResult, void, undefined> {
    const key = options.idempotencyKey ?? crypto.randomUUID();
    let first = 0;
    for await (const batch of batchesOf(rows)) {
      yield* await this.#sendLines(batch, { ...options, idempotencyKey: `${key}.${first}` });
      first += batch.length;
    }
  }

  /** Replaces the whole aggregate, or creates it. */
  replace(id: string, body: Sent['replace'], options: ReplaceOptions = {}): Promise<Stored<Read>> {
    return this.#write('PUT', this.item(id), body, options);
  }

  /** Changes what the patch names; null takes a value away. */
  patch(id: string, patch: Sent['patch'], options: WriteOptions = {}): Promise<Stored<Read>> {
    return this.#write('PATCH', this.item(id), patch, options);
  }

  /** All operations or none; one that tests makes the others depend on it. */
  async patchWith(
    id: string,
    operations: readonly PatchOperation[],
    options: WriteOptions = {},
  ): Promise<Stored<Read>> {
    const call = this.#writing('PATCH', this.item(id), JSON.stringify(operations), options);
    const headers = { ...call.headers, 'content-type': 'application/json-patch+json' };
    return stored<Read>(await this.sent({ ...call, headers }));
  }

  /** False where there was nothing to delete. */
  async delete(id: string, options: WriteOptions = {}): Promise<boolean> {
    const call = this.#writing('DELETE', this.item(id), undefined, options);
    return (await this.sender.send(call, true)) !== null;
  }

  protected item(id: string): string {
    return `${this.path}/${encodeURIComponent(id)}`;
  }

  async #write(
    method: string,
    path: string,
    body: unknown,
    options: ReplaceOptions,
  ): Promise<Stored<Read>> {
    return stored<Read>(
      await this.sent(this.#writing(method, path, JSON.stringify(body), options)),
    );
  }

  #writing(method: string, path: string, body: string | undefined, options: ReplaceOptions): Call {
    const { signal } = options;
    return {
      method,
      path,
      headers: writeHeaders(options),
      signal,
      ...(body !== undefined && { body }),
    };
  }

  /** A line whose outcome is not known makes all be sent again, under the same key. */
  async #sendLines(rows: readonly Sent['create'][], options: WriteOptions): Promise<LineResult[]> {
    const body = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const call = this.#writing('POST', `${this.path}/_bulk`, body, options);
    const headers = { ...call.headers, accept: NDJSON, 'content-type': NDJSON };
    const read = (response: Response) => resultsOf(response, rows.length);
    return there(await this.sender.sendFor({ ...call, headers }, read));
  }
}

/** Versions and events of one aggregate, the newest first. */
export interface PastQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

/** A version of an aggregate; what is not kept of its fields is absent. */
export interface Version<T> {
  readonly version: number;
  /** Log time. */
  readonly at: string;
  readonly events: readonly string[];
  /** Of models, and changes of fields, that are audited. */
  readonly actor?: { readonly subject: string; readonly method: string };
  /** Null where the version is a deletion. */
  readonly data: Partial<T> | null;
}

/** One event of an aggregate. */
export interface ModelEvent<T> extends Omit<Version<T>, 'events'> {
  readonly eventId: string;
  readonly sequence: number;
  readonly type: string;
  /** Of models and fields that are audited; values that are kept. */
  readonly changes?: {
    readonly [K in keyof T]?: { readonly old?: T[K] | null; readonly new?: T[K] | null };
  };
}

/** Which version: by its number, or as of a moment. */
export type Moment = { readonly version: number } | { readonly at: string | Date };

/** The aggregates of a model that remembers what they were. */
export class CollectionWithPast<Read, Sent extends Bodies, References> extends Collection<
  Read,
  Sent,
  References
> {
  /**
   * An aggregate as it was; null where there was none.
   *
   * @throws NotFoundError `pruned` where that is not kept
   */
  async getPast(
    id: string,
    moment: Moment,
    options: ReadOptions = {},
  ): Promise<Stored<Partial<Read>> | null> {
    const asked = 'at' in moment ? { at: new Date(moment.at).toISOString() } : moment;
    const call = this.reading(`${this.item(id)}${queryString(asked)}`, options);
    const response = await this.sender.send(call, true);
    return response === null ? null : stored(response);
  }

  /** One page of its versions. */
  async history(
    id: string,
    query: PastQuery = {},
    options: ReadOptions = {},
  ): Promise<Page<Version<Read>>> {
    const path = `${this.item(id)}/history${queryString(query)}`;
    return pageOf(await this.sent(this.reading(path, options)));
  }

  /** One page of its events. */
  async events(
    id: string,
    query: PastQuery = {},
    options: ReadOptions = {},
  ): Promise<Page<ModelEvent<Read>>> {
    const path = `${this.item(id)}/events${queryString(query)}`;
    return pageOf(await this.sent(this.reading(path, options)));
  }
}

/** A row as it was when it was deleted. */
export type Deleted<T> = T & {
  readonly deletedAt: string;
  /** The subject. */
  readonly deletedBy: string;
};

/** The deleted rows of one model. Their versions and tags are those of the row among them. */
export class DeletedRows<Read> extends Rows<Deleted<Read>, object> {
  /** One deleted row; null where there is none. */
  async get(id: string, options: ReadOptions = {}): Promise<Stored<Deleted<Read>> | null> {
    const response = await this.sender.send(this.reading(this.#item(id), options), true);
    return response === null ? null : stored(response);
  }

  /**
   * Brings a row back under its own name, as it was.
   *
   * @throws NotFoundError where there is no such deleted row (any more)
   * @throws ConflictError where its id or a unique value is taken, or what it refers to is gone
   */
  async restore(id: string, options: WriteOptions = {}): Promise<Stored<Read>> {
    return stored<Read>(
      await this.sent(this.#asking('POST', `${this.#item(id)}/restore`, options)),
    );
  }

  /** Removes a deleted row for good; false where there was none. */
  async purge(id: string, options: WriteOptions = {}): Promise<boolean> {
    const call = this.#asking('DELETE', this.#item(id), options);
    return (await this.sender.send(call, true)) !== null;
  }

  #item(id: string): string {
    return `${this.path}/${encodeURIComponent(id)}`;
  }

  #asking(method: string, path: string, options: WriteOptions): Call {
    return { method, path, headers: writeHeaders(options), signal: options.signal };
  }
}

const NDJSON = 'application/x-ndjson';
/** Lines that are sent, and if need be sent again, at one time. */
const BATCH_LINES = 500;

function there<T>(answer: T | null): T {
  if (answer === null) throw new UnreachableError('there is no answer');
  return answer;
}

async function pageOf<T>(response: Response): Promise<Page<T>> {
  const { data, page } = await bodyOf<{ data: T[]; page: PageEnd }>(response);
  const { next, total } = page;
  return { data, next, ...(total !== undefined && { total }), index: indexOf(response) };
}

async function* batchesOf<T>(rows: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < BATCH_LINES) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function* linesOf<T>(response: Response): AsyncGenerator<T, void, undefined> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (let piece = await reader?.read(); piece?.value; piece = await reader?.read()) {
      const lines = (rest + decoder.decode(piece.value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield* lines.map((line): T => JSON.parse(line));
    }
  } catch (error) {
    throw new UnreachableError('the answer was cut', { cause: error });
  } finally {
    await reader?.cancel().catch(() => {});
  }
}

interface LineAnswer {
  readonly status: number;
  readonly id?: string;
  readonly version?: number;
  readonly replayed?: boolean;
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly RequestErrorDetail[];
}

/** @throws UnreachableError where the outcome of a line is not known */
async function resultsOf(response: Response, count: number): Promise<LineResult[]> {
  const results: LineResult[] = [];
  for await (const answer of linesOf<LineAnswer>(response)) {
    results.push(resultOf(answer));
  }
  if (results.length === count) return results;
  throw new UnreachableError('the answer was cut');
}

function resultOf({
  status,
  code = '',
  detail = '',
  errors = [],
  ...made
}: LineAnswer): LineResult {
  if (status === 429 || status >= 500 || code === 'idempotency_in_progress') {
    throw new UnreachableError(detail || code);
  }
  if (status !== 201) return { ok: false, error: apiError(status, code, detail, errors) };
  const { id = '', version, replayed = false } = made;
  return { ok: true, id, ...(version !== undefined && { version }), replayed };
}
