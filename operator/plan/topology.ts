import type { LithairModelSpec } from '@lithair/crds';
import { isRecord, type KubeObject } from '../kubernetes/index.ts';
import {
  groupOf,
  groupsOf,
  type MemberGroup,
  REGION_LABEL,
  ROLE_LABEL,
  sameQuantity,
} from '../manifests/index.ts';

/**
 * On the retained ConfigMap: the StatefulSets that there are to be now, with their sizes. Where the
 * spec wants others, this is brought there one member at a time; where a StatefulSet is lost or
 * changed by hand, it says what it was.
 */
export const TOPOLOGY_ANNOTATION = 'lithair.dev/topology';

/** The text of the annotation. */
export function writeTopology(groups: readonly MemberGroup[]): string {
  return JSON.stringify(groups.map(({ region, replicas, role }) => [region ?? '', replicas, role]));
}

/**
 * The groups that there are to be now: from the annotation, or, where that is lost, from the
 * StatefulSets; null where nothing was built yet.
 */
export function groupsInForce(
  name: string,
  annotation: string | null,
  statefulSets: readonly KubeObject[],
): readonly MemberGroup[] | null {
  const recorded = annotation === null ? null : parseTopology(name, annotation);
  if (recorded !== null) return recorded;
  const built = statefulSets.map((set) => groupOfSet(name, set));
  return built.length === 0 ? null : votersFirst(built);
}

function parseTopology(name: string, text: string): MemberGroup[] | null {
  try {
    const parsed: unknown = JSON.parse(text);
    if (!Array.isArray(parsed) || parsed.length === 0) return null;
    return parsed.map((entry: unknown) => parseGroup(name, entry));
  } catch {
    return null;
  }
}

function parseGroup(name: string, entry: unknown): MemberGroup {
  if (!Array.isArray(entry)) throw new TypeError('not a group');
  const [region, replicas, role = 'voter']: unknown[] = entry;
  if (typeof region !== 'string' || typeof replicas !== 'number') throw new TypeError('no group');
  if (role !== 'voter' && role !== 'learner') throw new TypeError('no role');
  return groupOf(name, region === '' ? null : region, role, replicas);
}

function groupOfSet(name: string, set: KubeObject): MemberGroup {
  const spec = isRecord(set['spec']) ? set['spec'] : {};
  const replicas = typeof spec['replicas'] === 'number' ? spec['replicas'] : 1;
  const region = set.metadata.labels?.[REGION_LABEL] ?? null;
  const role = set.metadata.labels?.[ROLE_LABEL] === 'learner' ? 'learner' : 'voter';
  return groupOf(name, region, role, replicas);
}

function votersFirst(groups: readonly MemberGroup[]): MemberGroup[] {
  return groups.toSorted((a, b) => Number(a.role === 'learner') - Number(b.role === 'learner'));
}

/** The groups in force with what the spec says about machines, which needs no change of members. */
export function withSelectors(
  inForce: readonly MemberGroup[],
  wanted: readonly MemberGroup[],
): readonly MemberGroup[] {
  return inForce.map((group) => {
    const match = wanted.find(({ statefulSet }) => statefulSet === group.statefulSet);
    return match === undefined ? group : { ...group, nodeSelector: match.nodeSelector };
  });
}

/** Whether two lists of groups have the same members; a group of none has none. */
export function sameGroups(a: readonly MemberGroup[], b: readonly MemberGroup[]): boolean {
  return textOf(a) === textOf(b);
}

function textOf(groups: readonly MemberGroup[]): string {
  return groups
    .filter(({ replicas }) => replicas > 0)
    .map(({ statefulSet, replicas, role }) => `${statefulSet} ${replicas} ${role}`)
    .toSorted()
    .join();
}

/** `3 voters, 2 learners in us-east`, for people. */
export function describeGroups(groups: readonly MemberGroup[]): string {
  return groups
    .map(({ role, replicas, region }) => {
      const what = region === null && role === 'learner' ? 'read replica' : role;
      return `${replicas} ${what}${replicas === 1 ? '' : 's'}${region === null ? '' : ` in ${region}`}`;
    })
    .join(', ');
}

