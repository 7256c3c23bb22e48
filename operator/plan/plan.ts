import { isRecord } from '../kubernetes/index.ts';
import { CLUSTER_FILES, namesOf } from '../manifests/index.ts';
import type { Action } from './actions.ts';
import type { Desired } from './desire.ts';
import { drifted } from './drift.ts';
import { type Observed, objectKey } from './observed.ts';
import { TOPOLOGY_ANNOTATION } from './topology.ts';

/** Keeps a LithairModel with `storage.retain: false` until its volumes are deleted. */
export const FINALIZER = 'lithair.dev/volumes';

/**
 * What to do, in order, so that the objects that are there become those that are wanted. Nothing
 * where it is so already. Of what is there it deletes StatefulSets that are no longer wanted and
 * have no pod left; members and pods are a matter of `planChange`, volumes of that and of
 * `planDeletion`.
 */
export function plan(observed: Observed, desired: Desired): readonly Action[] {
  return [
    ...planFinalizers(observed, desired),
    ...planIdentity(observed, desired),
    ...planCertificates(observed, desired),
    ...planObjects(observed, desired),
    ...planEmptySets(observed, desired),
    ...planLeaderLabel(observed, desired),
  ];
}

function planFinalizers(observed: Observed, desired: Desired): Action[] {
  const has = observed.finalizers.includes(FINALIZER);
  if (has === desired.finalizer) return [];
  const others = observed.finalizers.filter((finalizer) => finalizer !== FINALIZER);
  const finalizers = desired.finalizer ? [...others, FINALIZER] : others;
  return [{ do: 'setFinalizers', finalizers }];
}

function planIdentity(observed: Observed, desired: Desired): Action[] {
  const { cluster } = namesOf(desired.name);
  const seen = observed.objects.get(objectKey('ConfigMap', cluster));
  if (seen === undefined) return [{ do: 'createClusterId', object: desired.identityObject }];
  const { bootstrapped } = desired.identity;
  const topology = seen.metadata.annotations?.[TOPOLOGY_ANNOTATION];
  const data = isRecord(seen['data']) ? seen['data'] : {};
  const same =
    data[CLUSTER_FILES.bootstrapped] === String(bootstrapped) &&
    topology === desired.topology &&
    data[CLUSTER_FILES.members] === desired.memberList;
  if (same) return [];
  const { topology: next, memberList: members } = desired;
  const patch = { uid: seen.metadata.uid ?? '', bootstrapped, topology: next, members };
  return [{ do: 'patchClusterId', name: cluster, patch }];
}

function planCertificates(observed: Observed, desired: Desired): Action[] {
  const { members } = desired;
  // Without its authority nothing that was issued before can be trusted to match.
  if (observed.authority === 'missing') {
    return [{ do: 'createAuthority' }, { do: 'issueCertificates', members, due: members }];
  }
  const due = members.filter((member) => observed.certificatesDue.includes(member));
  return due.length === 0 ? [] : [{ do: 'issueCertificates', members, due }];
}

function planObjects(observed: Observed, desired: Desired): Action[] {
  return desired.objects.flatMap((wanted): Action[] => {
    const seen = observed.objects.get(objectKey(wanted.kind, wanted.metadata.name));
    // What is being deleted is written again when it is gone.
    if (seen?.metadata.deletionTimestamp !== undefined) return [];
    const object = drifted(wanted, seen);
    return object === null ? [] : [{ do: 'apply', object, seen: seen !== undefined }];
  });
}

/** A StatefulSet that was scaled to nothing, and of which no pod is left. */
function planEmptySets(observed: Observed, desired: Desired): Action[] {
  const wanted = desired.objects.filter(({ kind }) => kind === 'StatefulSet');
  if (wanted.length === 0) return [];
  return [...observed.objects.values()].flatMap((object): Action[] => {
    const { name, uid, deletionTimestamp } = object.metadata;
    if (object.kind !== 'StatefulSet' || uid === undefined) return [];
    if (deletionTimestamp !== undefined || wanted.some(({ metadata }) => metadata.name === name)) {
      return [];
    }
    const isEmpty = isRecord(object['spec']) && object['spec']['replicas'] === 0;
    const hasPods = observed.pods.some((pod) => pod.name.replace(/-\d+$/, '') === name);
    return isEmpty && !hasPods ? [{ do: 'delete', kind: 'StatefulSet', name, uid }] : [];
  });
}

/** Takes the label from the old leader before it gives it to the new one. */
function planLeaderLabel(observed: Observed, desired: Desired): Action[] {
  if (desired.leader === null) return [];
  const wrong = observed.pods.filter((pod) => pod.leaderLabel && pod.name !== desired.leader);
  const right = observed.pods.filter(
    (pod) => !pod.leaderLabel && pod.name === desired.leader && !pod.deleting,
  );
  return [...wrong, ...right].map(({ name, uid }) => ({
    do: 'labelLeader',
    pod: name,
    uid,
    leader: name === desired.leader,
  }));
}
