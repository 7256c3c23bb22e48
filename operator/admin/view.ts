import type { ClusterStatus, MemberStatus } from '@lithair/crds/contract';

/** What asking one member gave. */
export type MemberAnswer =
  | { readonly kind: 'serving'; readonly status: ClusterStatus }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** An answer with the name of the pod that was asked. */
export interface MemberReport {
  readonly name: string;
  readonly answer: MemberAnswer;
}

/** What the answers of all members say together. */
export interface ClusterView {
  /** Whether a leader can commit, as far as the answers show; null where nobody answered. */
  readonly quorum: boolean | null;
  /** Name of the leader, and 0 or its term. */
  readonly leader: string | null;
  readonly term: number;
  /** Of the answer that knows most: the leader's, otherwise the one with the highest term. */
  readonly best: ClusterStatus | null;
  readonly members: ReadonlyMap<string, MemberStatus>;
  readonly clusterIds: readonly string[];
}

/**
 * Puts the answers together. A leader of the highest term counts as having a quorum: it steps down
 * by itself within an election timeout where it has none. Without its own answer, a majority of
 * voters has to name the same one.
 */
export function viewCluster(reports: readonly MemberReport[]): ClusterView {
  const serving = reports.flatMap(({ answer }) =>
    answer.kind === 'serving' ? [answer.status] : [],
  );
  const clusterIds = [...new Set(serving.map((status) => status.clusterId))].sort();
  const term = Math.max(0, ...serving.map((status) => status.term));
  const current = serving.filter((status) => status.term === term);
  const own = current.find((status) => status.role === 'leader');
  const best = own ?? current[0] ?? null;
  const members = new Map((best?.members ?? []).map((member) => [member.name, member]));
  if (own !== undefined) {
    return { quorum: own.ready, leader: own.name, term, best, members, clusterIds };
  }
  const leader = leaderByMajority(current, [...members.values()]);
  const quorum = reports.some(({ answer }) => answer.kind !== 'unreachable')
    ? leader !== null
    : null;
  return { quorum, leader, term, best, members, clusterIds };
}

/** Learners do not count: one that hears nothing goes on naming the leader that it had. */
function leaderByMajority(
  current: readonly ClusterStatus[],
  members: readonly MemberStatus[],
): string | null {
  const voters = new Set(members.filter(({ role }) => role === 'voter').map(({ id }) => id));
  const votes = current.filter(({ memberId }) => voters.has(memberId));
  const leader = members.find(
    ({ id }) => votes.filter((status) => status.leader === id).length > voters.size / 2,
  );
  return leader?.name ?? null;
}
