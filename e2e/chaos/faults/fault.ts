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

/** In so many of its turns a fault takes a learner, which nobody's majority depends on. */
const LEARNER_SHARE = 0.15;

/**
 * A member that no other fault has its hands on, and which is this one's until {@link release}.
 * Null where there is none, or where too few would be left: most of the time a majority works.
 */
export async function claim(scene: Scene, leaderShare = 0.4): Promise<Member | null> {
  const { cluster, random } = scene;
  const { voters, members } = cluster;
  const [isLearner, isLeader] = [random.chance(LEARNER_SHARE), random.chance(leaderShare)];
  const [mayStopAll, share] = [random.chance(0.1), random.fraction()];
  const learners = members.filter((member) => member.role === 'learner' && isFree(member));
  if (isLearner && learners.length > 0) return taken(learners, share);
  const free = voters.filter(isFree);
  const minority = Math.floor((voters.length - 1) / 2);
  if (voters.length - free.length >= minority && !mayStopAll) return null;
  const leader = isLeader ? await cluster.leader() : null;
  // Whoever leads may have been taken while it was looked for.
  const chosen = leader !== null && free.includes(leader) ? [leader] : free;
  return taken(chosen.filter(isFree), share);
}

function isFree(member: Member): boolean {
  return !member.impaired && member.running;
}

function taken(members: readonly Member[], share: number): Member | null {
  const chosen = members[Math.floor(share * members.length)] ?? null;
  if (chosen !== null) chosen.impaired = true;
  return chosen;
}

export function release(member: Member): void {
  member.impaired = false;
}
