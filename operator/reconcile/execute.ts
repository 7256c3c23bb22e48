import {
  isKind,
  type KubeObject,
  type KubernetesApi,
  KubernetesError,
} from '../kubernetes/index.ts';
import { LEADER_LABEL, ownedBy } from '../manifests/index.ts';
import { type Action, TOPOLOGY_ANNOTATION } from '../plan/index.ts';
import type { Certificates } from './certificates.ts';
import { BlockedError, StaleCacheError } from './errors.ts';

/** The resource on whose behalf something is done. */
interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Does what a plan says, one action after the other; stops at the first that fails. */
export class Executor {
  readonly #api: KubernetesApi;
  readonly #certificates: Certificates;

  constructor(api: KubernetesApi, certificates: Certificates) {
    this.#api = api;
    this.#certificates = certificates;
  }

  /** @throws KubernetesError, BlockedError, StaleCacheError */
  async run(place: Place, actions: readonly Action[]): Promise<void> {
    for (const action of actions) await this.#do(place, action);
  }

  #do(place: Place, action: Action): Promise<unknown> {
    const { name, namespace } = place;
    switch (action.do) {
      case 'setFinalizers':
        return this.#setFinalizers(place, action.finalizers);
      case 'createClusterId':
        return this.#create(place, action.object);
      case 'patchClusterId':
        return this.#patchClusterId(namespace, action);
      case 'createAuthority':
        return this.#certificates.createAuthority(place);
      case 'issueCertificates':
        return this.#certificates.issue(place, action.members, action.due);
      case 'apply':
        return this.#apply(place, action);
      case 'labelLeader':
        return this.#labelLeader(namespace, action);
      case 'delete':
        return this.#api.remove(action.kind, action.name, namespace, { uid: action.uid });
      default:
        throw new Error(`no such action for ${name}`);
    }
  }

  #setFinalizers(place: Place, finalizers: readonly string[]): Promise<KubeObject> {
    const { name, namespace, resourceVersion } = place;
    const metadata = { resourceVersion, finalizers };
    return this.#api.mergePatch('LithairModel', name, namespace, { metadata });
  }

  #patchClusterId(
    namespace: string,
    { name, patch }: Extract<Action, { do: 'patchClusterId' }>,
  ): Promise<KubeObject> {
    return this.#api.mergePatch('ConfigMap', name, namespace, {
      metadata: { uid: patch.uid, annotations: { [TOPOLOGY_ANNOTATION]: patch.topology } },
      data: { bootstrapped: String(patch.bootstrapped) },
    });
  }

  #labelLeader(
    namespace: string,
    { pod, uid, leader }: Extract<Action, { do: 'labelLeader' }>,
  ): Promise<unknown> {
    const labels = { [LEADER_LABEL]: leader ? 'true' : null };
    const metadata = { uid, labels };
    return this.#api.mergePatch('Pod', pod, namespace, { metadata }).catch((error: unknown) => {
      // The pod went away or was replaced meanwhile; its successor is looked at next time.
      const gone = error instanceof KubernetesError && (error.notFound || error.conflict);
      if (!gone) throw error;
    });
  }

  async #create(place: Place, object: KubeObject): Promise<void> {
    try {
      await this.#api.create(object);
    } catch (error) {
      if (!(error instanceof KubernetesError && error.conflict)) throw error;
      await this.#refuseForeign(place, object);
      throw new StaleCacheError(`${object.kind} ${object.metadata.name} exists already`);
    }
  }

  async #apply(place: Place, action: Extract<Action, { do: 'apply' }>): Promise<void> {
    if (!action.seen) await this.#refuseForeign(place, action.object);
    await this.#api.apply(action.object);
  }

  /** What we do not see by our label may still be there, and be somebody else's. */
  async #refuseForeign(place: Place, { kind, metadata }: KubeObject): Promise<void> {
    if (!isKind(kind)) throw new TypeError(`no path is known for kind ${kind}`);
    const there = await this.#api.get(kind, metadata.name, place.namespace);
    if (there === null || ownedBy(there.metadata, place.name, place.uid)) return;
    throw new BlockedError(
      'NameConflict',
      `${kind} ${metadata.name} exists and does not belong to LithairModel ${place.name}`,
    );
  }
}
