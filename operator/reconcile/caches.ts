import type { KubeConfig } from '@kubernetes/client-node';
import {
  type Kind,
  type KubeObject,
  type KubernetesApi,
  keyOf,
  type ObjectKey,
  ResilientInformer,
} from '../kubernetes/index.ts';
import { CLUSTER_LABEL, MANAGED_SELECTOR } from '../manifests/index.ts';

/** Kinds that are watched; all but the first only where they carry our label. */
export const WATCHED_KINDS = [
  'LithairModel',
  'StatefulSet',
  'Service',
  'ConfigMap',
  'ServiceAccount',
  'PodDisruptionBudget',
  'Pod',
] as const satisfies readonly Kind[];

interface CachesOptions {
  /** Empty: the whole cluster. */
  readonly namespaces: readonly string[];
  readonly onChange: (key: ObjectKey) => void;
  readonly onError: (kind: Kind, error: unknown) => void;
}

/** Local copies of what is watched; each change names the LithairModel it is about. */
export class Caches {
  readonly #informers: { readonly kind: Kind; readonly informer: ResilientInformer }[] = [];

  constructor(config: KubeConfig, api: KubernetesApi, options: CachesOptions) {
    const scopes = options.namespaces.length === 0 ? [undefined] : options.namespaces;
    for (const kind of WATCHED_KINDS) {
      for (const namespace of scopes) {
        const informer = new ResilientInformer(config, api, {
          kind,
          namespace,
          labelSelector: kind === 'LithairModel' ? undefined : MANAGED_SELECTOR,
          onChange: (object) => {
            const key = clusterKey(object);
            if (key !== null) options.onChange(key);
          },
          onError: (error) => options.onError(kind, error),
        });
        this.#informers.push({ kind, informer });
      }
    }
  }

  /** Resolves when everything was listed once. */
  async start(): Promise<void> {
    await Promise.all(this.#informers.map(({ informer }) => informer.start()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#informers.map(({ informer }) => informer.stop()));
  }

  model(key: ObjectKey): KubeObject | undefined {
    return this.#of('LithairModel')
      .map((informer) => informer.get(key))
      .find((found) => found !== undefined);
  }

  /** Everything of one kind that belongs to a cluster. */
  ofCluster(kind: Kind, namespace: string, name: string): KubeObject[] {
    return this.#of(kind).flatMap((informer) =>
      [...informer.values()].filter(
        ({ metadata }) =>
          metadata.namespace === namespace && metadata.labels?.[CLUSTER_LABEL] === name,
      ),
    );
  }

  #of(kind: Kind): ResilientInformer[] {
    return this.#informers.filter((entry) => entry.kind === kind).map(({ informer }) => informer);
  }
}

function clusterKey(object: KubeObject): ObjectKey | null {
  if (object.kind === 'LithairModel') return keyOf(object.metadata);
  const name = object.metadata.labels?.[CLUSTER_LABEL];
  return name === undefined ? null : keyOf({ name, namespace: object.metadata.namespace });
}
