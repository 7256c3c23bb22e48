import type { LithairModelSpec } from '@lithair/crds';
import type { IssuedCertificate } from '@lithair/crds/certificates';
import type { KubeObject } from '../kubernetes/index.ts';
import { ownedMetadata, retainedMetadata } from './labels.ts';
import { type ClusterPlan, type MemberGroup, memberNames, namesOf, peerAddress } from './names.ts';

export const AUTHORITY_CERTIFICATE_KEY = 'ca.crt';
export const AUTHORITY_KEY_KEY = 'ca.key';
/** Entry of the Secret with the master keys; the name of the file that members read. */
export const KEYS_FILE = 'keys.json';

interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

/** The spec in force, as `model.json`; read by a node only when the cluster is bootstrapped. */
export function modelConfigMap(cluster: ClusterPlan, inForce: LithairModelSpec): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMetadata(cluster, namesOf(cluster.name).model),
    data: { 'model.json': `${JSON.stringify(inForce, null, 1)}\n` },
  };
}

/** Keys of the ConfigMap of an identity: files of `--cluster`, and `--initial-cluster @members`. */
export const CLUSTER_FILES = {
  id: 'id',
  bootstrapped: 'bootstrapped',
  members: 'members',
} as const;

/**
 * Identity of the cluster: outlives the resource, because the volumes do. With it the members that
 * vote, for whoever starts and asks for its place; the first one founds the cluster.
 */
export function clusterConfigMap(
  place: Place,
  clusterId: string,
  bootstrapped: boolean,
  groups: readonly MemberGroup[],
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: retainedMetadata(place, namesOf(place.name).cluster),
    data: {
      [CLUSTER_FILES.id]: clusterId,
      [CLUSTER_FILES.bootstrapped]: String(bootstrapped),
      [CLUSTER_FILES.members]: memberList(place, groups),
    },
  };
}

/** `NAME=HOST:PORT` of every member that votes, one a line. */
export function memberList(
  place: Pick<Place, 'name' | 'namespace'>,
  groups: readonly MemberGroup[],
): string {
  const voting = groups.filter(({ role }) => role === 'voter');
  return memberNames(voting)
    .map((member) => `${member}=${peerAddress(place, member)}\n`)
    .join('');
}

/** The certificate authority; whoever reads it can become any member. */
export function authoritySecret(
  place: Place,
  certificatePem: string,
  privateKeyPem: string,
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: retainedMetadata(place, namesOf(place.name).authority),
    data: {
      [AUTHORITY_CERTIFICATE_KEY]: base64(certificatePem),
      [AUTHORITY_KEY_KEY]: base64(privateKeyPem),
    },
  };
}

/** Master keys of models that are encrypted at rest; without them the volumes cannot be read. */
export function encryptionSecret(place: Place, keyring: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: retainedMetadata(place, namesOf(place.name).keys),
    data: { [KEYS_FILE]: base64(keyring) },
  };
}

/** Certificate and key of every member, as `<pod>.crt` and `<pod>.key`, with the authority's. */
export function peerTlsSecret(
  place: Place,
  authorityPem: string,
  members: ReadonlyMap<string, IssuedCertificate>,
): KubeObject {
  const data: Record<string, string> = { [AUTHORITY_CERTIFICATE_KEY]: base64(authorityPem) };
  for (const [name, issued] of members) {
    data[`${name}.crt`] = base64(issued.certificatePem);
    data[`${name}.key`] = base64(issued.privateKeyPem);
  }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: retainedMetadata(place, namesOf(place.name).peerTls),
    data,
  };
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
