import type { LithairModelSpec } from '@lithair/crds';

/** What the builders need to know of one cluster. */
export interface ClusterPlan {
  readonly name: string;
  readonly namespace: string;
  /** Of the LithairModel: owner of what is built. */
  readonly uid: string;
  readonly spec: LithairModelSpec;
  /** Container image of the nodes. */
  readonly image: string;
  readonly clusterId: string;
}

/** One StatefulSet: the members of one region, or all of them. */
export interface MemberGroup {
  readonly statefulSet: string;
  readonly region: string | null;
  readonly replicas: number;
}

/** Names of the objects of a cluster. */
export interface Names {
  readonly service: string;
  readonly leaderService: string;
  readonly readService: string;
  readonly peersService: string;
  readonly model: string;
  readonly cluster: string;
  readonly authority: string;
  readonly peerTls: string;
  readonly serviceAccount: string;
  readonly disruptionBudget: string;
}

/** Every name follows from the name of the resource. */
export function namesOf(name: string): Names {
  return {
    service: name,
    leaderService: `${name}-leader`,
    readService: `${name}-read`,
    peersService: `${name}-peers`,
    model: `${name}-model`,
    cluster: `${name}-cluster`,
    authority: `${name}-ca`,
    peerTls: `${name}-peer-tls`,
    serviceAccount: name,
    disruptionBudget: name,
  };
}

/** The StatefulSets of a cluster: `<name>`, or `<name>-<region>` where regions are declared. */
export function groupsOf(name: string, spec: LithairModelSpec): readonly MemberGroup[] {
  const { regions, voters } = spec.cluster;
  if (regions === undefined || regions.length === 0) {
    return [{ statefulSet: name, region: null, replicas: voters ?? 3 }];
  }
  return regions.map((region) => ({
    statefulSet: `${name}-${region.name}`,
    region: region.name,
    replicas: region.nodes,
  }));
}

/** Pod names of all members, in the order of `--initial-cluster`; the first one bootstraps. */
export function memberNames(groups: readonly MemberGroup[]): readonly string[] {
  return groups.flatMap((group) =>
    Array.from({ length: group.replicas }, (_, ordinal) => `${group.statefulSet}-${ordinal}`),
  );
}
