import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { hostname } from 'node:os';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import {
  DEFAULT_LEASE_TIMING,
  EventRecorder,
  KubernetesApi,
  LeaderElection,
  WorkQueue,
} from './kubernetes/index.ts';
import { MANAGED_BY } from './manifests/index.ts';
import type { OperatorOptions } from './options.ts';
import { Caches, Reconciler } from './reconcile/index.ts';
import { createMetrics, type OperatorMetrics, serveOps } from './telemetry/index.ts';

const LEASE_NAME = 'lithair-operator';
const LEASE_CALL_TIMEOUT_MS = 4_000;

/** What an operator is given from outside. */
export interface OperatorParts {
  readonly options: OperatorOptions;
  readonly config: KubeConfig;
  /** Where the Lease is. */
  readonly namespace: string;
  readonly logger: Logger;
}

/** One operator process: caches, queue, lease and ops listener, wired once. */
export class Operator {
  readonly #parts: OperatorParts;
  readonly #instance = `${hostname()}-${randomUUID().slice(0, 8)}`;
  readonly #metrics: OperatorMetrics;
  readonly #api: KubernetesApi;
  readonly #leaseApi: KubernetesApi;
  readonly #caches: Caches;
  readonly #queue: WorkQueue;
  readonly #election: LeaderElection;
  #synced = false;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    const { config, options } = parts;
    this.#metrics = createMetrics(() => this.#queue.depth);
    this.#api = new KubernetesApi(config, {
      fieldManager: MANAGED_BY,
      onWrite: (verb, kind) => this.#metrics.writes.inc({ verb, kind }),
    });
    this.#leaseApi = new KubernetesApi(config, {
      fieldManager: MANAGED_BY,
      timeoutMs: LEASE_CALL_TIMEOUT_MS,
    });
    this.#caches = new Caches(config, this.#api, {
      namespaces: options.watchNamespaces,
      onChange: (key) => this.#queue.add(key),
      onError: (kind, error) => {
        this.#metrics.watchErrors.inc({ kind });
        parts.logger.warn({ kind, err: error }, 'a watch broke and is started again');
      },
    });
    this.#queue = this.#createQueue(this.#createReconciler());
    this.#election = this.#createElection();
  }

  /**
   * Works until it is told to stop (resolves true) or loses its lease (resolves false). Stand-bys
   * watch as well, so that taking over needs no listing.
   */
  async run(stop: AbortSignal): Promise<boolean> {
    const { logger, options } = this.#parts;
    const stopped = new Promise<void>((resolve) => {
      stop.addEventListener('abort', () => resolve(), { once: true });
    });
    void stopped.then(() => this.#election.stop());
    const ops = await serveOps({
      host: options.opsHost,
      port: options.opsPort,
      registry: this.#metrics.registry,
      ready: () => this.#synced,
    });
    const scope = options.watchNamespaces.join(', ') || 'all namespaces';
    logger.info({ scope, nodeImage: options.nodeImage, instance: this.#instance }, 'watching');
    await Promise.race([this.#caches.start(), stopped]);
    this.#synced = !stop.aborted;
    const held = await this.#lead();
    await this.#close(ops);
    return held;
  }

  async #lead(): Promise<boolean> {
    if (!(await this.#election.acquire())) return true;
    this.#parts.logger.info({ lease: LEASE_NAME }, 'leading');
    this.#metrics.leading.set(1);
    this.#queue.start();
    if (!(await this.#election.hold())) return false;
    await this.#queue.stop();
    await this.#election.release();
    return true;
  }

  async #close(ops: Server): Promise<void> {
    await this.#caches.stop();
    ops.close();
    this.#api.close();
    this.#leaseApi.close();
  }

  #createReconciler(): Reconciler {
    const { logger, options } = this.#parts;
    return new Reconciler({
      api: this.#api,
      caches: this.#caches,
      events: new EventRecorder(this.#api, MANAGED_BY, this.#instance, Date.now),
      logger,
      nodeImage: options.nodeImage,
      now: Date.now,
      newClusterId: randomUUID,
    });
  }

  #createQueue(reconciler: Reconciler): WorkQueue {
    const { logger, options } = this.#parts;
    return new WorkQueue({
      concurrency: options.concurrency,
      work: async (key) => {
        const finished = this.#metrics.reconcileSeconds.startTimer();
        const outcome = await reconciler.reconcile(key).finally(finished);
        this.#metrics.reconciles.inc({ result: 'ok' });
        return outcome;
      },
      onError: (key, error, retryInMs) => {
        this.#metrics.reconciles.inc({ result: 'error' });
        logger.error({ key, retryInMs, err: error }, 'reconciling failed');
      },
    });
  }

  #createElection(): LeaderElection {
    const { namespace, logger } = this.#parts;
    return new LeaderElection(this.#leaseApi, {
      name: LEASE_NAME,
      namespace,
      identity: this.#instance,
      timing: DEFAULT_LEASE_TIMING,
      now: Date.now,
      onError: (error) => logger.warn({ err: error }, 'the lease could not be read or renewed'),
    });
  }
}
