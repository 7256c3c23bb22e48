import type { LithairModelSpec } from '@lithair/crds';
import type { KubeObject } from '../kubernetes/index.ts';
import {
  allServices,
  type ClusterPlan,
  clusterConfigMap,
  type MemberGroup,
  memberList,
  memberNames,
  modelConfigMap,
  podDisruptionBudget,
  serviceAccount,
  statefulSet,
} from '../manifests/index.ts';
import { withAppliedHash } from './drift.ts';
import type { Identity } from './identity.ts';
import { TOPOLOGY_ANNOTATION, writeTopology } from './topology.ts';

/** What is wanted. */
export interface Desired {
  readonly name: string;
  /** Whether deleting the resource has to wait until its volumes are deleted. */
  readonly finalizer: boolean;
  readonly identity: Identity;
  /** Text of the annotation on the identity. */
  readonly topology: string;
  /** Those who vote, as members that start read it. */
  readonly memberList: string;
  /** Retained ConfigMap, as it is created where there is none. */
  readonly identityObject: KubeObject;
  /** Everyone who is to have a certificate. */
  readonly members: readonly string[];
  /** Owned objects in the order in which they are applied, with their hash. */
  readonly objects: readonly KubeObject[];
  /** Pod that leads; null where nobody knows, and then labels stay as they are. */
  readonly leader: string | null;
}

/** What `desire` is made from. */
export interface DesireInput {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** As far as it can be followed, see `heldSpec`. */
  readonly spec: LithairModelSpec;
  /** The groups that there are to be now, see `planChange`. */
  readonly groups: readonly MemberGroup[];
  /** The groups that the members are brought to: whoever is to come has its certificate before. */
  readonly wanted: readonly MemberGroup[];
  /** Who serves reads. */
  readonly readers: 'all' | 'learners';
  /** The models that the running cluster has, or is to be bootstrapped with. */
  readonly modelInForce: LithairModelSpec;
  readonly image: string;
  /** Whether there is a Secret with master keys. */
  readonly hasKeys: boolean;
  readonly identity: Identity;
  readonly leader: string | null;
  /** Where false, no StatefulSet is made: its storage class could never be changed afterwards. */
  readonly storageReady: boolean;
}

/** Builds every object of a cluster. */
export function desire(input: DesireInput): Desired {
  const { name, spec, identity, groups } = input;
  const cluster: ClusterPlan = { ...input, clusterId: identity.id };
  const topology = writeTopology(groups);
  // What pods need follows what they serve: a model that the cluster refuses replaces none of them.
  const served = { ...cluster, spec: { ...input.modelInForce, cluster: spec.cluster } };
  const sets = groups.map((group) => statefulSet(served, group));
  const objects = [
    serviceAccount(cluster),
    modelConfigMap(cluster, input.modelInForce),
    ...allServices(cluster, input.readers),
    podDisruptionBudget(cluster),
    ...(input.storageReady ? sets : []),
  ];
  const bare = clusterConfigMap(cluster, identity.id, identity.bootstrapped, groups);
  const annotations = { [TOPOLOGY_ANNOTATION]: topology };
  return {
    name,
    finalizer: !spec.cluster.storage.retain,
    identity,
    topology,
    memberList: memberList(cluster, groups),
    identityObject: { ...bare, metadata: { ...bare.metadata, annotations } },
    members: [...new Set([...memberNames(groups), ...memberNames(input.wanted)])],
    objects: objects.map(withAppliedHash),
    leader: input.leader,
  };
}
