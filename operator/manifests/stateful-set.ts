import type { V1PersistentVolumeClaim, V1StatefulSetSpec } from '@kubernetes/client-node';
import type { KubeObject, ObjectMeta } from '../kubernetes/index.ts';
import {
  commonLabels,
  ownedMetadata,
  podSelector,
  REGION_LABEL,
  ROLE_LABEL,
  SET_LABEL,
} from './labels.ts';
import { type ClusterPlan, type MemberGroup, namesOf } from './names.ts';
import { DATA_VOLUME, podTemplate } from './pod-template.ts';

/** On each volume claim: the cluster whose log is on it, should the ConfigMap be lost. */
export const CLUSTER_ID_ANNOTATION = 'lithair.dev/cluster-id';
/** On a volume claim: the id of the member on it, which is removed for good or about to be. */
export const REMOVED_MEMBER_ANNOTATION = 'lithair.dev/removed-member';

/**
 * The members of one group. `OnDelete`: the order in which members are replaced is a matter of
 * consensus, not of ordinals. `Parallel`: members need each other to become ready.
 */
export function statefulSet(cluster: ClusterPlan, group: MemberGroup): KubeObject {
  const selector = { ...podSelector(cluster.name), [SET_LABEL]: group.statefulSet };
  const labels = { ...commonLabels(cluster.name), ...selector, ...groupLabels(group) };
  const spec: V1StatefulSetSpec = {
    replicas: group.replicas,
    serviceName: namesOf(cluster.name).peersService,
    podManagementPolicy: 'Parallel',
    updateStrategy: { type: 'OnDelete' },
    revisionHistoryLimit: 3,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    selector: { matchLabels: selector },
    template: podTemplate(cluster, group, labels),
    volumeClaimTemplates: [volumeClaim(cluster)],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: withLabels(ownedMetadata(cluster, group.statefulSet), groupLabels(group)),
    spec,
  };
}

function groupLabels({ region, role }: MemberGroup): Record<string, string> {
  return { [ROLE_LABEL]: role, ...(region === null ? {} : { [REGION_LABEL]: region }) };
}

function withLabels(metadata: ObjectMeta, labels: Record<string, string>): ObjectMeta {
  return { ...metadata, labels: { ...metadata.labels, ...labels } };
}

/** Name of the volume claim of a member. */
export function volumeClaimName(member: string): string {
  return `${DATA_VOLUME}-${member}`;
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
