/** Leadership transfer (Raft thesis, section 3.10), as far as it goes wrong or takes its time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfChangeType, MessageType, NO_BYTES, NONE, StateType } from './index.ts';
import { bytes, Cluster, confStateOf, ELECTION_TICK } from './testing/cluster.ts';
import { leadersOf, to1 } from './testing/scenes.ts';

const { TimeoutNow, Vote, Snap } = MessageType;

function underWay(to: number): Cluster {
  const cluster = new Cluster([1, 2, 3]);
  cluster.elect(1).propose('a');
  cluster.filter = (message) => message.type !== TimeoutNow && message.to !== 3;
  cluster.settle();
  // The time that a transfer gets begins with it.
  cluster.tick(1, 4);
  cluster.member(1).raft.transferLeader(to);
  cluster.settle();
  return cluster;
}

function transferee(cluster: Cluster): number {
  return cluster.member(1).raft.basicStatus().leadTransferee;
}

describe('a transfer', () => {
  it('does not happen before the receiver has everything', () => {
    const cluster = underWay(3);
    assert.ok(!cluster.delivered.some((message) => message.type === TimeoutNow));
    assert.equal(transferee(cluster), 3);
    cluster.heal();
    cluster.tick(1, 1);
    assert.deepEqual(leadersOf(cluster), [3, 3, 3]);
    assert.deepEqual(cluster.member(3).values, ['a']);
  });

  it('waits for a snapshot that the receiver needs', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    cluster.isolate(3);
    leader.propose('a');
    cluster.settle();
    leader.storage.createSnapshot(leader.commit, null, bytes('s'));
    leader.storage.compact(leader.commit);
    const held: Parameters<Cluster['deliver']>[0][] = [];
    cluster.filter = (message) => {
      if (message.type !== Snap) return true;
      held.push(message);
      return false;
    };
    leader.raft.transferLeader(3);
    cluster.tick(1, 2);
    assert.equal(leader.raft.basicStatus().raftState, StateType.Leader);
    cluster.heal();
    for (const message of held) cluster.deliver(message);
    cluster.settle();
    assert.deepEqual(leadersOf(cluster), [3, 3, 3]);
  });

  it('is given up after an election timeout, not before', () => {
    const cluster = underWay(2);
    cluster.tick(1, ELECTION_TICK - 1);
    assert.equal(transferee(cluster), 2);
    assert.equal(cluster.member(1).propose('x'), 'proposal-dropped');
    cluster.tick(1, 1);
    assert.equal(transferee(cluster), NONE);
    assert.equal(cluster.member(1).propose('x'), 'ok');
  });

  it('is not prolonged by asking again', () => {
    const cluster = underWay(2);
    cluster.tick(1, ELECTION_TICK - 1);
    cluster.member(1).raft.transferLeader(2);
    cluster.tick(1, 1);
    assert.equal(transferee(cluster), NONE);
  });

  it('gives way to one to someone else, and to none', () => {
    const cluster = underWay(2);
    cluster.member(1).raft.transferLeader(3);
    assert.equal(transferee(cluster), 3);
    cluster.member(1).raft.transferLeader(1);
    assert.equal(transferee(cluster), NONE, 'the leader wants to stay');
    assert.equal(cluster.member(1).propose('x'), 'ok');
  });

  it('ends when a higher term is heard of', () => {
    const cluster = underWay(2);
    cluster.member(1).raft.step(to1(Vote, { term: 9, index: 99, logTerm: 9 }));
    const { leadTransferee, raftState } = cluster.member(1).raft.basicStatus();
    assert.deepEqual([leadTransferee, raftState], [NONE, StateType.Follower]);
  });

  for (const [name, type] of [
    ['is removed', ConfChangeType.RemoveNode],
    ['becomes a learner', ConfChangeType.AddLearnerNode],
  ] as const) {
    it(`ends when its receiver ${name}`, () => {
      const cluster = underWay(2);
      cluster.member(1).raft.applyConfChange({ id: 0, type, nodeId: 2, context: NO_BYTES });
      assert.equal(transferee(cluster), NONE);
    });
  }

  it('there and back again leaves the first leader leading', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.elect(1).raft.transferLeader(2);
    cluster.settle();
    cluster.member(2).raft.transferLeader(1);
    cluster.settle();
    assert.deepEqual(leadersOf(cluster), [1, 1, 1]);
  });

  it('asked of a follower is forwarded, and lost where there is no leader', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.member(3).raft.transferLeader(3);
    cluster.settle();
    assert.deepEqual(leadersOf(cluster), [NONE, NONE, NONE]);
    cluster.elect(1);
    cluster.member(3).raft.transferLeader(2);
    cluster.settle();
    assert.deepEqual(leadersOf(cluster), [2, 2, 2]);
  });

  it('asked of one who does not lead any more is forwarded once again', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.elect(1);
    const { term } = cluster.member(1);
    const request = to1(MessageType.TransferLeader, { from: 2, to: 3, term });
    cluster.member(3).raft.step(request);
    cluster.settle();
    assert.deepEqual(leadersOf(cluster), [2, 2, 2]);
  });

  it('to a learner, or to a stranger, is not begun', () => {
    const cluster = new Cluster([1, 2, 3], {}, confStateOf([1, 2], [3]));
    cluster.elect(1);
    for (const id of [3, 7]) {
      cluster.member(1).raft.transferLeader(id);
      assert.equal(transferee(cluster), NONE);
    }
  });
});
