import { API_PORT } from '@lithair/crds/contract';
import type { KubeObject } from '../kubernetes/index.ts';
import { LEADER_LABEL, ownedMetadata, podSelector, ROLE_LABEL } from './labels.ts';
import { type ClusterPlan, namesOf, PEER_PORT } from './names.ts';

const HTTP_PORT = 80;

/**
 * Services of a cluster: any ready node, the leader, nodes that serve reads, and the peers.
 *
 * @param readers those who serve reads: learners, where there are some, keep them off the voters
 */
export function allServices(
  cluster: ClusterPlan,
  readers: 'all' | 'learners',
): readonly KubeObject[] {
  const names = namesOf(cluster.name);
  const selector = podSelector(cluster.name);
  return [
    apiService(cluster, names.service, selector),
    apiService(cluster, names.leaderService, { ...selector, [LEADER_LABEL]: 'true' }),
    apiService(
      cluster,
      names.readService,
      readers === 'all' ? selector : { ...selector, [ROLE_LABEL]: 'learner' },
    ),
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
  const port = PEER_PORT;
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
