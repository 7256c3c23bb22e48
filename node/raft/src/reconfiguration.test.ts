/** Membership changes in unlucky moments, and the same ones in both of their forms. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConfChange, ConfChangeSingle, ConfChangeV2 } from './index.ts';
import {
  ConfChangeError,
  ConfChangeTransition,
  ConfChangeType,
  LEAVE_JOINT,
  MemoryStorage,
  MessageType,
  NO_BYTES,
  NONE,
  StateType,
} from './index.ts';
import { Cluster, confStateOf, ELECTION_TICK } from './testing/cluster.ts';

const { AddNode, RemoveNode, AddLearnerNode, UpdateNode } = ConfChangeType;
const { Auto, JointImplicit, JointExplicit } = ConfChangeTransition;

function v1(type: ConfChangeType, nodeId: number): ConfChange {
  return { id: 0, type, nodeId, context: NO_BYTES };
}

function v2(transition: ConfChangeTransition, ...changes: ConfChangeSingle[]): ConfChangeV2 {
  return { transition, changes, context: NO_BYTES };
}

function configOf(cluster: Cluster, id: number): string {
  return cluster.member(id).raft.status().config.toString();
}

describe('a change of one member', () => {
  for (const [name, type, nodeId, expected] of [
    ['adds a voter', AddNode, 4, 'voters=(1 2 3 4)'],
    ['adds a learner', AddLearnerNode, 4, 'voters=(1 2 3) learners=(4)'],
    ['removes a voter', RemoveNode, 3, 'voters=(1 2)'],
    ['makes a learner of a voter', AddLearnerNode, 3, 'voters=(1 2) learners=(3)'],
    ['changes nothing for a voter that is one', AddNode, 3, 'voters=(1 2 3)'],
    ['changes nothing by removing a stranger', RemoveNode, 9, 'voters=(1 2 3)'],
    ['changes nothing by updating', UpdateNode, 2, 'voters=(1 2 3)'],
  ] as const) {
    const forms = { old: v1(type, nodeId), general: v2(Auto, { type, nodeId }) };
    for (const [form, change] of Object.entries(forms)) {
      it(`${name}, in its ${form} form, and the next one is possible`, () => {
        const cluster = new Cluster([1, 2, 3]);
        const leader = cluster.elect(1);
        assert.equal(leader.raft.proposeConfChange(change), 'ok');
        cluster.settle();
        assert.equal(configOf(cluster, 1), expected);
        assert.equal(configOf(cluster, 2), expected);
        leader.raft.proposeConfChange(v1(AddLearnerNode, 7));
        cluster.settle();
        assert.match(configOf(cluster, 1), /learners=\(.*7\)/);
      });
    }
  }

  it('promotes a learner, who may then lead', () => {
    const cluster = new Cluster([1, 2, 3], {}, confStateOf([1, 2], [3]));
    cluster.elect(1).raft.proposeConfChange(v1(AddNode, 3));
    cluster.settle();
    cluster.elect(3);
    assert.equal(cluster.member(2).lead, 3);
  });

  it('keeps what the leader knows about those who stay', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    leader.propose('a');
    cluster.settle();
    const before = leader.raft.status().progress.get(2)?.match;
    leader.raft.applyConfChange(v1(AddLearnerNode, 2));
    leader.raft.applyConfChange(v1(AddNode, 2));
    leader.raft.applyConfChange(v1(AddNode, 4));
    assert.equal(leader.raft.status().progress.get(2)?.match, before);
    assert.equal(leader.raft.status().progress.get(4)?.match, 0);
  });

  it('cannot take the last voter away', () => {
    const cluster = new Cluster([1], {}, confStateOf([1], [2]));
    const { raft } = cluster.elect(1);
    for (const change of [v1(RemoveNode, 1), v1(AddLearnerNode, 1)]) {
      assert.throws(() => raft.applyConfChange(change), ConfChangeError);
      assert.equal(raft.status().config.toString(), 'voters=(1) learners=(2)');
    }
  });

  it('voids itself by naming nobody, as an application refuses it', () => {
    const cluster = new Cluster([1, 2]);
    const { raft } = cluster.elect(1);
    assert.deepEqual(raft.applyConfChange(v1(RemoveNode, NONE)), confStateOf([1, 2]));
  });
});

const replace = [
  { type: RemoveNode, nodeId: 3 },
  { type: AddNode, nodeId: 4 },
] as const;

function group(options = {}): Cluster {
  const cluster = new Cluster([1, 2, 3, 4], options, confStateOf([1, 2, 3]));
  cluster.elect(1);
  return cluster;
}

describe('a joint configuration', () => {
  it('is left by itself, when it is implicit, also for a single change and for none', () => {
    for (const changes of [[...replace], replace.slice(1), []]) {
      const cluster = group();
      cluster.member(1).raft.proposeConfChange(v2(JointImplicit, ...changes));
      cluster.settle();
      assert.doesNotMatch(configOf(cluster, 1), /&&/);
    }
  });

  it('is left by the next leader when the first one fails in between', () => {
    const cluster = group();
    const { raft } = cluster.member(1);
    raft.proposeConfChange(v2(JointImplicit, ...replace));
    const { lastIndex } = raft.basicStatus();
    // The others learn that the change is committed, and nothing after it.
    cluster.filter = (message) => message.entries.every((entry) => entry.index <= lastIndex);
    cluster.settle();
    assert.match(configOf(cluster, 2), /&&.*autoleave/);
    cluster.isolate(1);
    cluster.elect(2);
    assert.equal(configOf(cluster, 2), 'voters=(1 2 4)');
    assert.equal(configOf(cluster, 4), 'voters=(1 2 4)');
  });

  it('is left later when leadership is just being handed over', () => {
    const cluster = group();
    const { raft } = cluster.member(1);
    raft.proposeConfChange(v2(JointImplicit, ...replace));
    cluster.filter = (message) => message.type !== MessageType.TimeoutNow;
    raft.transferLeader(2);
    cluster.settle();
    assert.match(configOf(cluster, 1), /autoleave/, 'proposals are refused meanwhile');
    cluster.tick(1, ELECTION_TICK);
    assert.equal(cluster.member(1).propose('x'), 'ok');
    cluster.settle();
    assert.equal(configOf(cluster, 1), 'voters=(1 2 4)');
  });

  it('is left by a leader that it removes', () => {
    for (const stepDownOnRemoval of [false, true]) {
      const cluster = group({ stepDownOnRemoval });
      const changes = [
        { type: RemoveNode, nodeId: 1 },
        { type: AddNode, nodeId: 4 },
      ];
      cluster.member(1).raft.proposeConfChange(v2(JointImplicit, ...changes));
      cluster.settle();
      assert.equal(configOf(cluster, 2), 'voters=(2 3 4)');
      const { raftState } = cluster.member(1).raft.basicStatus();
      assert.equal(raftState, stepDownOnRemoval ? StateType.Follower : StateType.Leader);
      cluster.elect(4);
      assert.equal(cluster.member(3).lead, 4);
    }
  });

  it('survives a restart of everyone', () => {
    const cluster = group();
    cluster.member(1).raft.proposeConfChange(v2(JointExplicit, ...replace));
    cluster.settle();
    const joint = 'voters=(1 2 4)&&(1 2 3)';
    for (const member of cluster.members.values()) {
      assert.equal(configOf(cluster, member.id), joint);
      const { config } = member.raft.status();
      member.storage.createSnapshot(member.commit, config.toConfState(), NO_BYTES);
      member.restart();
      assert.equal(configOf(cluster, member.id), joint);
    }
    cluster.elect(2).raft.proposeConfChange(LEAVE_JOINT);
    cluster.settle();
    assert.equal(configOf(cluster, 1), 'voters=(1 2 4)');
  });

  it('elects nobody without both majorities', () => {
    const cluster = group();
    const change = v2(JointExplicit, { type: RemoveNode, nodeId: 2 }, ...replace);
    cluster.member(1).raft.proposeConfChange(change);
    cluster.settle();
    assert.equal(configOf(cluster, 4), 'voters=(1 4)&&(1 2 3)');
    cluster.isolate(1);
    assert.equal(cluster.elect(4).raft.basicStatus().raftState, StateType.Candidate);
    cluster.isolate(2, 3);
    assert.equal(cluster.elect(4).raft.basicStatus().raftState, StateType.Candidate);
    cluster.heal();
    assert.equal(cluster.elect(4).raft.basicStatus().raftState, StateType.Leader);
  });
});

describe('a group', () => {
  it('grows from one member to five and shrinks to one again, with data all along', () => {
    const cluster = new Cluster([1]);
    const leader = cluster.elect(1);
    for (const id of [2, 3, 4, 5]) {
      const storage = new MemoryStorage();
      storage.applySnapshot(leader.storage.snapshot());
      cluster.add(id, storage);
      leader.raft.proposeConfChange(v1(AddLearnerNode, id));
      cluster.settle();
      leader.raft.proposeConfChange(v1(AddNode, id));
      leader.propose(`with ${id}`);
      cluster.settle();
    }
    assert.equal(configOf(cluster, 5), 'voters=(1 2 3 4 5)');
    for (const id of [1, 2, 3, 4]) {
      const member = cluster.elect(5);
      member.raft.proposeConfChange(v1(RemoveNode, id));
      cluster.settle();
      member.propose(`without ${id}`);
      cluster.settle();
      cluster.members.delete(id);
    }
    assert.equal(configOf(cluster, 5), 'voters=(5)');
    assert.deepEqual(cluster.member(5).values.slice(-2), ['without 3', 'without 4']);
    assert.equal(cluster.member(5).values.length, 8);
  });
});

describe('leaving a joint configuration by itself', () => {
  it('is proposed once, however much is applied before that', () => {
    const cluster = new Cluster([1], { maxCommittedSizePerReady: 1 });
    const { raft } = cluster.elect(1);
    const { lastIndex } = raft.basicStatus();
    raft.proposeConfChange(v2(JointImplicit, { type: AddLearnerNode, nodeId: 2 }));
    for (const value of ['a', 'b', 'c']) cluster.member(1).propose(value);
    cluster.settle();
    assert.doesNotMatch(configOf(cluster, 1), /&&/);
    assert.equal(raft.basicStatus().lastIndex, lastIndex + 1 + 3 + 1);
  });
});
