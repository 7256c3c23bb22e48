import type { LithairModelSpec, LithairModelStatus } from '@lithair/crds';
import type { AdminClient, ClusterView, MemberReport } from '../admin/index.ts';
import { isRecord, type KubeObject, type KubernetesApi } from '../kubernetes/index.ts';
import {
  CLUSTER_ID_ANNOTATION,
  clusterSelector,
  type MemberGroup,
  namesOf,
} from '../manifests/index.ts';
import {
  groupsInForce,
  type Identity,
  objectKey,
  type PodView,
  resolveIdentity,
  TOPOLOGY_ANNOTATION,
  viewPod,
} from '../plan/index.ts';
import { type Caches, WATCHED_KINDS } from './caches.ts';
import { acceptedSpec } from './spec.ts';

/** What the caches hold of one cluster. */
export interface Snapshot {
  readonly objects: ReadonlyMap<string, KubeObject>;
  readonly statefulSets: readonly KubeObject[];
  readonly pods: readonly PodView[];
  /** The retained ConfigMap with the cluster's id. */
  readonly identity: { readonly id: string; readonly bootstrapped: boolean } | null;
  /** The members that there are to be now; null where nothing was built yet. */
  readonly inForce: readonly MemberGroup[] | null;
  readonly accepted: LithairModelSpec | null;
}

/** Reads the caches. */
export function takeSnapshot(caches: Caches, namespace: string, name: string): Snapshot {
  const owned = WATCHED_KINDS.filter((kind) => kind !== 'LithairModel' && kind !== 'Pod').flatMap(
    (kind) => caches.ofCluster(kind, namespace, name),
  );
  const objects = new Map(
    owned.map((object) => [objectKey(object.kind, object.metadata.name), object]),
  );
  const statefulSets = owned.filter(({ kind }) => kind === 'StatefulSet');
  const names = namesOf(name);
  const cluster = objects.get(objectKey('ConfigMap', names.cluster));
  const identity = cluster === undefined ? null : readIdentity(cluster);
  // What was only written down, and neither built nor founded, may still become something else.
  const isBuilt = identity?.bootstrapped === true || statefulSets.length > 0;
  const topology = cluster?.metadata.annotations?.[TOPOLOGY_ANNOTATION] ?? null;
  return {
    objects,
    statefulSets,
    pods: caches.ofCluster('Pod', namespace, name).map(viewPod).sort(byName),
    identity,
    inForce: isBuilt ? groupsInForce(name, topology, statefulSets) : null,
    accepted: acceptedSpec(objects.get(objectKey('ConfigMap', names.model))),
  };
}

function byName(a: PodView, b: PodView): number {
  return a.name < b.name ? -1 : 1;
}

function readIdentity(configMap: KubeObject): Snapshot['identity'] {
  const data = isRecord(configMap['data']) ? configMap['data'] : {};
  const id = data['id'];
  if (typeof id !== 'string' || id === '') return null;
  return { id, bootstrapped: data['bootstrapped'] === 'true' };
}

/** Asks every member that has an address; members that cannot be asked have no report. */
export function askMembers(
  admin: AdminClient | null,
  pods: readonly PodView[],
  members: readonly string[],
): Promise<MemberReport[]> {
  const reachable = pods.flatMap(({ name, ip }) =>
    ip !== null && members.includes(name) ? [{ name, ip }] : [],
  );
  if (admin === null) return Promise.resolve([]);
  return Promise.all(
    reachable.map(async (member) => ({ name: member.name, answer: await admin.status(member) })),
  );
}

/** Which cluster this is; volumes are asked only where nothing else is sure to know. */
export async function findIdentity(
  api: KubernetesApi,
  place: { readonly name: string; readonly namespace: string },
  snapshot: Snapshot,
  status: LithairModelStatus | undefined,
  view: ClusterView,
  fresh: string,
): Promise<Identity> {
  const volumes =
    snapshot.identity === null ? await volumeClusterIds(api, place.namespace, place.name) : [];
  return resolveIdentity({
    configMap: snapshot.identity,
    status: { id: status?.clusterId ?? null, hasServed: status?.schemaVersion !== undefined },
    reported: view.clusterIds,
    volumes,
    fresh,
  });
}

async function volumeClusterIds(
  api: KubernetesApi,
  namespace: string,
  name: string,
): Promise<string[]> {
  const { items } = await api.list('PersistentVolumeClaim', namespace, clusterSelector(name));
  return items.flatMap(({ metadata }) => metadata.annotations?.[CLUSTER_ID_ANNOTATION] ?? []);
}

/** Image of the pods: the spec's, otherwise what they run already, otherwise the operator's. */
export function chooseImage(
  spec: LithairModelSpec,
  snapshot: Snapshot,
  status: LithairModelStatus | undefined,
  defaultImage: string,
): string {
  const running = snapshot.statefulSets.map(templateImage).find((image) => image !== null);
  return spec.cluster.image ?? running ?? status?.image ?? defaultImage;
}

function templateImage(set: KubeObject): string | null {
  const spec = isRecord(set['spec']) ? set['spec'] : {};
  const template = isRecord(spec['template']) ? spec['template'] : {};
  const pod = isRecord(template['spec']) ? template['spec'] : {};
  const containers: unknown[] = Array.isArray(pod['containers']) ? pod['containers'] : [];
  const image = isRecord(containers[0]) ? containers[0]['image'] : undefined;
  return typeof image === 'string' ? image : null;
}

/** Pods that were made from an older template than the current one. */
export function outdatedPods(snapshot: Snapshot): readonly string[] {
  const revisions = new Set(snapshot.statefulSets.map(currentRevision));
  // A set that has not taken in its latest spec says nothing about its pods yet.
  if (revisions.has(null) || revisions.size === 0) return [];
  return snapshot.pods
    .filter(({ revision }) => revision !== null && !revisions.has(revision))
    .map(({ name }) => name)
    .sort();
}

function currentRevision(set: KubeObject): string | null {
  const status = isRecord(set['status']) ? set['status'] : {};
  if (status['observedGeneration'] !== set.metadata.generation) return null;
  const revision = status['updateRevision'];
  return typeof revision === 'string' ? revision : null;
}
