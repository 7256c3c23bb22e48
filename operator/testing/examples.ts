import { type LithairModelSpec, validateSpec } from '@lithair/crds';
import type { ClusterStatus, MemberStatus } from '@lithair/crds/contract';
import type { MemberReport } from '../admin/index.ts';
import type { PodView } from '../plan/index.ts';

/** A validated spec; `cluster` is what the example is about. */
export function exampleSpec(cluster: Record<string, unknown> = {}): LithairModelSpec {
  const result = validateSpec({
    auth: { mode: 'open' },
    models: [{ name: 'Product', fields: [{ name: 'id', type: 'uuid', primaryKey: true }] }],
    cluster: { storage: { size: '1Gi' }, ...cluster },
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

/** A pod that is ready and has nothing to complain about. */
export function examplePod(name: string, changes: Partial<PodView> = {}): PodView {
  return {
    name,
    uid: `uid-${name}`,
    ip: '10.0.0.1',
    ready: true,
    deleting: false,
    leaderLabel: false,
    revision: 'r1',
    image: 'lithair/node:dev',
    trouble: null,
    foreignCluster: null,
    createdAtMs: 0,
    learner: false,
    ...changes,
  };
}

/** Reports of `count` members `shop-0`, … of which the one at `leader` leads. */
export function exampleReports(count: number, leader: number | null, term = 2): MemberReport[] {
  const members: MemberStatus[] = Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    name: `shop-${i}`,
    role: 'voter',
    address: `shop-${i}:10080`,
    match: null,
    lag: leader === null ? null : i,
  }));
  return members.map(({ id, name }, i) => ({
    name,
    answer: {
      kind: 'serving',
      status: exampleStatus({
        name,
        memberId: id,
        members,
        term,
        role: i === leader ? 'leader' : 'follower',
        leader: leader === null ? 0 : leader + 1,
      }),
    },
  }));
}

export function exampleStatus(changes: Partial<ClusterStatus> = {}): ClusterStatus {
  return {
    clusterId: 'cluster-1',
    epoch: 1,
    memberId: 1,
    name: 'shop-0',
    role: 'follower',
    leader: 0,
    term: 2,
    commit: 10,
    applied: 10,
    applyVersion: 1,
    schemaVersion: 1,
    schemaFingerprint: 'f1',
    ready: true,
    version: '0.1.0',
    members: [],
    ...changes,
  };
}
