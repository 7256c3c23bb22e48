import { ReadOnlyOption, StateType } from '../src/index.ts';
import type { Cluster } from './cluster.ts';
import type { Member } from './member.ts';
import { TICK_UNITS } from './member.ts';
import { changeMembership } from './membership-faults.ts';
import { isVoter } from './membership-model.ts';
import { demand } from './violation.ts';

type Fault = (cluster: Cluster) => void;

/** Plans fault after fault until the group is healed. */
export function beginFaults(cluster: Cluster): void {
  const faults = weightedFaults(cluster);
  const next = () => {
    const { random, schedule, plan } = cluster;
    schedule.after(random.between(1, 2 * plan.rates.faultPause), () => {
      if (cluster.healed) return;
      cluster.rehire();
      if (cluster.calm) cluster.dismiss();
      else random.pick(faults)?.(cluster);
      next();
    });
  };
  next();
}

/** Each fault as often as it is to be chosen, relative to the others. */
function weightedFaults({ plan }: Cluster): readonly Fault[] {
  const { crash, partition, membership, transfer, compaction, skew } = plan.rates;
  const weights: readonly (readonly [Fault, number])[] = [
    [crashOne, crash],
    [crashLeader, crash],
    [crashMany, crash > 4 ? 2 : 0],
    [cutLeaderOff, partition],
    [cutOneWay, partition],
    [split, partition],
    [changeMembership, membership],
    [transferLeadership, transfer],
    [forgetLeader, transfer],
    [campaign, 1],
    [compact, compaction],
    [refuseSnapshots, 1],
    [pause, 1],
    [skewClock, skew ? 3 : 0],
  ];
  return weights.flatMap(([fault, weight]) => Array.from({ length: weight }, () => fault));
}

function crashOne(cluster: Cluster): void {
  crash(cluster, cluster.random.pick(cluster.running));
}

function crashLeader(cluster: Cluster): void {
  crash(cluster, cluster.leader);
}

function crashMany(cluster: Cluster): void {
  for (const member of cluster.running) {
    if (cluster.random.chance(800)) crash(cluster, member);
  }
}

function crash(cluster: Cluster, member: Member | undefined): void {
  if (member === undefined) return;
  const { random } = cluster;
  cluster.crash(member, random.chance(500) ? random.between(1, 10) : random.between(10, 300));
}

/** Longer than an election takes, or shorter. */
function healLater(cluster: Cluster): void {
  const { random, schedule, plan, network } = cluster;
  cluster.totals.partitions++;
  const timeout = plan.electionTick * TICK_UNITS;
  schedule.after(random.between(timeout >> 1, 4 * timeout), () => network.heal());
}

function cutLeaderOff(cluster: Cluster): void {
  const { leader, members, network, random } = cluster;
  if (leader === undefined) return;
  const friend = random.chance(300) ? random.pick(members) : undefined;
  for (const other of members) {
    if (other === leader || other === friend) continue;
    network.cut(leader.id, other.id);
    network.cut(other.id, leader.id);
  }
  healLater(cluster);
}

function cutOneWay(cluster: Cluster): void {
  const { members, network, random, leader } = cluster;
  const target = random.chance(500) ? leader : random.pick(members);
  if (target === undefined) return;
  const outwards = random.chance(500);
  for (const other of members) {
    if (random.chance(200)) continue;
    if (outwards) network.cut(target.id, other.id);
    else network.cut(other.id, target.id);
  }
  healLater(cluster);
}

function split(cluster: Cluster): void {
  const { members, network, random } = cluster;
  const left = new Set(members.filter(() => random.chance(500)).map(({ id }) => id));
  for (const { id: from } of members) {
    for (const { id: to } of members) if (left.has(from) !== left.has(to)) network.cut(from, to);
  }
  healLater(cluster);
}

function transferLeadership(cluster: Cluster): void {
  const { random, running, leader, conf, totals } = cluster;
  const asked = random.chance(800) ? leader : random.pick(running);
  const target = random.pick(random.chance(900) ? conf.voters : [...conf.learners, 1]);
  if (asked === undefined || target === undefined) return;
  totals.transfers++;
  asked.act(`transfers to ${target}`, null, (node) => node.transferLeader(target));
  const watch = asked.life?.watch;
  if (watch === undefined || !watch.leads) return;
  watch.transferring();
  demand(
    watch.status.leadTransferee !== target || isVoter(watch.conf, target),
    'only voters lead',
    () => `${asked.id} transfers leadership to ${target}`,
  );
}

/** A follower forgets its leader, unless a lease rests on its memory. */
function forgetLeader(cluster: Cluster): void {
  const member = cluster.random.pick(cluster.running);
  const before = member?.life?.watch.status;
  if (member === undefined || before === undefined) return;
  member.act('forgets its leader', null, (node) => node.forgetLeader());
  const lead = member.life?.watch.status.lead;
  const keeps =
    cluster.plan.readOnlyOption === ReadOnlyOption.LeaseBased ||
    before.raftState !== StateType.Follower;
  demand(
    lead === undefined || lead === (keeps ? before.lead : 0),
    'forgetting the leader',
    () => `${member.id} follows ${lead}, before that ${before.lead}`,
  );
}

/** Some members campaign at the same time. */
function campaign(cluster: Cluster): void {
  const { random, running } = cluster;
  for (let count = 1 + random.below(2); count > 0; count--) {
    random.pick(running)?.act('campaigns', null, (node) => node.campaign());
  }
}

function compact(cluster: Cluster): void {
  const { random, running } = cluster;
  const keep = random.oneOf(0, 1, 5, 20);
  if (random.chance(300)) random.pick(running)?.compact(keep);
  else for (const member of running) member.compact(keep);
}

function refuseSnapshots(cluster: Cluster): void {
  const { random, running, schedule } = cluster;
  const storage = random.pick(running)?.life?.storage;
  if (storage === undefined) return;
  storage.snapshotUnavailable = true;
  schedule.after(random.between(10, 200), () => {
    storage.snapshotUnavailable = false;
  });
}

/** A process that stands still and then goes on as if nothing had happened. */
function pause(cluster: Cluster): void {
  const { random, leader, running, schedule, plan } = cluster;
  const life = (random.chance(500) ? leader : random.pick(running))?.life;
  if (life === null || life === undefined) return;
  life.pausedUntil = schedule.now + random.between(10, 4 * plan.electionTick * TICK_UNITS);
}

function skewClock(cluster: Cluster): void {
  const { random, running } = cluster;
  const life = random.pick(running)?.life;
  if (life === null || life === undefined) return;
  life.tickPeriod = random.oneOf(TICK_UNITS, 5, 8, 13, 25);
}
