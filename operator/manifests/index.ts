/**
 * The Kubernetes objects of one cluster, built from its spec. Pure: the same input gives the same
 * object, byte for byte, whichever operator version, hour or node it is built on.
 */
export {
  AUTHORITY_CERTIFICATE_KEY,
  AUTHORITY_KEY_KEY,
  authoritySecret,
  CLUSTER_FILES,
  clusterConfigMap,
  encryptionSecret,
  KEYS_FILE,
  memberList,
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
  REGION_LABEL,
  ROLE_LABEL,
  SET_LABEL,
} from './labels.ts';
export {
  asksForEncryption,
  type ClusterPlan,
  groupOf,
  groupsOf,
  type MemberGroup,
  memberNames,
  type Names,
  namesOf,
} from './names.ts';
export { parseQuantity, sameQuantity } from './quantity.ts';
export { allServices } from './services.ts';
export {
  CLUSTER_ID_ANNOTATION,
  REMOVED_MEMBER_ANNOTATION,
  statefulSet,
  volumeClaimName,
} from './stateful-set.ts';
export { podDisruptionBudget, serviceAccount } from './supporting.ts';
