import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConfChangeSingle } from './index.ts';
import {
  ConfChangeError,
  ConfChangeTransition,
  ConfChangeType,
  encodeConfChangeV2,
  LEAVE_JOINT,
  MemoryStorage,
  MessageType,
  NO_BYTES,
  NONE,
  StateType,
} from './index.ts';
import { bytes, Cluster, confStateOf, makeMessage, makeSnapshot } from './testing/cluster.ts';

const { AddNode, RemoveNode, AddLearnerNode } = ConfChangeType;

function change(transition: ConfChangeTransition, ...changes: ConfChangeSingle[]) {
  return { transition, changes, context: NO_BYTES };
}

function simple(type: ConfChangeType, nodeId: number) {
  return change(ConfChangeTransition.Auto, { type, nodeId });
}

function configOf(cluster: Cluster, id: number): string {
  return cluster.member(id).raft.status().config.toString();
}

describe('a membership change', () => {
  it('brings a new voter in, which is caught up from a snapshot', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    leader.propose('a');
    cluster.settle();
    cluster.add(4, new MemoryStorage());
    leader.raft.proposeConfChange(simple(AddNode, 4));
    cluster.settle();
    leader.storage.createSnapshot(
      leader.commit,
      leader.raft.status().config.toConfState(),
      bytes('s'),
    );
    leader.storage.compact(leader.commit);
    // The first snapshot was from before the change, so its receiver was no part of it.
    leader.raft.reportSnapshot(4, 'failure');
    cluster.tick(1, 2);
    leader.propose('b');
    cluster.settle();
    assert.deepEqual(cluster.member(4).values, ['b']);
    assert.equal(configOf(cluster, 4), 'voters=(1 2 3 4)');
  });

  it('of several members goes through a joint configuration and leaves it by itself', () => {
    const cluster = new Cluster([1, 2, 3, 4, 5], {}, confStateOf([1, 2, 3]));
    const leader = cluster.elect(1);
    leader.raft.proposeConfChange(
      change(
        ConfChangeTransition.Auto,
        { type: AddNode, nodeId: 4 },
        { type: AddLearnerNode, nodeId: 3 },
      ),
    );
    cluster.settle();
    assert.equal(configOf(cluster, 1), 'voters=(1 2 4) learners=(3)');
    assert.equal(configOf(cluster, 2), 'voters=(1 2 4) learners=(3)');
  });

  it('that is explicit stays joint until told otherwise', () => {
    const cluster = new Cluster([1, 2, 3, 4], {}, confStateOf([1, 2, 3]));
    const leader = cluster.elect(1);
    leader.raft.proposeConfChange(
      change(ConfChangeTransition.JointExplicit, { type: AddNode, nodeId: 4 }),
    );
    cluster.settle();
    assert.equal(configOf(cluster, 1), 'voters=(1 2 3 4)&&(1 2 3)');
    leader.raft.proposeConfChange(simple(RemoveNode, 2));
    cluster.settle();
    assert.equal(configOf(cluster, 1), 'voters=(1 2 3 4)&&(1 2 3)', 'nothing else may change');
    leader.raft.proposeConfChange(LEAVE_JOINT);
    cluster.settle();
    assert.equal(configOf(cluster, 1), 'voters=(1 2 3 4)');
  });

  it('needs both majorities while joint', () => {
    const cluster = new Cluster([1, 2, 3, 4, 5], {}, confStateOf([1, 2, 3]));
    const leader = cluster.elect(1);
    leader.raft.proposeConfChange(
      change(
        ConfChangeTransition.JointExplicit,
        { type: AddNode, nodeId: 4 },
        { type: AddNode, nodeId: 5 },
        { type: RemoveNode, nodeId: 2 },
        { type: RemoveNode, nodeId: 3 },
      ),
    );
    cluster.settle();
    const { commit } = leader;
    cluster.isolate(2, 3);
    leader.propose('a');
    cluster.settle();
    assert.equal(leader.commit, commit, 'the outgoing majority is away');
    cluster.isolate(4, 5);
    cluster.tick(1, 2);
    assert.equal(leader.commit, commit + 1);
    leader.propose('b');
    cluster.settle();
    assert.equal(leader.commit, commit + 1, 'the incoming majority is away');
    cluster.heal();
    cluster.tick(1, 2);
    assert.equal(leader.commit, commit + 2);
  });

  it('is refused while another one is pending', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    leader.raft.proposeConfChange(simple(AddNode, 4));
    leader.raft.proposeConfChange(simple(AddNode, 5));
    cluster.settle();
    assert.equal(configOf(cluster, 1), 'voters=(1 2 3 4)');
    assert.equal(configOf(cluster, 2), 'voters=(1 2 3 4)');
  });

  it('is refused before a new leader has applied what it inherited', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.filter = (message) => message.type !== MessageType.AppResp;
    const leader = cluster.elect(1);
    leader.propose('a');
    cluster.settle();
    cluster.filter = (message) => message.type !== MessageType.AppResp;
    const next = cluster.elect(2);
    assert.equal(next.raft.proposeConfChange(simple(AddNode, 4)), 'ok');
    cluster.heal();
    cluster.tick(2, 2);
    assert.equal(configOf(cluster, 2), 'voters=(1 2 3)', 'it went into the log as nothing');
  });

  it('to leave a joint configuration is refused outside of one', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    leader.raft.proposeConfChange(LEAVE_JOINT);
    cluster.settle();
    assert.equal(configOf(cluster, 1), 'voters=(1 2 3)');
  });

  it('that cannot be applied is an error that names the reason', () => {
    const cluster = new Cluster([1, 2, 3], { disableConfChangeValidation: true });
    const leader = cluster.elect(1);
    assert.throws(() => leader.raft.applyConfChange(LEAVE_JOINT), ConfChangeError);
  });

  it('that removes the leader lets it lead on, unless it is to step down', () => {
    for (const stepDownOnRemoval of [false, true]) {
      const cluster = new Cluster([1, 2, 3], { stepDownOnRemoval });
      const leader = cluster.elect(1);
      leader.raft.proposeConfChange(simple(RemoveNode, 1));
      cluster.settle();
      const expected = stepDownOnRemoval ? StateType.Follower : StateType.Leader;
      assert.equal(leader.raft.basicStatus().raftState, expected);
      assert.equal(leader.propose('x'), 'proposal-dropped');
    }
  });

  it('that takes a voter away may commit what only it was missing', () => {
    const cluster = new Cluster([1, 2]);
    const leader = cluster.elect(1);
    leader.raft.proposeConfChange(simple(RemoveNode, 2));
    leader.work().forEach((message) => cluster.deliver(message));
    cluster
      .member(2)
      .work()
      .forEach((message) => cluster.deliver(message));
    cluster.isolate(1);
    leader.propose('a');
    cluster.settle();
    assert.deepEqual(leader.values, ['a']);
  });

  it('ends a transfer to the member that it removes', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    cluster.isolate(3);
    leader.raft.proposeConfChange(simple(RemoveNode, 3));
    leader.raft.transferLeader(3);
    cluster.settle();
    assert.equal(leader.raft.basicStatus().leadTransferee, NONE);
    assert.equal(leader.propose('a'), 'ok');
  });
});

