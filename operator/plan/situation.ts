import type { UpdateMode } from '@lithair/crds';
import type { MemberGroup } from '../manifests/index.ts';
import type { Action } from './actions.ts';
import type { PodView } from './observed.ts';

/** A member as the member table has it. */
export interface MemberFact {
  readonly id: number;
  readonly name: string;
  readonly role: 'voter' | 'learner';
  /** Entries behind the leader; null where that is not known. */
  readonly lag: number | null;
  /** Why the leader gives it no vote that it is meant to have; absent where nothing is in the way. */
  readonly heldBack?: string;
}

/** The volume claim of a member, as far as it matters here. */
export interface VolumeFact {
  readonly name: string;
  readonly uid: string;
  readonly deleting: boolean;
  /** The member on it, which was removed for good or was about to be; null where nobody said so. */
  readonly removedMember: number | null;
}

/** Who the members are and who they are to be; what a change of members is planned from. */
export interface Situation {
  readonly inForce: readonly MemberGroup[];
  readonly wanted: readonly MemberGroup[];
  readonly members: readonly MemberFact[];
  /** Who leads with a quorum; null where nobody is known to, and then nothing is changed. */
  readonly leader: string | null;
  readonly pods: readonly PodView[];
  /** Pods that were made from an older template. */
  readonly outdated: readonly string[];
  /** Who replaces these. */
  readonly updates: UpdateMode;
  /** Pods that have said for a while that their disk is empty. */
  readonly emptyDisks: readonly string[];
  readonly certificatesDue: readonly string[];
  /** Null where nobody looked. */
  readonly volumes: readonly VolumeFact[] | null;
  readonly retain: boolean;
  readonly nowMs: number;
}

/** Where a change of members stands. */
export interface Progress {
  readonly reason:
    | 'Scaling'
    | 'RollingOut'
    | 'RolloutStuck'
    | 'ScalingStuck'
    | 'ReplacingMember'
    | 'UpdatePending';
  readonly message: string;
  /** Members that are away because of it, and expected back. */
  readonly away: readonly string[];
}

/** Whether nothing is under way: all is as it is to be, or what is left is up to a person. */
export function isAtRest(progress: Progress | null): boolean {
  return progress === null || progress.reason === 'UpdatePending';
}

/** The next step: the groups that there are to be from now on, and what to do beside that. */
export interface Change {
  readonly groups: readonly MemberGroup[];
  readonly actions: readonly Action[];
  readonly progress: Progress | null;
}

/** A member that is at most so many entries behind has caught up. */
const CAUGHT_UP_ENTRIES = 1_000;
/** How long a young pod may take before its trouble counts. */
const GRACE_MS = 60_000;
/** How long any pod may take. */
const DEADLINE_MS = 600_000;

export function podOf({ pods }: Situation, name: string): PodView | undefined {
  return pods.find((pod) => pod.name === name);
}

export function memberOf({ members }: Situation, name: string): MemberFact | undefined {
  return members.find((member) => member.name === name);
}

/** Whether a member serves, and has what the leader has. */
export function isHealthy(situation: Situation, name: string): boolean {
  const pod = podOf(situation, name);
  const lag = memberOf(situation, name)?.lag ?? null;
  if (pod?.ready !== true || pod.deleting) return false;
  return lag !== null && lag <= CAUGHT_UP_ENTRIES;
}

export function votersOf({ members }: Situation): readonly MemberFact[] {
  return members.filter(({ role }) => role === 'voter');
}

/** Whether the healthy of these voters are a majority of them. */
export function isMajorityHealthy(situation: Situation, voters: readonly MemberFact[]): boolean {
  const healthy = voters.filter(({ name }) => isHealthy(situation, name));
  return healthy.length * 2 > voters.length;
}

/** Who of these gets no vote for the moment, and why, for people. */
export function withoutVote(situation: Situation, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const why = memberOf(situation, name)?.heldBack;
    return why === undefined ? [] : [`${name} gets no vote yet: ${why}`];
  });
}

/** What is the matter with a member that is waited for; null while it may take its time. */
export function stuckBecause(situation: Situation, name: string): string | null {
  const pod = podOf(situation, name);
  if (pod === undefined || pod.deleting) return null;
  const ageMs = pod.createdAtMs === null ? 0 : situation.nowMs - pod.createdAtMs;
  if (pod.trouble !== null && ageMs > GRACE_MS) return pod.trouble;
  if (ageMs <= DEADLINE_MS || isHealthy(situation, name)) return null;
  return `not ready ${Math.floor(ageMs / 60_000)} minutes after it was made`;
}

/** Members that are on their way, as far as that is no reason to worry. */
export function onTheirWay(situation: Situation, names: readonly string[]): readonly string[] {
  return names.filter((name) => {
    if (isHealthy(situation, name)) return false;
    const pod = podOf(situation, name);
    if (pod === undefined || pod.deleting) return true;
    const ageMs = pod.createdAtMs === null ? 0 : situation.nowMs - pod.createdAtMs;
    return ageMs <= GRACE_MS;
  });
}

/** The voter to hand leadership to: healthy, of the present template if there is one, least behind. */
export function successorAmong(
  situation: Situation,
  names: readonly string[],
): MemberFact | undefined {
  const able = votersOf(situation).filter(
    ({ name }) => names.includes(name) && name !== situation.leader && isHealthy(situation, name),
  );
  const rank = ({ name, lag }: MemberFact): number =>
    (situation.outdated.includes(name) ? CAUGHT_UP_ENTRIES * 2 : 0) + (lag ?? 0);
  return able.toSorted((a, b) => rank(a) - rank(b) || a.id - b.id)[0];
}
