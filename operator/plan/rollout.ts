import { memberNames } from '../manifests/index.ts';
import type { PodView } from './observed.ts';
import { leftVolumes, withoutEmpty } from './scaling.ts';
import {
  type Change,
  isHealthy,
  isMajorityHealthy,
  memberOf,
  onTheirWay,
  type Progress,
  podOf,
  type Situation,
  stuckBecause,
  successorAmong,
  votersOf,
} from './situation.ts';

/**
 * The next step towards pods of the present template; null where all are. One pod at a time:
 * those that do not work anyway, learners, followers, and, after it has handed over, the leader.
 * Nobody is replaced before everyone else serves and has caught up, so a template that does not
 * work stops at its first pod. Where the policy leaves pods to a person, they are named.
 */
export function rollOut(situation: Situation): Change | null {
  const names = memberNames(situation.inForce);
  const old = situation.outdated.filter((name) => names.includes(name));
  if (old.length === 0) return null;
  const done = names.length - old.length;
  const says = (text: string): string =>
    `${done} of ${names.length} pods have the present template; ${text}`;
  if (situation.updates === 'OnDelete') {
    return leave(situation, says(`${old.join(', ')}: replaced when somebody deletes them`));
  }
  const broken = old.find((name) => canGo(situation, name) && isBroken(situation, name));
  if (broken !== undefined) {
    return replace(situation, broken, says(`${broken}, which does not work, is replaced`));
  }
  const missing = names.filter((name) => !isHealthy(situation, name) || !isMember(situation, name));
  if (missing.length > 0) return wait(situation, missing, says);
  const next = nextToGo(situation, old);
  if (next === null) return null;
  if (next === situation.leader && situation.updates === 'Supervised') {
    const when = 'replaced once somebody else leads, or when its pod is deleted';
    return leave(situation, says(`${next}, which leads: ${when}`));
  }
  if (next !== situation.leader || votersOf(situation).length === 1) {
    return replace(situation, next, says(`${next} is replaced`));
  }
  return handOver(situation, next, says);
}

/** The rest is up to a person, and nothing else waits for it. */
function leave(situation: Situation, message: string): Change {
  const away = onTheirWay(situation, memberNames(situation.inForce));
  return {
    groups: withoutEmpty(situation),
    actions: leftVolumes(situation),
    progress: { reason: 'UpdatePending', message, away },
  };
}

/** Where the leader has nobody to hand over to, it stays. */
function handOver(situation: Situation, leader: string, says: (text: string) => string): Change {
  const successor = successorAmong(situation, memberNames(situation.inForce));
  if (successor === undefined) {
    return wait(situation, [], () => says(`nobody can take over from ${leader}`));
  }
  return {
    groups: situation.inForce,
    actions: [{ do: 'transferLeadership', from: leader, to: successor.id }],
    progress: rolling(situation, says(`${leader} hands leadership to ${successor.name}`)),
  };
}

/** Learners, then followers, then the leader; of each the one with the highest ordinal. */
function nextToGo(situation: Situation, old: readonly string[]): string | null {
  const rank = (name: string): number => {
    if (memberOf(situation, name)?.role === 'learner') return 0;
    return name === situation.leader ? 2 : 1;
  };
  const sorted = old.toSorted((a, b) => rank(a) - rank(b) || compareOrdinals(b, a));
  return sorted.find((name) => canGo(situation, name)) ?? null;
}

function compareOrdinals(a: string, b: string): number {
  return Number(a.slice(a.lastIndexOf('-') + 1)) - Number(b.slice(b.lastIndexOf('-') + 1));
}

/** Whether the other voters are a quorum by themselves; a lone voter has nobody to wait for. */
function canGo(situation: Situation, name: string): boolean {
  const pod = podOf(situation, name);
  if (pod === undefined || pod.deleting) return false;
  const voters = votersOf(situation);
  if (!voters.some((voter) => voter.name === name)) return true;
  if (voters.length === 1) return true;
  const rest = voters.filter((voter) => voter.name !== name);
  const healthy = rest.filter((voter) => isHealthy(situation, voter.name));
  return healthy.length * 2 > voters.length && isMajorityHealthy(situation, rest);
}

function isBroken(situation: Situation, name: string): boolean {
  const pod = podOf(situation, name);
  return pod !== undefined && !pod.ready && pod.trouble !== null && name !== situation.leader;
}

function isMember(situation: Situation, name: string): boolean {
  return memberOf(situation, name) !== undefined;
}

function replace(situation: Situation, name: string, message: string): Change {
  const pod: PodView | undefined = podOf(situation, name);
  if (pod === undefined) return wait(situation, [name], () => message);
  const progress = rolling(situation, message);
  return {
    groups: situation.inForce,
    actions: [{ do: 'replacePod', pod: name, uid: pod.uid }],
    progress: { ...progress, away: [...progress.away, name] },
  };
}

function wait(
  situation: Situation,
  names: readonly string[],
  says: (text: string) => string,
): Change {
  const stuck = names.flatMap((name) => {
    const why = stuckBecause(situation, name);
    return why === null ? [] : [`${name}: ${why}`];
  });
  const message = says(`waits for ${names.join(', ')} to be ready and to catch up`);
  const progress = rolling(situation, message);
  return {
    groups: situation.inForce,
    actions: [],
    progress:
      stuck.length === 0
        ? progress
        : { ...progress, reason: 'RolloutStuck', message: `${message}; ${stuck.join('; ')}` },
  };
}

function rolling(situation: Situation, message: string): Progress {
  const away = onTheirWay(situation, memberNames(situation.inForce));
  return { reason: 'RollingOut', message, away };
}
