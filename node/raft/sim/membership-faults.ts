import type { ConfChange, ConfChangeSingle, ConfChangeV2, ConfState } from '../src/index.ts';
import { ConfChangeTransition, ConfChangeType, LEAVE_JOINT, NO_BYTES } from '../src/index.ts';
import type { Cluster } from './cluster.ts';
import { changeConf, isJoint, isQuorum, membersOf } from './membership-model.ts';

const MOST_MEMBERS = 8;
/** Commits after which a group may get stuck. */
const RISKY_AFTER = 300;
const { Auto, JointImplicit, JointExplicit } = ConfChangeTransition;
const { AddNode, AddLearnerNode, RemoveNode, UpdateNode } = ConfChangeType;

/** Proposes a membership change that makes sense, or nearly. */
export function changeMembership(cluster: Cluster): void {
  const { random, leader } = cluster;
  const proposer = random.chance(800) ? leader : random.pick(cluster.running);
  if (proposer?.life === null || proposer === undefined) return;
  const { leads, status } = proposer.life.watch;
  const change = nextChange(cluster);
  const result = proposer.act('proposes a change', null, (node) => node.proposeConfChange(change));
  if (leads && result === 'ok') proposer.checkAccepted(status, 1);
}

/** Leaves a joint configuration, mostly. A change that may leave the group stuck has to wait. */
function nextChange(cluster: Cluster): ConfChange | ConfChangeV2 {
  const { random, conf, ledger } = cluster;
  const drawn = isJoint(conf) && random.chance(600) ? null : drawChange(cluster);
  if (drawn === null) return LEAVE_JOINT;
  return ledger.commits < RISKY_AFTER && dismissesMany(conf, drawn) ? LEAVE_JOINT : drawn;
}

/** Whether those who remain were no majority before. */
function dismissesMany(conf: ConfState, change: ConfChange | ConfChangeV2): boolean {
  const changes = 'changes' in change ? change.changes : [change];
  const after = changeConf(conf, { transition: JointImplicit, changes, context: NO_BYTES });
  return after !== null && !isQuorum(conf, (id) => after.voters.includes(id));
}

function drawChange(cluster: Cluster): ConfChange | ConfChangeV2 | null {
  const { random } = cluster;
  if (random.chance(450)) return simple(drawSingle(cluster));
  if (random.chance(300)) return replacement(cluster);
  const changes = Array.from({ length: 1 + random.below(3) }, () => drawSingle(cluster));
  return { transition: drawTransition(cluster), changes, context: NO_BYTES };
}

function simple({ type, nodeId }: ConfChangeSingle): ConfChange {
  return { id: 0, type, nodeId, context: NO_BYTES };
}

function drawTransition({ random }: Cluster): ConfChangeTransition {
  return random.oneOf(Auto, Auto, JointImplicit, JointExplicit);
}

function drawSingle(cluster: Cluster): ConfChangeSingle {
  const { random, conf } = cluster;
  const members = membersOf(conf);
  if (members.length < MOST_MEMBERS && random.chance(350)) {
    const type = random.oneOf(AddNode, AddLearnerNode, AddLearnerNode);
    return { type, nodeId: cluster.join().id };
  }
  const learner = random.pick(conf.learners);
  if (learner !== undefined && random.chance(400)) return { type: AddNode, nodeId: learner };
  const nodeId = random.pick(members) ?? 1;
  return {
    type: random.oneOf(RemoveNode, RemoveNode, AddLearnerNode, AddNode, UpdateNode),
    nodeId,
  };
}

/** One voter takes the place of another, under a new id. */
function replacement(cluster: Cluster): ConfChangeV2 | null {
  const old = cluster.random.pick(cluster.conf.voters);
  if (old === undefined) return null;
  const changes = [
    { type: AddNode, nodeId: cluster.join().id },
    { type: RemoveNode, nodeId: old },
  ];
  return { transition: drawTransition(cluster), changes, context: NO_BYTES };
}
