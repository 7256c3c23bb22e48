import type { KubeObject } from '../kubernetes/index.ts';
import { ownedMetadata, podSelector } from './labels.ts';
import { type ClusterPlan, namesOf } from './names.ts';

/** The identity of the pods; no token of it is mounted, a node never asks the API server. */
export function serviceAccount(cluster: ClusterPlan): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: ownedMetadata(cluster, namesOf(cluster.name).serviceAccount),
    automountServiceAccountToken: false,
  };
}

/** One member at a time may be evicted, so that a drain never takes the quorum. */
export function podDisruptionBudget(cluster: ClusterPlan): KubeObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: ownedMetadata(cluster, namesOf(cluster.name).disruptionBudget),
    spec: { maxUnavailable: 1, selector: { matchLabels: podSelector(cluster.name) } },
  };
}
