import type { V1PersistentVolumeClaim, V1StatefulSetSpec } from '@kubernetes/client-node';
import type { KubeObject } from '../kubernetes/index.ts';
import { commonLabels, ownedMetadata, podSelector, REGION_LABEL } from './labels.ts';
import { type ClusterPlan, type MemberGroup, namesOf } from './names.ts';
import { DATA_VOLUME, podTemplate } from './pod-template.ts';

/** On each volume claim: the cluster whose log is on it, should the ConfigMap be lost. */
export const CLUSTER_ID_ANNOTATION = 'lithair.dev/cluster-id';

/**
 * The members of one group. `OnDelete`: the order in which members are replaced is a matter of
 * consensus, not of ordinals. `Parallel`: members need each other to become ready.
 */
export function statefulSet(
  cluster: ClusterPlan,
  groups: readonly MemberGroup[],
  group: MemberGroup,
): KubeObject {
  const selector = groupSelector(cluster.name, group);
  const spec: V1StatefulSetSpec = {
    replicas: group.replicas,
    serviceName: namesOf(cluster.name).peersService,
    podManagementPolicy: 'Parallel',
    updateStrategy: { type: 'OnDelete' },
    revisionHistoryLimit: 3,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    selector: { matchLabels: selector },
    template: podTemplate(cluster, groups, { ...commonLabels(cluster.name), ...selector }),
    volumeClaimTemplates: [volumeClaim(cluster)],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: ownedMetadata(cluster, group.statefulSet),
    spec,
  };
}

function groupSelector(name: string, group: MemberGroup): Record<string, string> {
  const selector = podSelector(name);
  return group.region === null ? selector : { ...selector, [REGION_LABEL]: group.region };
}

/** Volumes have no owner: they stay when the StatefulSet or the LithairModel goes. */
function volumeClaim(cluster: ClusterPlan): V1PersistentVolumeClaim {
  const { size, className } = cluster.spec.cluster.storage;
  return {
    metadata: {
      name: DATA_VOLUME,
      labels: commonLabels(cluster.name),
      annotations: { [CLUSTER_ID_ANNOTATION]: cluster.clusterId },
    },
    spec: {
      accessModes: ['ReadWriteOnce'],
      ...(className === undefined ? {} : { storageClassName: className }),
      resources: { requests: { storage: size } },
    },
  };
}
