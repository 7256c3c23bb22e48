import { isRecord, type KubeObject } from '../kubernetes/index.ts';
import { type MemberGroup, memberNames } from '../manifests/index.ts';
import type { Action } from './actions.ts';
import type { PodView } from './observed.ts';
import type { Progress } from './situation.ts';

/** What a pass saw and did, as far as others have yet to carry it out. */
export interface Handed {
  /** What this pass applies and deletes. */
  readonly actions: readonly Action[];
  readonly statefulSets: readonly KubeObject[];
  readonly pods: readonly PodView[];
  readonly groups: readonly MemberGroup[];
}

/**
 * What the StatefulSet controller has been asked for and has not taken up yet; null where nothing
 * is. Until then the pods that are there say nothing about the spec: a pass that has just begun a
 * change would find all of them ready, of the template before.
 */
export function settling(handed: Handed): Progress | null {
  const names = [...new Set([...applied(handed), ...unobserved(handed)])];
  if (names.length > 0) {
    return { reason: 'RollingOut', message: `a change of ${names.join(', ')} begins`, away: [] };
  }
  const leaving = surplus(handed);
  if (leaving.length === 0) return null;
  return { reason: 'Scaling', message: `${leaving.join(', ')}: to go`, away: [] };
}

function applied({ actions }: Handed): readonly string[] {
  return actions.flatMap((action) =>
    action.do === 'apply' && action.object.kind === 'StatefulSet'
      ? [action.object.metadata.name]
      : [],
  );
}

function unobserved({ statefulSets }: Handed): readonly string[] {
  return statefulSets
    .filter((set) => {
      const status = isRecord(set['status']) ? set['status'] : {};
      return status['observedGeneration'] !== set.metadata.generation;
    })
    .map(({ metadata }) => metadata.name);
}

/** Pods beyond the members; one that is being deleted may have its machine away for a long time. */
function surplus({ pods, groups }: Handed): readonly string[] {
  const members = new Set(memberNames(groups));
  return pods.filter(({ name, deleting }) => !deleting && !members.has(name)).map(nameOf);
}

function nameOf({ name }: PodView): string {
  return name;
}
