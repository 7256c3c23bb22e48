import type { AdminClient, ClusterView, MemberAddress, MemberReport } from '../admin/index.ts';
import type { KubeObject, KubernetesApi, ObjectKey } from '../kubernetes/index.ts';
import { clusterSelector, REMOVED_MEMBER_ANNOTATION } from '../manifests/index.ts';
import type { MemberFact, PodView, VolumeFact } from '../plan/index.ts';

/** A new disk says so within moments; one that says it for so long is not about to be taken in. */
const EMPTY_AFTER_MS = 10_000;
const MOST_REPLACED = 1_000;

/** The way to a cluster: who asks, and whom. */
export interface ClusterAccess {
  readonly admin: AdminClient;
  readonly member: MemberAddress;
}

interface Memory {
  /** Since when the pod of each member, by its id, has said that its disk is empty. */
  readonly emptySinceMs: Map<number, number>;
  /** Whether volumes may have to be looked at. */
  volumesDue: boolean;
}

/** What has to be remembered between two passes of one operator; losing it costs time, nothing else. */
export class MembershipMemory {
  readonly #clusters = new Map<ObjectKey, Memory>();
  readonly #replaced = new Set<string>();

  /**
   * Members of the table whose pods have said for a while that their disk is empty. A pod that was
   * just taken in says so for a moment, too: the time counts for one member id, not for a name.
   */
  emptyDisks(
    key: ObjectKey,
    reports: readonly MemberReport[],
    members: readonly MemberFact[],
    nowMs: number,
  ): readonly string[] {
    const { emptySinceMs } = this.#of(key);
    const saying = reports.filter(({ answer }) => answer.kind === 'waiting');
    const empty = members.filter(({ name }) => saying.some((report) => report.name === name));
    const ids = new Set(empty.map(({ id }) => id));
    for (const id of emptySinceMs.keys()) if (!ids.has(id)) emptySinceMs.delete(id);
    const lost = empty.filter(({ id }) => {
      const sinceMs = emptySinceMs.get(id) ?? nowMs;
      emptySinceMs.set(id, sinceMs);
      return nowMs - sinceMs >= EMPTY_AFTER_MS;
    });
    return lost.map(({ name }) => name);
  }

  /** Whether to list volumes in this pass: while members change, and once after it. */
  wantsVolumes(key: ObjectKey, isChanging: boolean): boolean {
    const memory = this.#of(key);
    const wants = memory.volumesDue || isChanging;
    memory.volumesDue = isChanging;
    return wants;
  }

  /** A pod that was deleted is on its way out, even where the cache does not say so yet. */
  replaced(uid: string): void {
    if (this.#replaced.size >= MOST_REPLACED) this.#replaced.clear();
    this.#replaced.add(uid);
  }

  withReplaced(pods: readonly PodView[]): readonly PodView[] {
    return pods.map((pod) => (this.#replaced.has(pod.uid) ? { ...pod, deleting: true } : pod));
  }

  forget(key: ObjectKey): void {
    this.#clusters.delete(key);
  }

  #of(key: ObjectKey): Memory {
    const known = this.#clusters.get(key);
    if (known !== undefined) return known;
    const memory = { emptySinceMs: new Map<number, number>(), volumesDue: true };
    this.#clusters.set(key, memory);
    return memory;
  }
}

/** The volume claims of a cluster. @throws KubernetesError */
export async function listVolumes(
  api: KubernetesApi,
  place: { readonly name: string; readonly namespace: string },
): Promise<readonly VolumeFact[]> {
  const selector = clusterSelector(place.name);
  const { items } = await api.list('PersistentVolumeClaim', place.namespace, selector);
  return items.map(volumeFact);
}

function volumeFact({ metadata }: KubeObject): VolumeFact {
  const { name, uid, deletionTimestamp, annotations } = metadata;
  const id = Number(annotations?.[REMOVED_MEMBER_ANNOTATION] ?? Number.NaN);
  const removedMember = Number.isSafeInteger(id) ? id : null;
  return { name, uid: uid ?? '', deleting: deletionTimestamp !== undefined, removedMember };
}

/**
 * The member table as the leader itself has it: what a follower says may be old, and would let
 * somebody be taken for removed who was just taken in. Null where the leader was not asked.
 */
export function tableOf(
  view: ClusterView,
): { readonly leader: string; readonly members: readonly MemberFact[] } | null {
  const { best, leader, quorum } = view;
  if (quorum !== true || leader === null || best?.role !== 'leader') return null;
  const members = best.members.map(({ id, name, role, lag, heldBack }) => ({
    id,
    name,
    role,
    lag,
    ...(heldBack !== undefined && { heldBack }),
  }));
  return { leader, members };
}
