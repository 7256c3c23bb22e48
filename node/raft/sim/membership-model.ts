/**
 * Membership by the book (Raft thesis, chapter 4), written a second time and more
 * simply than in the core, so that the core can be compared with it.
 */
import type { ConfChangeV2, ConfState } from '../src/index.ts';
import { ConfChangeTransition, ConfChangeType } from '../src/index.ts';

/** Whether the members for which `has` holds are a majority of each half. */
export function isQuorum(conf: ConfState, has: (id: number) => boolean): boolean {
  if (!isMajority(conf.voters, has)) return false;
  return conf.votersOutgoing.length === 0 || isMajority(conf.votersOutgoing, has);
}

function isMajority(voters: readonly number[], has: (id: number) => boolean): boolean {
  let count = 0;
  for (const id of voters) if (has(id)) count++;
  return count * 2 > voters.length;
}

export function isVoter(conf: ConfState, id: number): boolean {
  return conf.voters.includes(id) || conf.votersOutgoing.includes(id);
}

export function isMember(conf: ConfState, id: number): boolean {
  return isVoter(conf, id) || conf.learners.includes(id);
}

export function isJoint(conf: ConfState): boolean {
  return conf.votersOutgoing.length > 0;
}

/** All members in ascending order. */
export function membersOf(conf: ConfState): number[] {
  return sorted(new Set([...conf.voters, ...conf.votersOutgoing, ...conf.learners]));
}

function part(ids: readonly number[]): string {
  return [...ids].sort((a, b) => a - b).join(' ');
}

export function describeConf(conf: ConfState): string {
  return (
    `(${part(conf.voters)})&(${part(conf.votersOutgoing)}) learners (${part(conf.learners)}) ` +
    `next (${part(conf.learnersNext)})${conf.autoLeave ? ' auto' : ''}`
  );
}

/** The configuration after `change`, or null when the change does not fit `conf`. */
export function changeConf(conf: ConfState, change: ConfChangeV2): ConfState | null {
  const { transition, changes } = change;
  const auto = transition === ConfChangeTransition.Auto;
  if (auto && changes.length === 0) return leave(conf);
  if (isJoint(conf) || conf.voters.length === 0) return null;
  const joint = !auto || changes.length > 1;
  const outgoing = joint ? conf.voters : [];
  const draft: Draft = {
    voters: new Set(conf.voters),
    learners: new Set(conf.learners),
    learnersNext: new Set(),
    outgoing,
  };
  for (const { type, nodeId } of changes) changeOne(draft, type, nodeId);
  if (draft.voters.size === 0) return null;
  return {
    voters: sorted(draft.voters),
    votersOutgoing: outgoing,
    learners: sorted(draft.learners),
    learnersNext: sorted(draft.learnersNext),
    autoLeave: joint && transition !== ConfChangeTransition.JointExplicit,
  };
}

interface Draft {
  readonly voters: Set<number>;
  readonly learners: Set<number>;
  readonly learnersNext: Set<number>;
  readonly outgoing: readonly number[];
}

function changeOne(draft: Draft, type: ConfChangeType, id: number): void {
  const { voters, learners, learnersNext, outgoing } = draft;
  if (type === ConfChangeType.UpdateNode) return;
  // To be made a learner again changes nothing.
  if (type === ConfChangeType.AddLearnerNode && learners.has(id)) return;
  voters.delete(id);
  learners.delete(id);
  learnersNext.delete(id);
  if (type === ConfChangeType.AddNode) voters.add(id);
  if (type === ConfChangeType.AddLearnerNode) {
    if (outgoing.includes(id)) learnersNext.add(id);
    else learners.add(id);
  }
}

function leave(conf: ConfState): ConfState | null {
  if (!isJoint(conf)) return null;
  const learners = sorted(new Set([...conf.learners, ...conf.learnersNext]));
  return {
    voters: conf.voters,
    votersOutgoing: [],
    learners,
    learnersNext: [],
    autoLeave: false,
  };
}

function sorted(ids: ReadonlySet<number>): number[] {
  return [...ids].sort((a, b) => a - b);
}
