import type { OutgoingHttpHeaders } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { type KubeConfig, PatchStrategy } from '@kubernetes/client-node';
import { KubernetesError } from './errors.ts';
import { isRecord, type KubeObject, parseObject } from './object.ts';
import { collectionPath, isKind, type Kind, objectPath, RESOURCES } from './resources.ts';

const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Preconditions and propagation of a deletion. */
export interface RemoveOptions {
  /** Delete only the object with this uid. */
  readonly uid?: string;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly query?: Record<string, string>;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** How an access to the API server behaves. */
export interface ApiOptions {
  /** Owner of the fields this process writes. */
  readonly fieldManager: string;
  /** Longest silence of one call. */
  readonly timeoutMs?: number;
  /** Told of every call that asks for a change, before it is sent. */
  readonly onWrite?: (verb: string, kind: Kind) => void;
}

/** One collection as the server listed it. */
interface ObjectList {
  readonly items: KubeObject[];
  readonly metadata: { readonly resourceVersion: string };
}

/**
 * The API server over kept-alive connections, with objects as the plain JSON they are on the wire:
 * what is compared with what was read must not have gone through `Date` and class instances.
 * Every method throws `KubernetesError` where the server refuses or does not answer.
 */
export class KubernetesApi {
  readonly #config: KubeConfig;
  readonly #fieldManager: string;
  readonly #timeoutMs: number;
  readonly #onWrite: (verb: string, kind: Kind) => void;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });

  constructor(config: KubeConfig, options: ApiOptions) {
    this.#config = config;
    this.#fieldManager = options.fieldManager;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#onWrite = options.onWrite ?? (() => undefined);
  }

