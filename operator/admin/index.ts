/** The operator's way to the members: the admin API on the peer port, over mutual TLS. */
export { AdminClient, type ChangeAnswer, type MemberAddress, type ModelAnswer } from './client.ts';
export { type ClusterView, type MemberAnswer, type MemberReport, viewCluster } from './view.ts';