describe('leadership', () => {
  it('is handed to a follower that is up to date', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.elect(1).raft.transferLeader(3);
    cluster.settle();
    assert.deepEqual(
      [1, 2, 3].map((id) => cluster.member(id).lead),
      [3, 3, 3],
    );
  });

  it('is handed to one that has to catch up first', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    cluster.isolate(3);
    leader.propose('a');
    cluster.settle();
    cluster.heal();
    leader.raft.transferLeader(3);
    cluster.tick(1, 1);
    assert.equal(cluster.member(2).lead, 3);
    assert.deepEqual(cluster.member(3).values, ['a']);
  });

  it('can be handed over on request of a follower', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.elect(1);
    cluster.member(2).raft.transferLeader(2);
    cluster.settle();
    assert.equal(cluster.member(1).lead, 2);
  });

  it('is not handed to a learner, to itself, or to a stranger', () => {
    const cluster = new Cluster([1, 2, 3], {}, confStateOf([1, 2], [3]));
    const leader = cluster.elect(1);
    for (const id of [3, 1, 9]) leader.raft.transferLeader(id);
    assert.equal(leader.raft.basicStatus().leadTransferee, NONE);
  });
});

function follower() {
  const cluster = new Cluster([1], {}, confStateOf([1, 2]));
  return cluster.member(1);
}

function install(index: number, term: number, voters: readonly number[]) {
  const snapshot = makeSnapshot(index, term, confStateOf(voters));
  return makeMessage({ type: MessageType.Snap, from: 2, to: 1, term: 3, snapshot });
}

describe('a snapshot from a leader', () => {
  it('replaces log and membership', () => {
    const member = follower();
    member.raft.step(install(9, 2, [1, 2, 3]));
    assert.equal(member.raft.hasReady(), true);
    const [ack] = member.work().filter((message) => message.type === MessageType.AppResp);
    assert.equal(ack?.index, 9);
    assert.deepEqual([member.commit, member.raft.basicStatus().applied], [9, 9]);
    assert.equal(member.raft.status().config.toString(), 'voters=(1 2 3)');
  });

  it('is ignored when it brings nothing new, or when one is no part of it', () => {
    for (const message of [install(1, 1, [1, 2]), install(9, 2, [2, 3])]) {
      const member = follower();
      member.raft.step(message);
      const [ack] = member.work().filter((sent) => sent.type === MessageType.AppResp);
      assert.equal(ack?.index, 1);
      assert.equal(member.raft.status().config.toString(), 'voters=(1 2)');
    }
  });

  it('keeps its receiver from campaigning until it is installed', () => {
    const member = follower();
    member.raft.step(install(9, 2, [1, 2, 3]));
    member.raft.campaign();
    assert.equal(member.raft.basicStatus().raftState, StateType.Follower);
  });

  it('only moves the commit index when the log holds all of it', () => {
    const member = follower();
    const entries = [2, 3].map((index) => ({ term: 2, index, type: 0 as const, data: NO_BYTES }));
    const append = { type: MessageType.App, from: 2, to: 1, term: 2, index: 1, logTerm: 1 };
    member.raft.step(makeMessage({ ...append, entries }));
    member.work();
    member.raft.step(install(3, 2, [1, 2]));
    const { snapshot } = member.raft.ready();
    assert.equal(snapshot, null);
    assert.equal(member.commit, 3);
  });
});

describe('a forwarded change', () => {
  it('that is not encoded well stops the one who proposes it, not the leader', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    const entry = { term: 0, index: 0, type: 2 as const, data: bytes('\u0008') };
    const message = makeMessage({ type: MessageType.Prop, from: 2, to: 1, entries: [entry] });
    assert.equal(leader.raft.step(message), 'proposal-dropped');
    const good = { ...entry, data: encodeConfChangeV2(simple(AddLearnerNode, 4)) };
    assert.equal(leader.raft.step({ ...message, entries: [good] }), 'ok');
    cluster.settle();
    assert.equal(configOf(cluster, 2), 'voters=(1 2 3) learners=(4)');
  });
});
