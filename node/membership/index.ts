/**
 * Who belongs to the cluster: the admin API, changes of the membership, and how a node with an
 * empty disk founds a cluster or finds its place in one.
 */
export {
  AdminApi,
  type AdminApiDependencies,
  type AdminHandler,
  type AdminRequest,
  type AdminResponse,
  type ChangeModel,
  waitingHandler,
} from './admin-api.ts';
export {
  AdminClient,
  type AdminClientOptions,
  AdminRefusedError,
  AdminUnreachableError,
} from './admin-client.ts';
export { AdminServer } from './admin-server.ts';
export {
  AdminError,
  type AdminErrorCode,
  type AdminProblemDetail,
  ForeignClusterError,
} from './errors.ts';
export { MemberChanges, type MemberChangesDependencies } from './member-changes.ts';
export { type MemberEntries, memberEntries } from './member-entries.ts';
export {
  FIRST_MEMBER_ID,
  findPlace,
  type InitialAddress,
  type InitialPeer,
  type Placement,
  type PlacementDependencies,
} from './placement.ts';
export { clusterStatus, type NodeInfo } from './status.ts';
export type { MemberView } from './view.ts';
