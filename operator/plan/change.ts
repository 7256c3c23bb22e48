import { memberNames } from '../manifests/index.ts';
import type { Action } from './actions.ts';
import { rollOut } from './rollout.ts';
import { leftVolumes, scale, takeOut, withoutEmpty } from './scaling.ts';
import {
  type Change,
  isHealthy,
  isMajorityHealthy,
  type MemberFact,
  memberOf,
  type Progress,
  type Situation,
  votersOf,
  withoutVote,
} from './situation.ts';
import { describeGroups, sameGroups } from './topology.ts';

/**
 * The next step of everything that changes members or replaces pods; at most one member or one pod
 * is touched by it. Without a leader that has a quorum nothing is changed at all.
 */
export function planChange(situation: Situation): Change {
  const { inForce, leader } = situation;
  const stay: Change = { groups: inForce, actions: [], progress: null };
  if (leader === null) return { ...stay, progress: waitsForLeader(situation) };
  const change =
    replaceLost(situation) ??
    takeOutStrays(situation) ??
    scale(situation) ??
    promote(situation) ??
    rollOut(situation);
  if (change !== null) return change;
  return { ...stay, groups: withoutEmpty(situation), actions: leftVolumes(situation) };
}

function waitsForLeader({ inForce, wanted, outdated }: Situation): Progress | null {
  if (!sameGroups(inForce, wanted)) {
    const message = `waits for a leader before ${describeGroups(inForce)} become ${describeGroups(wanted)}`;
    return { reason: 'Scaling', message, away: [] };
  }
  if (outdated.length === 0) return null;
  const message = `waits for a leader before pods are replaced: ${outdated.join(', ')}`;
  return { reason: 'RollingOut', message, away: [] };
}

/**
 * A member whose disk is empty is not the member of that name any more, and what it had is lost.
 * Its place in the table goes; then the new disk is taken in as a new member. That needs everyone
 * else who votes to be well: what is being replaced must be the only thing that is missing.
 */
function replaceLost(situation: Situation): Change | null {
  const names = memberNames(situation.inForce);
  const lost = situation.emptyDisks
    .filter((name) => names.includes(name) && name !== situation.leader)
    .map((name) => memberOf(situation, name))
    .find((member) => member !== undefined);
  if (lost === undefined) return null;
  const rest = votersOf(situation).filter(({ id }) => id !== lost.id);
  const { name, id } = lost;
  const what = `the disk of ${name} (member ${id}) is lost`;
  if (rest.length === 0 || !isMajorityHealthy(situation, rest) || !areHealthy(situation, rest)) {
    return replacing(situation, `${what}; waits until all other voters are well`, []);
  }
  const remove: Action = { do: 'removeMember', id, name };
  return replacing(situation, `${what}: it is taken out, and its pod joins anew`, [remove]);
}

function areHealthy(situation: Situation, members: readonly MemberFact[]): boolean {
  return members.every(({ name }) => isHealthy(situation, name));
}

function replacing({ inForce }: Situation, message: string, actions: readonly Action[]): Change {
  return { groups: inForce, actions, progress: { reason: 'ReplacingMember', message, away: [] } };
}

/** Members of a StatefulSet of ours beyond its size: somebody scaled it by hand. */
function takeOutStrays(situation: Situation): Change | null {
  const names = memberNames(situation.inForce);
  const sets = situation.inForce.map(({ statefulSet }) => statefulSet);
  const stray = situation.members.find(
    ({ name }) => !names.includes(name) && sets.includes(name.replace(/-\d+$/, '')),
  );
  if (stray === undefined) return null;
  return { groups: situation.inForce, ...takeOut(situation, stray) };
}

/** Learners of a group that votes now: one after the other gets its vote, once it has caught up. */
function promote(situation: Situation): Change | null {
  const voting = situation.inForce.filter(({ role }) => role === 'voter');
  const learner = memberNames(voting)
    .map((name) => memberOf(situation, name))
    .find((member) => member?.role === 'learner');
  if (learner === undefined) return null;
  const { id, name } = learner;
  const actions: Action[] = isHealthy(situation, name) ? [{ do: 'promoteMember', id, name }] : [];
  const [held] = withoutVote(situation, [name]);
  const message = held ?? `${name} gets a vote when it has caught up`;
  return {
    groups: situation.inForce,
    actions,
    progress: { reason: 'Scaling', message, away: [] },
  };
}
