import type { Cluster, Member } from '../cluster/index.ts';
import type { SeededRandom } from '../random.ts';
import { pause } from '../wait.ts';
import type { Recorder } from '../workload/history.ts';

/** What faults work on. */
export interface Scene {
  readonly cluster: Cluster;
  readonly recorder: Recorder;
  readonly random: SeededRandom;
  /** Ended when the run is: faults mend what they broke and return. */
  readonly over: AbortSignal;
}

/** Does harm, mends it, and says in a few words what it did; null where it found nothing to do. */
export type Fault = (scene: Scene) => Promise<string | null>;

/** Waits so long, or until the run is over. */
export async function last({ over }: Scene, ms: number): Promise<void> {
  const untilMs = performance.now() + ms;
  while (!over.aborted && performance.now() < untilMs) {
    await pause(Math.min(50, untilMs - performance.now()));
  }
}

/**
 * A member that no other fault has its hands on, and which is this one's until {@link release}.
 * Null where there is none, or where too few would be left: most of the time a majority works.
 */
export async function claim(scene: Scene, leaderShare = 0.4): Promise<Member | null> {
  const { cluster, random } = scene;
  const { members } = cluster;
  const isLeader = random.chance(leaderShare);
  const leader = isLeader ? await cluster.leader() : null;
  const free = members.filter((member) => !member.impaired && member.running);
  const impaired = members.length - free.length;
  const minority = Math.floor((members.length - 1) / 2);
  if (free.length === 0 || (impaired >= minority && !random.chance(0.1))) return null;
  const chosen = leader !== null && free.includes(leader) ? leader : random.pick(free);
  chosen.impaired = true;
  return chosen;
}

export function release(member: Member): void {
  member.impaired = false;
}
