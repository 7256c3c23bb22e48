export { Cluster } from './cluster.ts';
export type { Member } from './member.ts';
export { statusOf } from './status.ts';
