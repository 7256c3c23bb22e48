import type { LithairModelSpec } from '@lithair/crds';
import { API_PORT, PEER_PORT_OFFSET } from '@lithair/crds/contract';

export const PEER_PORT = API_PORT + PEER_PORT_OFFSET;

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
  /** Whether there is a Secret with master keys. */
  readonly hasKeys: boolean;
}

/** One StatefulSet: the members of one region, those without one, or the read replicas. */
export interface MemberGroup {
  readonly statefulSet: string;
  readonly region: string | null;
  readonly role: 'voter' | 'learner';
  readonly replicas: number;
  /** Labels that a machine must have; empty for any. */
  readonly nodeSelector: Readonly<Record<string, string>>;
}

/** What the StatefulSet of the read replicas is called behind the name of the cluster. */
const READ_REPLICAS = 'read';

/** Names of the objects of a cluster. */
export interface Names {
  readonly service: string;
  readonly leaderService: string;
  readonly readService: string;
  readonly peersService: string;
  readonly model: string;
  readonly cluster: string;
  readonly authority: string;
  /** Master keys of models that are encrypted at rest. */
  readonly keys: string;
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
    keys: `${name}-keys`,
    peerTls: `${name}-peer-tls`,
    serviceAccount: name,
    disruptionBudget: name,
  };
}

/**
 * The StatefulSets of a cluster, those that vote first: `<name>`, or `<name>-<region>` where regions
 * are declared, and `<name>-read` with the read replicas.
 */
export function groupsOf(name: string, spec: LithairModelSpec): readonly MemberGroup[] {
  const { regions = [], voters, readReplicas } = spec.cluster;
  const declared = regions.map((region) =>
    groupOf(
      name,
      region.name,
      region.role === 'Voter' ? 'voter' : 'learner',
      region.nodes,
      region.nodeSelector,
    ),
  );
  const voting =
    declared.length === 0
      ? [groupOf(name, null, 'voter', voters ?? 3)]
      : declared.filter(({ role }) => role === 'voter');
  const learning = declared.filter(({ role }) => role === 'learner');
  const reading = readReplicas === 0 ? [] : [groupOf(name, null, 'learner', readReplicas)];
  return [...voting, ...learning, ...reading];
}

/** A group of members; a learner without a region is a read replica. */
export function groupOf(
  name: string,
  region: string | null,
  role: MemberGroup['role'],
  replicas: number,
  nodeSelector: Readonly<Record<string, string>> = {},
): MemberGroup {
  const suffix = region ?? (role === 'learner' ? READ_REPLICAS : null);
  const statefulSet = suffix === null ? name : `${name}-${suffix}`;
  return { statefulSet, region, role, replicas, nodeSelector };
}

/** Pod names of the members of these groups, in their order. */
export function memberNames(groups: readonly MemberGroup[]): readonly string[] {
  return groups.flatMap((group) =>
    Array.from({ length: group.replicas }, (_, ordinal) => `${group.statefulSet}-${ordinal}`),
  );
}

/** `host:port` at which the peers of a member reach it, whatever its address is. */
export function peerAddress(
  place: Pick<ClusterPlan, 'name' | 'namespace'>,
  member: string,
): string {
  const domain = `${namesOf(place.name).peersService}.${place.namespace}.svc`;
  return `${member}.${domain}:${PEER_PORT}`;
}

/** Whether the members of a cluster need keys. */
export function asksForEncryption({ models }: Pick<LithairModelSpec, 'models'>): boolean {
  return models.some(
    ({ security, fields }) =>
      security?.encryptionAtRest === true || fields.some(({ encrypted }) => encrypted === true),
  );
}
