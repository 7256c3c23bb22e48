import { isRecord, type KubeObject, type KubernetesApi } from '../kubernetes/index.ts';
import { clusterSelector, namesOf } from '../manifests/index.ts';
import { FINALIZER, planDeletion } from '../plan/index.ts';
import type { Caches } from './caches.ts';
import type { Executor } from './execute.ts';

interface Subject {
  readonly resource: KubeObject;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Carries out the deletion of a resource that asked for its volumes to go with it. */
export class Deletion {
  readonly #api: KubernetesApi;
  readonly #caches: Caches;
  readonly #executor: Executor;

  constructor(api: KubernetesApi, caches: Caches, executor: Executor) {
    this.#api = api;
    this.#caches = caches;
    this.#executor = executor;
  }

  /** Whether the resource waits for us; otherwise the garbage collector does what there is to do. */
  concerns({ resource }: Subject): boolean {
    return resource.metadata.finalizers?.includes(FINALIZER) === true;
  }

  /** Does the next step. @throws KubernetesError, BlockedError */
  async advance(subject: Subject): Promise<void> {
    const finalizers = subject.resource.metadata.finalizers ?? [];
    const { name, namespace } = subject;
    const retain = retains(subject.resource);
    const left = retain ? NOTHING_LEFT : await this.#whatIsLeft(namespace, name);
    await this.#executor.run(subject, planDeletion({ finalizers, retain, ...left }));
  }

  async #whatIsLeft(namespace: string, name: string): Promise<typeof NOTHING_LEFT> {
    const names = namesOf(name);
    const [volumes, ...identities] = await Promise.all([
      this.#api.list('PersistentVolumeClaim', namespace, clusterSelector(name)),
      this.#api.get('Secret', names.authority, namespace),
      this.#api.get('Secret', names.peerTls, namespace),
      this.#api.get('ConfigMap', names.cluster, namespace),
    ]);
    return {
      statefulSets: this.#caches.ofCluster('StatefulSet', namespace, name),
      pods: this.#caches.ofCluster('Pod', namespace, name),
      volumes: volumes.items,
      identities: identities.filter((object) => object !== null),
    };
  }
}

const NOTHING_LEFT: {
  readonly statefulSets: readonly KubeObject[];
  readonly pods: readonly KubeObject[];
  readonly volumes: readonly KubeObject[];
  readonly identities: readonly KubeObject[];
} = { statefulSets: [], pods: [], volumes: [], identities: [] };

/** Volumes are deleted only where the resource says so in as many words. */
function retains(resource: KubeObject): boolean {
  const spec = isRecord(resource['spec']) ? resource['spec'] : {};
  const cluster = isRecord(spec['cluster']) ? spec['cluster'] : {};
  const storage = isRecord(cluster['storage']) ? cluster['storage'] : {};
  return storage['retain'] !== false;
}
