/**
 * The Kubernetes objects of one cluster, built from its spec. Pure: the same input gives the same
 * object, byte for byte, whichever operator version, hour or node it is built on.
 */
export {
  AUTHORITY_CERTIFICATE_KEY,
  AUTHORITY_KEY_KEY,
  authoritySecret,
  clusterConfigMap,
  modelConfigMap,
  peerTlsSecret,
} from './configuration.ts';
export {
  CLUSTER_LABEL,
  clusterSelector,
  LEADER_LABEL,
  MANAGED_BY,
  MANAGED_SELECTOR,
  ownedBy,
} from './labels.ts';
export {
  type ClusterPlan,
  groupsOf,
  type MemberGroup,
  memberNames,
  type Names,
  namesOf,
} from './names.ts';
export { parseQuantity, sameQuantity } from './quantity.ts';
export { allServices } from './services.ts';
export { CLUSTER_ID_ANNOTATION, statefulSet } from './stateful-set.ts';
export { podDisruptionBudget, serviceAccount } from './supporting.ts';