/** What is wanted of a spec as far as it can be followed, and what of it cannot. */
export interface SpecInForce {
  readonly spec: LithairModelSpec;
  /** The groups that the members are brought to. */
  readonly wanted: readonly MemberGroup[];
  readonly refused: readonly string[];
}

/**
 * Keeps what cannot change once a cluster exists: its storage, and voters that are to become
 * learners. While a cluster is being founded its members stay as they are, too: two first members
 * could found two clusters. The rest of the spec is followed, and each refusal is named.
 */
export function heldSpec(
  name: string,
  spec: LithairModelSpec,
  inForce: readonly MemberGroup[] | null,
  bootstrapped: boolean,
  statefulSets: readonly KubeObject[],
): SpecInForce {
  const refused: string[] = [];
  const wanted = heldGroups(groupsOf(name, spec), inForce, bootstrapped, refused);
  const held = heldStorage(spec, statefulSets, refused);
  return { spec: held, wanted, refused };
}

function heldGroups(
  wanted: readonly MemberGroup[],
  inForce: readonly MemberGroup[] | null,
  bootstrapped: boolean,
  refused: string[],
): readonly MemberGroup[] {
  if (inForce === null || sameGroups(inForce, wanted)) return wanted;
  if (!bootstrapped) {
    refused.push(
      `spec.cluster: the members cannot change before the cluster is founded, with ` +
        `${describeGroups(inForce)}; the change to ${describeGroups(wanted)} follows then`,
    );
    return inForce;
  }
  const demoted = wanted.filter(
    ({ statefulSet, role }) =>
      role === 'learner' &&
      inForce.some((was) => was.statefulSet === statefulSet && was.role === 'voter'),
  );
  if (demoted.length === 0) return wanted;
  const regions = demoted.map(({ region }) => region).join(', ');
  refused.push(
    `spec.cluster.regions: voters cannot become learners (${regions}): add a Learner region of ` +
      'another name and take this one out; no member is changed until then',
  );
  return inForce;
}
function heldStorage(
  spec: LithairModelSpec,
  statefulSets: readonly KubeObject[],
  refused: string[],
): LithairModelSpec {
  const claim = statefulSets.map(claimOf).find((found) => found !== null);
  if (claim === undefined || claim === null) return spec;
  const { size, className } = spec.cluster.storage;
  const sameSize = sameQuantity(size, claim.size);
  if (sameSize && className === claim.className) return spec;
  if (!sameSize) {
    refused.push(
      `spec.cluster.storage.size: resizing volumes is not supported yet: they were claimed with ${claim.size}`,
    );
  }
  if (className !== claim.className) {
    refused.push(
      'spec.cluster.storage.className: moving volumes to another storage class is not supported yet',
    );
  }
  const { className: _className, ...storage } = spec.cluster.storage;
  const kept = claim.className === undefined ? {} : { className: claim.className };
  return {
    ...spec,
    cluster: { ...spec.cluster, storage: { ...storage, ...kept, size: claim.size } },
  };
}

function claimOf(set: KubeObject): { size: string; className: string | undefined } | null {
  const spec = isRecord(set['spec']) ? set['spec'] : {};
  const templates: unknown[] = Array.isArray(spec['volumeClaimTemplates'])
    ? spec['volumeClaimTemplates']
    : [];
  const claim =
    isRecord(templates[0]) && isRecord(templates[0]['spec']) ? templates[0]['spec'] : {};
  const resources = isRecord(claim['resources']) ? claim['resources'] : {};
  const requests = isRecord(resources['requests']) ? resources['requests'] : {};
  const size = requests['storage'];
  if (typeof size !== 'string') return null;
  const className = claim['storageClassName'];
  return { size, className: typeof className === 'string' ? className : undefined };
}
