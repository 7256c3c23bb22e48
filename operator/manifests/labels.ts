import { API_VERSION, KIND } from '@lithair/crds';
import type { ObjectMeta } from '../kubernetes/index.ts';

/** Value of `app.kubernetes.io/managed-by`, and our field manager. */
export const MANAGED_BY = 'lithair-operator';
/** What the informers of owned objects select. */
export const MANAGED_SELECTOR = `app.kubernetes.io/managed-by=${MANAGED_BY}`;
/** Names the LithairModel that an object belongs to. */
export const CLUSTER_LABEL = 'lithair.dev/cluster';
/** On the pod that leads, for the `-leader` Service; takes no part in elections. */
export const LEADER_LABEL = 'lithair.dev/leader';
export const REGION_LABEL = 'lithair.dev/region';
/** Names the StatefulSet that a pod is of, so that no two of them select the same pods. */
export const SET_LABEL = 'lithair.dev/set';
/** `voter` or `learner`: what its StatefulSet is for, not what the member is at the moment. */
export const ROLE_LABEL = 'lithair.dev/role';

interface Owner {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

/** Labels of everything that belongs to a cluster. */
export function commonLabels(name: string): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'lithair',
    'app.kubernetes.io/instance': name,
    'app.kubernetes.io/managed-by': MANAGED_BY,
    [CLUSTER_LABEL]: name,
  };
}

/** Labels that pick the pods of a cluster; a StatefulSet's selector can never change. */
export function podSelector(name: string): Record<string, string> {
  return { 'app.kubernetes.io/name': 'lithair', [CLUSTER_LABEL]: name };
}

/** Label selector of everything that belongs to a cluster. */
export function clusterSelector(name: string): string {
  return `${CLUSTER_LABEL}=${name}`;
}

/** Metadata of an object that goes when the LithairModel goes. */
export function ownedMetadata(owner: Owner, name: string): ObjectMeta {
  const reference = {
    apiVersion: API_VERSION,
    kind: KIND,
    name: owner.name,
    uid: owner.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  return { ...retainedMetadata(owner, name), ownerReferences: [reference] };
}

/** Metadata of an object that outlives the LithairModel: no owner, so nothing collects it. */
export function retainedMetadata(owner: Owner, name: string): ObjectMeta {
  return { name, namespace: owner.namespace, labels: commonLabels(owner.name) };
}

/** Whether an object is part of the cluster `name`, and of no other owner than `uid`. */
export function ownedBy(metadata: ObjectMeta, name: string, uid: string): boolean {
  if (metadata.labels?.[CLUSTER_LABEL] !== name) return false;
  const controller = metadata.ownerReferences?.find((reference) => reference.controller === true);
  // An owner of the same name is an earlier life of this resource: taken over, not fought.
  return controller === undefined || controller.uid === uid || controller.name === name;
}
