import { type MemberGroup, memberNames, volumeClaimName } from '../manifests/index.ts';
import type { Action } from './actions.ts';
import {
  type Change,
  isHealthy,
  isMajorityHealthy,
  type MemberFact,
  memberOf,
  onTheirWay,
  type Progress,
  podOf,
  type Situation,
  stuckBecause,
  successorAmong,
  votersOf,
  withoutVote,
} from './situation.ts';
import { describeGroups, sameGroups } from './topology.ts';

/**
 * The next step from the groups in force to the wanted ones; null where there is none to take.
 * Members come and go one at a time: whoever comes has caught up before anything else happens, and
 * whoever goes leaves the member table first, then its pod goes, then its volume.
 */
export function scale(situation: Situation): Change | null {
  if (sameGroups(situation.inForce, situation.wanted)) return null;
  const step = enrol(situation) ?? grow(situation) ?? shrink(situation);
  return step ?? { ...keep(situation), progress: scaling(situation, 'nothing is left to do') };
}

/** Groups of learners that are to vote from now on; the template follows, promotion comes after. */
function enrol(situation: Situation): Change | null {
  const { inForce, wanted } = situation;
  const isNew = ({ statefulSet, role }: MemberGroup): boolean =>
    role === 'learner' &&
    wanted.some((group) => group.statefulSet === statefulSet && group.role === 'voter');
  if (!inForce.some(isNew)) return null;
  const groups = inForce.map((group) =>
    isNew(group) ? { ...group, role: 'voter' as const } : group,
  );
  return { groups, actions: [], progress: scaling(situation, 'learners are to vote') };
}

function grow(situation: Situation): Change | null {
  const { inForce, wanted } = situation;
  const group = wanted.find(({ statefulSet, replicas }) => replicas > sizeOf(inForce, statefulSet));
  if (group === undefined) return null;
  const size = sizeOf(inForce, group.statefulSet);
  const name = `${group.statefulSet}-${size}`;
  const unsettled = unsettledFor(situation, group);
  if (unsettled.length > 0) {
    return { ...keep(situation), progress: waiting(situation, `before ${name} comes`, unsettled) };
  }
  if (situation.certificatesDue.includes(name)) {
    return { ...keep(situation), progress: scaling(situation, `${name} gets its certificate`) };
  }
  const stale = staleVolume(situation, name);
  if (stale !== null) return { ...keep(situation), ...stale };
  const groups = withSize(inForce, { ...group, replicas: size + 1 });
  return { groups, actions: [], progress: scaling(situation, `${name} is added`, [name]) };
}

/** Members of the present groups that have to be there and well before one more comes. */
function unsettledFor(situation: Situation, group: MemberGroup): readonly string[] {
  const voting = situation.inForce.filter(({ role }) => role === 'voter');
  const own = situation.inForce.filter(({ statefulSet }) => statefulSet === group.statefulSet);
  const voters = memberNames(voting).filter(
    (name) => memberOf(situation, name)?.role !== 'voter' || !isHealthy(situation, name),
  );
  const others = memberNames(own).filter((name) => memberOf(situation, name) === undefined);
  return [...new Set([...voters, ...others])];
}

/** A disk of a removed member is refused by the cluster: its volume goes before its name is used. */
function staleVolume(
  situation: Situation,
  name: string,
): Pick<Change, 'actions' | 'progress'> | null {
  const { volumes, members } = situation;
  if (volumes === null) {
    return { actions: [], progress: scaling(situation, `the volume of ${name} is looked for`) };
  }
  const volume = volumes.find((candidate) => candidate.name === volumeClaimName(name));
  if (volume === undefined) return null;
  const text = `the volume ${volume.name} of a member that was removed goes`;
  if (volume.deleting) return { actions: [], progress: scaling(situation, text) };
  const { removedMember } = volume;
  if (removedMember === null || members.some(({ id }) => id === removedMember)) return null;
  return {
    actions: [{ do: 'deleteVolume', name: volume.name, uid: volume.uid }],
    progress: scaling(situation, text),
  };
}

function shrink(situation: Situation): Change | null {
  const { inForce, wanted } = situation;
  const group = inForce
    .toReversed()
    .find(({ statefulSet, replicas }) => replicas > sizeOf(wanted, statefulSet));
  if (group === undefined) return null;
  const name = `${group.statefulSet}-${group.replicas - 1}`;
  const member = memberOf(situation, name);
  if (member === undefined) return dropPod(situation, group, name);
  return { ...keep(situation), ...takeOut(situation, member, volumeMark(situation, member)) };
}

