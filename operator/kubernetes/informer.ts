import { type KubeConfig, type KubernetesObject, ListWatch, Watch } from '@kubernetes/client-node';
import type { KubernetesApi } from './api.ts';
import { type KubeObject, keyOf, type ObjectKey, parseObject } from './object.ts';
import { collectionPath, type Kind } from './resources.ts';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

interface InformerOptions {
  readonly kind: Kind;
  /** Undefined: the whole cluster. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly onChange: (object: KubeObject) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * A cache of one kind that follows the API server. client-node's informer stops for good on any
 * error but 410 and its `start` resolves even where the list failed, so this one starts it again
 * with back-off and says itself when the first list is in.
 */
export class ResilientInformer {
  readonly #options: InformerOptions;
  readonly #inner: ListWatch<KubernetesObject>;
  readonly #objects = new Map<ObjectKey, KubeObject>();
  readonly #synced: Promise<void>;
  #failures = 0;
  #stopped = false;
  #retry: NodeJS.Timeout | null = null;

  constructor(config: KubeConfig, api: KubernetesApi, options: InformerOptions) {
    this.#options = options;
    const { kind, namespace, labelSelector } = options;
    const first = Promise.withResolvers<void>();
    this.#synced = first.promise;
    const list = async () => {
      const answer = await api.list(kind, namespace, labelSelector);
      this.#failures = 0;
      // The informer takes the items in after this returns; the next turn sees them.
      setImmediate(first.resolve);
      // It types times as Date but passes on what it was given: the JSON of the wire.
      const items = answer.items as unknown as KubernetesObject[];
      return { apiVersion: 'v1', kind: 'List', metadata: answer.metadata, items };
    };
    const path = collectionPath(kind, namespace);
    this.#inner = new ListWatch(path, new Watch(config), list, false, labelSelector);
    this.#inner.on('add', (object) => this.#take(object));
    this.#inner.on('update', (object) => this.#take(object));
    this.#inner.on('delete', (object) => this.#drop(object));
    this.#inner.on('error', (error: unknown) => this.#startAgain(error));
  }

  /** Starts watching; resolves once the first list is in the cache, however long that takes. */
  async start(): Promise<void> {
    void this.#run();
    await this.#synced;
  }

  /** Stops watching; the cache stays as it is. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#inner.stop();
  }

  get(key: ObjectKey): KubeObject | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<KubeObject> {
    return this.#objects.values();
  }

  async #run(): Promise<void> {
    try {
      await this.#inner.start();
    } catch (error) {
      this.#startAgain(error);
    }
  }

  #take(object: unknown): void {
    const parsed = parseObject(object);
    // Half of an object's size, and of no use here.
    delete parsed.metadata.managedFields;
    this.#objects.set(keyOf(parsed.metadata), parsed);
    this.#options.onChange(parsed);
  }

  #drop(object: unknown): void {
    const parsed = parseObject(object);
    this.#objects.delete(keyOf(parsed.metadata));
    this.#options.onChange(parsed);
  }

  #startAgain(error: unknown): void {
    if (this.#stopped || this.#retry !== null) return;
    this.#options.onError(error);
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
    this.#failures += 1;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      void this.#run();
    }, delayMs);
  }
}
