import { API_PORT, PEER_PORT_OFFSET } from '@lithair/crds/contract';
import type { KubeObject } from '../kubernetes/index.ts';
import { LEADER_LABEL, ownedMetadata, podSelector } from './labels.ts';
import { type ClusterPlan, namesOf } from './names.ts';

const HTTP_PORT = 80;

/** Services of a cluster: any ready node, the leader, nodes that serve reads, and the peers. */
export function allServices(cluster: ClusterPlan): readonly KubeObject[] {
  const names = namesOf(cluster.name);
  const selector = podSelector(cluster.name);
  return [
    apiService(cluster, names.service, selector),
    apiService(cluster, names.leaderService, { ...selector, [LEADER_LABEL]: 'true' }),
    apiService(cluster, names.readService, selector),
    peersService(cluster),
  ];
}

function apiService(
  cluster: ClusterPlan,
  name: string,
  selector: Record<string, string>,
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ownedMetadata(cluster, name),
    spec: {
      type: 'ClusterIP',
      selector,
      ports: [{ name: 'http', protocol: 'TCP', port: HTTP_PORT, targetPort: API_PORT }],
    },
  };
}

/** Gives every pod its DNS name, ready or not: members must find each other to become ready. */
function peersService(cluster: ClusterPlan): KubeObject {
  const port = API_PORT + PEER_PORT_OFFSET;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ownedMetadata(cluster, namesOf(cluster.name).peersService),
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: podSelector(cluster.name),
      ports: [{ name: 'peer', protocol: 'TCP', port, targetPort: port }],
    },
  };
}
