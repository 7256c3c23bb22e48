import type { LithairModelSpec } from '@lithair/crds';
import { isRecord, type KubeObject } from '../kubernetes/index.ts';
import { groupsOf, type MemberGroup, sameQuantity } from '../manifests/index.ts';

/** On the retained ConfigMap: the StatefulSets and sizes that the cluster was built with. */
export const TOPOLOGY_ANNOTATION = 'lithair.dev/topology';

/** The groups of a spec, as the text of the annotation. */
export function topologyOf(name: string, spec: LithairModelSpec): string {
  return JSON.stringify(
    groupsOf(name, spec).map(({ region, replicas }) => [region ?? '', replicas]),
  );
}

/** A spec as far as it can be followed, and what of it cannot. */
export interface SpecInForce {
  readonly spec: LithairModelSpec;
  readonly refused: readonly string[];
}

/**
 * Keeps what cannot change yet once a cluster exists: how many voters, in which regions, on which
 * storage. The rest of the spec is followed, and each refusal is named.
 */
export function heldSpec(
  name: string,
  spec: LithairModelSpec,
  topology: string | null,
  statefulSets: readonly KubeObject[],
): SpecInForce {
  const refused: string[] = [];
  const voters = heldVoters(name, spec, topology, refused);
  const held = heldStorage(voters, statefulSets, refused);
  return { spec: held, refused };
}

function heldVoters(
  name: string,
  spec: LithairModelSpec,
  topology: string | null,
  refused: string[],
): LithairModelSpec {
  if (topology === null || topology === topologyOf(name, spec)) return spec;
  const groups = parseTopology(name, topology);
  if (groups === null) return spec;
  const was = groups.map(describe).join(', ');
  const wants = groupsOf(name, spec).map(describe).join(', ');
  refused.push(
    `spec.cluster: changing voters is not supported yet: the cluster has ${was}, ` +
      `the spec asks for ${wants}`,
  );
  const { voters: _voters, regions: _regions, ...rest } = spec.cluster;
  return { ...spec, cluster: { ...rest, ...clusterPart(groups) } };
}

function describe(group: MemberGroup): string {
  const where = group.region === null ? '' : ` in ${group.region}`;
  return `${group.replicas} voter${group.replicas === 1 ? '' : 's'}${where}`;
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
  const [region, replicas]: unknown[] = entry;
  if (typeof region !== 'string' || typeof replicas !== 'number') throw new TypeError('no group');
  const statefulSet = region === '' ? name : `${name}-${region}`;
  return { statefulSet, region: region === '' ? null : region, replicas };
}

type Voters = 1 | 3 | 5 | 7;

function isVoters(count: number): count is Voters {
  return count === 1 || count === 3 || count === 5 || count === 7;
}

function clusterPart(
  groups: readonly MemberGroup[],
): Pick<LithairModelSpec['cluster'], 'voters' | 'regions'> {
  const first = groups[0];
  if (first !== undefined && first.region === null && isVoters(first.replicas)) {
    return { voters: first.replicas };
  }
  const regions = groups.flatMap(({ region, replicas }) =>
    region !== null && isVoters(replicas)
      ? [{ name: region, role: 'Voter' as const, nodes: replicas }]
      : [],
  );
  return { regions };
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
