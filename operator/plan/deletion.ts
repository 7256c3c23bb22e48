import type { Kind, KubeObject } from '../kubernetes/index.ts';
import type { Action } from './actions.ts';
import { FINALIZER } from './plan.ts';

/** What is left of a cluster whose LithairModel is being deleted. */
export interface DeletionState {
  readonly finalizers: readonly string[];
  /** `spec.cluster.storage.retain`, taken as true unless it says false. */
  readonly retain: boolean;
  readonly statefulSets: readonly KubeObject[];
  readonly pods: readonly KubeObject[];
  readonly volumes: readonly KubeObject[];
  /** CA and peer Secrets and the ConfigMap with the cluster id. */
  readonly identities: readonly KubeObject[];
}

/**
 * Deletes the pods, then the volumes, then the identities, and lets the resource go last. With
 * `retain` it deletes nothing: owned objects are the garbage collector's, the others stay.
 */
export function planDeletion(state: DeletionState): readonly Action[] {
  if (!state.finalizers.includes(FINALIZER)) return [];
  const letGo: Action = {
    do: 'setFinalizers',
    finalizers: state.finalizers.filter((finalizer) => finalizer !== FINALIZER),
  };
  if (state.retain) return [letGo];
  const running = [...state.statefulSets, ...state.pods];
  if (running.length > 0) return deletions('StatefulSet', state.statefulSets);
  if (state.volumes.length > 0) return deletions('PersistentVolumeClaim', state.volumes);
  const identities = [
    ...deletions('Secret', state.identities),
    ...deletions('ConfigMap', state.identities),
  ];
  return [...identities, letGo];
}

function deletions(kind: Kind, objects: readonly KubeObject[]): Action[] {
  return objects
    .filter((object) => object.kind === kind && object.metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => ({
      do: 'delete',
      kind,
      name: metadata.name,
      uid: metadata.uid ?? '',
    }));
}
