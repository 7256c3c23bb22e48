/**
 * Who belongs to the cluster: the admin API, changes of the membership, and how a node with an
 * empty disk founds a cluster or finds its place in one.
 */
export {
  AdminApi,
  type AdminHandler,
  type AdminRequest,
  type AdminResponse,
  type BackUp,
  type ChangeModel,
  type Compacted,
  type Compaction,
  startingHandler,
  waitingHandler,
} from './admin-api.ts';
export {
  type AdminAnswer,
  AdminClient,
  type AdminExchange,
  AdminRefusedError,
  AdminUnreachableError,
} from './admin-client.ts';
export { serveAdmin } from './admin-server.ts';
export { announceAddress, keepAnnouncing } from './announce.ts';
export {
  AdminError,
  type AdminProblemDetail,
  CLUSTER_ID_MISMATCH,
  ForeignClusterError,
} from './errors.ts';
export { LagHistory } from './lag.ts';
export { MemberChanges } from './member-changes.ts';
export { memberEntries } from './member-entries.ts';
export {
  findPlace,
  type InitialPeer,
  type Placement,
  type PlacementDependencies,
} from './placement.ts';
export { type NextEpoch, RegionPromotion } from './region-promotion.ts';
export { clusterStatus, memberStatuses, type NodeInfo } from './status.ts';