/** The member is out of the table: its pod goes, and with it, unless it is retained, its volume. */
function dropPod(situation: Situation, group: MemberGroup, name: string): Change {
  const groups = withSize(situation.inForce, { ...group, replicas: group.replicas - 1 });
  return { groups, actions: [], progress: scaling(situation, `${name} is out, its pod goes`) };
}

/** What is written on the volume before its member leaves: afterwards nobody knows who it was. */
function volumeMark(situation: Situation, member: MemberFact): Action[] {
  const volume = situation.volumes?.find(({ name }) => name === volumeClaimName(member.name));
  if (volume === undefined || volume.removedMember === member.id) return [];
  const { name, uid } = volume;
  return [{ do: 'markVolume', name, uid, removedMember: member.id }];
}

/** Takes a member out of the table; a leader hands over first, to somebody who stays. */
export function takeOut(
  situation: Situation,
  member: MemberFact,
  before: readonly Action[] = [],
): Pick<Change, 'actions' | 'progress'> {
  const { name, id } = member;
  const staying = memberNames(situation.wanted).filter((other) => other !== name);
  if (situation.leader === name) {
    const successor = successorAmong(situation, staying);
    if (successor === undefined) {
      const text = `${name} leads, and nobody who stays can take over yet`;
      return { actions: [], progress: scaling(situation, text) };
    }
    const text = `${name} hands leadership to ${successor.name}`;
    const transfer: Action = { do: 'transferLeadership', from: name, to: successor.id };
    return { actions: [transfer], progress: scaling(situation, text) };
  }
  const rest = votersOf(situation).filter((voter) => voter.id !== id);
  if (member.role === 'voter' && !isMajorityHealthy(situation, rest)) {
    const text = `without ${name} there would be no quorum that is well`;
    return { actions: [], progress: scaling(situation, text) };
  }
  return {
    actions: [...before, { do: 'removeMember', id, name }],
    progress: scaling(situation, `${name} (member ${id}) is taken out`),
  };
}

/** The groups without those of which nothing is left; pods of a machine that is away take long. */
export function withoutEmpty({ inForce, wanted, pods }: Situation): readonly MemberGroup[] {
  return inForce.filter(
    ({ statefulSet, replicas }) =>
      replicas > 0 ||
      isNamed(wanted, statefulSet) ||
      pods.some(({ name }) => name.replace(/-\d+$/, '') === statefulSet),
  );
}

/** Volumes of members that are gone for good, where volumes are not retained. */
export function leftVolumes(situation: Situation): readonly Action[] {
  const { volumes, retain, members, inForce } = situation;
  if (volumes === null || retain) return [];
  const claims = new Set(memberNames(inForce).map(volumeClaimName));
  return volumes.flatMap(({ name, uid, deleting, removedMember }): Action[] => {
    if (deleting || removedMember === null || claims.has(name)) return [];
    if (members.some(({ id }) => id === removedMember)) return [];
    return [{ do: 'deleteVolume', name, uid }];
  });
}

function sizeOf(groups: readonly MemberGroup[], statefulSet: string): number {
  return groups.find((group) => group.statefulSet === statefulSet)?.replicas ?? 0;
}

function isNamed(groups: readonly MemberGroup[], statefulSet: string): boolean {
  return groups.some((group) => group.statefulSet === statefulSet);
}

function withSize(groups: readonly MemberGroup[], changed: MemberGroup): readonly MemberGroup[] {
  if (!isNamed(groups, changed.statefulSet)) return [...groups, changed];
  return groups.map((group) =>
    group.statefulSet === changed.statefulSet ? { ...group, replicas: changed.replicas } : group,
  );
}

function keep({ inForce }: Situation): Change {
  return { groups: inForce, actions: [], progress: null };
}

function scaling(situation: Situation, what: string, away: readonly string[] = []): Progress {
  const { inForce, wanted } = situation;
  const goal = `${describeGroups(inForce)}; wanted: ${describeGroups(wanted)}`;
  const leaving = memberNames(inForce).filter((name) => podOf(situation, name)?.ready !== true);
  const all = [...away, ...onTheirWay(situation, leaving)];
  return { reason: 'Scaling', message: `${what} (${goal})`, away: [...new Set(all)] };
}

function waiting(situation: Situation, before: string, names: readonly string[]): Progress {
  const stuck = names.flatMap((name) => {
    const why = stuckBecause(situation, name);
    return why === null ? [] : [`${name}: ${why}`];
  });
  const what = [`waits for ${names.join(', ')} ${before}`, ...withoutVote(situation, names)];
  const progress = scaling(situation, what.join('; '));
  if (stuck.length === 0) return progress;
  return {
    ...progress,
    reason: 'ScalingStuck',
    message: `${progress.message}; ${stuck.join('; ')}`,
  };
}
