import type { ChangeAnswer } from '../admin/index.ts';
import {
  isKind,
  type KubeObject,
  type KubernetesApi,
  KubernetesError,
} from '../kubernetes/index.ts';
import {
  CLUSTER_FILES,
  LEADER_LABEL,
  ownedBy,
  REMOVED_MEMBER_ANNOTATION,
} from '../manifests/index.ts';
import { type Action, TOPOLOGY_ANNOTATION } from '../plan/index.ts';
import type { Certificates } from './certificates.ts';
import { BlockedError, StaleCacheError } from './errors.ts';
import type { ClusterAccess } from './membership.ts';

const MEMBER_CHANGES: ReadonlySet<Action['do']> = new Set<Action['do']>([
  'transferLeadership',
  'promoteMember',
  'removeMember',
]);

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
  readonly #onReplaced: (uid: string) => void;

  /** @param onReplaced hears of every pod before it is deleted, by uid */
  constructor(api: KubernetesApi, certificates: Certificates, onReplaced: (uid: string) => void) {
    this.#api = api;
    this.#certificates = certificates;
    this.#onReplaced = onReplaced;
  }

  /**
   * Returns what the cluster itself had against it: it is asked again in the next pass.
   *
   * @param access null where the cluster cannot be asked; then its members are not changed
   * @throws KubernetesError, BlockedError, StaleCacheError
   */
  async run(
    place: Place,
    actions: readonly Action[],
    access: ClusterAccess | null = null,
  ): Promise<readonly string[]> {
    for (const action of actions) {
      const answer = await this.#change(access, action);
      if (answer === null) await this.#do(place, action);
      // What follows may rest on what was refused.
      else if (answer.kind !== 'done') return [answer.reason];
    }
    return [];
  }

  /** A change of members; null for anything else. */
  #change(access: ClusterAccess | null, action: Action): Promise<ChangeAnswer> | null {
    if (!MEMBER_CHANGES.has(action.do)) return null;
    if (access === null) {
      return Promise.resolve({ kind: 'unavailable', reason: 'the leader cannot be asked' });
    }
    const { admin, member } = access;
    if (action.do === 'transferLeadership') return admin.transferLeadership(member, action.to);
    if (action.do === 'promoteMember') return admin.promoteMember(member, action.id);
    return action.do === 'removeMember' ? admin.removeMember(member, action.id) : null;
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
      case 'replacePod':
        this.#onReplaced(action.uid);
        return this.#api.remove('Pod', action.pod, namespace, { uid: action.uid });
      case 'markVolume':
        return this.#markVolume(namespace, action);
      case 'deleteVolume':
        return this.#api.remove('PersistentVolumeClaim', action.name, namespace, {
          uid: action.uid,
        });
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
      data: {
        [CLUSTER_FILES.bootstrapped]: String(patch.bootstrapped),
        [CLUSTER_FILES.members]: patch.members,
      },
    });
  }

  #markVolume(
    namespace: string,
    { name, uid, removedMember }: Extract<Action, { do: 'markVolume' }>,
  ): Promise<KubeObject> {
    const annotations = { [REMOVED_MEMBER_ANNOTATION]: String(removedMember) };
    const metadata = { uid, annotations };
    return this.#api.mergePatch('PersistentVolumeClaim', name, namespace, { metadata });
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