  /** Reads one object; null where there is none. */
  async get(kind: Kind, name: string, namespace?: string): Promise<KubeObject | null> {
    try {
      const path = objectPath(kind, name, namespace);
      return parseObject(await this.#call({ method: 'GET', path }));
    } catch (error) {
      if (error instanceof KubernetesError && error.notFound) return null;
      throw error;
    }
  }

  /** Lists a kind, in one namespace or in all of them. */
  async list(kind: Kind, namespace?: string, labelSelector?: string): Promise<ObjectList> {
    const query = labelSelector === undefined ? {} : { labelSelector };
    const path = collectionPath(kind, namespace);
    const answer = await this.#call({ method: 'GET', path, query });
    if (!isRecord(answer) || !Array.isArray(answer['items']) || !isRecord(answer['metadata'])) {
      throw new KubernetesError(200, 'BadAnswer', `the answer to ${path} is no list`);
    }
    // Items of a list carry neither of the two; every other answer does.
    const { apiVersion } = RESOURCES[kind];
    const items = answer['items'].map((item: unknown) =>
      parseObject({ apiVersion, kind, ...(isRecord(item) ? item : {}) }),
    );
    return { items, metadata: { resourceVersion: String(answer['metadata']['resourceVersion']) } };
  }

  /** Creates an object; a conflict where it exists. */
  async create(object: KubeObject): Promise<KubeObject> {
    const kind = knownKind(object);
    this.#onWrite('create', kind);
    const path = collectionPath(kind, object.metadata.namespace);
    const query = { fieldManager: this.#fieldManager };
    return parseObject(await this.#call({ method: 'POST', path, query, body: object }));
  }

  /**
   * Server-side apply with our field manager; fields that somebody else set are taken over.
   * https://kubernetes.io/docs/reference/using-api/server-side-apply/
   */
  async apply(object: KubeObject, subresource?: 'status'): Promise<KubeObject> {
    const kind = knownKind(object);
    this.#onWrite('apply', kind);
    const { name, namespace } = object.metadata;
    const path = objectPath(kind, name, namespace) + (subresource ? `/${subresource}` : '');
    const query = { fieldManager: this.#fieldManager, force: 'true' };
    const contentType = PatchStrategy.ServerSideApply;
    return parseObject(
      await this.#call({ method: 'PATCH', path, query, contentType, body: object }),
    );
  }

  /** JSON merge patch. A `uid` or `resourceVersion` in its metadata is a precondition. */
  async mergePatch(
    kind: Kind,
    name: string,
    namespace: string,
    patch: Record<string, unknown>,
  ): Promise<KubeObject> {
    this.#onWrite('patch', kind);
    const path = objectPath(kind, name, namespace);
    const query = { fieldManager: this.#fieldManager };
    const contentType = PatchStrategy.MergePatch;
    return parseObject(
      await this.#call({ method: 'PATCH', path, query, contentType, body: patch }),
    );
  }

  /** Replaces an object; a conflict where its resourceVersion is no longer the current one. */
  async replace(object: KubeObject): Promise<KubeObject> {
    const kind = knownKind(object);
    this.#onWrite('update', kind);
    const { name, namespace } = object.metadata;
    const path = objectPath(kind, name, namespace);
    return parseObject(await this.#call({ method: 'PUT', path, body: object }));
  }

  /** Deletes an object; one that is not there is as good as deleted. */
  async remove(
    kind: Kind,
    name: string,
    namespace: string,
    options: RemoveOptions = {},
  ): Promise<void> {
    this.#onWrite('delete', kind);
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: options.propagation ?? 'Background',
      ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
    };
    try {
      await this.#call({ method: 'DELETE', path: objectPath(kind, name, namespace), body });
    } catch (error) {
      if (!(error instanceof KubernetesError && error.notFound)) throw error;
    }
  }

  /** Closes the kept connections. */
  close(): void {
    this.#agent.destroy();
  }

  async #call(call: Call): Promise<unknown> {
    const server = this.#config.getCurrentCluster()?.server;
    if (server === undefined) throw new KubernetesError(0, 'NoCluster', 'no cluster is configured');
    const url = new URL(server.replace(/\/$/, '') + call.path);
    for (const [key, value] of Object.entries(call.query ?? {})) url.searchParams.set(key, value);
    const timeout = this.#timeoutMs;
    const options: RequestOptions = { method: call.method, headers: {}, timeout };
    await this.#config.applyToHTTPSOptions(options);
    const payload = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = {
      ...authorization(options),
      accept: 'application/json',
      'user-agent': 'lithair-operator',
      ...(payload === undefined
        ? {}
        : {
            'content-type': call.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(payload),
          }),
    };
    const answer = await send(url, { ...options, headers, agent: this.#agent }, payload);
    return readAnswer(answer.status, answer.text, call);
  }
}

/** The headers that the configuration put on a request: the bearer token. */
function authorization({ headers }: RequestOptions): OutgoingHttpHeaders {
  return headers === undefined || 'length' in headers ? {} : headers;
}

function knownKind(object: KubeObject): Kind {
  if (!isKind(object.kind)) throw new TypeError(`no path is known for kind ${object.kind}`);
  return object.kind;
}

function send(
  url: URL,
  options: RequestOptions,
  payload: string | undefined,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(
        new KubernetesError(
          0,
          'Unreachable',
          `${options.method} ${url.pathname}: ${error.message}`,
        ),
      );
    const outgoing = request(url, options, (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) incoming.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      incoming.on('error', fail);
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${options.timeout} ms`)));
    outgoing.on('error', fail);
    outgoing.end(payload);
  });
}

function readAnswer(status: number, text: string, call: Call): unknown {
  const answer = parseJson(text);
  if (status >= 200 && status < 300) return answer;
  const detail = isRecord(answer) ? answer : {};
  const reason = typeof detail['reason'] === 'string' ? detail['reason'] : `Http${status}`;
  const message =
    typeof detail['message'] === 'string'
      ? detail['message']
      : `${call.method} ${call.path} was answered with ${status}`;
  throw new KubernetesError(status, reason, message);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
