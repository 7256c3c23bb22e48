import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfChangeType, MessageType, NO_BYTES, ReadOnlyOption } from './index.ts';
import {
  bytes,
  Cluster,
  confStateOf,
  foundedStorage,
  Member,
  makeEntry,
  makeMessage,
  text,
} from './testing/cluster.ts';

function answers(member: Member): [string, number][] {
  return member.readStates.map((state) => [text(state.requestCtx), state.index]);
}

describe('a ReadIndex request', () => {
  it('is answered with the commit index, on whichever member asked', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    leader.propose('a');
    cluster.settle();
    cluster.member(1).raft.readIndex(bytes('own'));
    cluster.member(3).raft.readIndex(bytes('forwarded'));
    cluster.settle();
    assert.deepEqual(answers(leader), [['own', leader.commit]]);
    assert.deepEqual(answers(cluster.member(3)), [['forwarded', leader.commit]]);
  });

  it('is never answered by a leader that a quorum has left', () => {
    const cluster = new Cluster([1, 2, 3]);
    const old = cluster.elect(1);
    cluster.isolate(1);
    cluster.elect(2).propose('newer');
    cluster.settle();
    old.raft.readIndex(bytes('r'));
    cluster.tick(1, 5);
    assert.deepEqual(answers(old), []);
    cluster.heal();
    cluster.tick(2, 1);
    cluster.tick(1, 1);
    assert.deepEqual(answers(old), [], 'nor after it has learned better');
  });

  it('waits for the first commit of the term, and then sees everything before it', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.elect(1).propose('a');
    cluster.settle();
    // 2 wins an election, but its first entry gets to nobody.
    cluster.filter = (message) => message.type !== MessageType.App;
    const leader = cluster.elect(2);
    const { commit } = leader;
    leader.raft.readIndex(bytes('early'));
    cluster.settle();
    assert.deepEqual(answers(leader), []);
    cluster.heal();
    cluster.tick(2, 2);
    assert.deepEqual(answers(leader), [['early', commit + 1]]);
  });

  it('is confirmed by any later heartbeat when its own got lost', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    cluster.silence();
    leader.raft.readIndex(bytes('a'));
    leader.raft.readIndex(bytes('b'));
    cluster.settle();
    assert.deepEqual(answers(leader), []);
    cluster.heal();
    cluster.tick(1, 1);
    assert.deepEqual(
      answers(leader).map(([context]) => context),
      ['a', 'b'],
    );
  });

  it('is not confirmed by an answer to an earlier heartbeat', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    cluster.silence();
    leader.raft.readIndex(bytes('a'));
    leader.work();
    leader.raft.readIndex(bytes('b'));
    leader.work();
    const context = new Uint8Array(8);
    context[0] = 1;
    const ack = { type: MessageType.HeartbeatResp, from: 2, to: 1, term: leader.term, context };
    leader.raft.step(makeMessage(ack));
    leader.work();
    assert.deepEqual(
      answers(leader).map(([name]) => name),
      ['a'],
    );
  });

  it('is not confirmed by a learner, nor by nonsense', () => {
    const cluster = new Cluster([1, 2, 3, 4], {}, confStateOf([1, 2, 3], [4]));
    const leader = cluster.elect(1);
    cluster.isolate(1, 4);
    leader.raft.readIndex(bytes('a'));
    cluster.settle();
    cluster.tick(1, 2);
    const nonsense = { type: MessageType.HeartbeatResp, from: 2, to: 1, term: leader.term };
    leader.raft.step(makeMessage({ ...nonsense, context: bytes('x') }));
    cluster.settle();
    assert.deepEqual(answers(leader), []);
  });

  it('does not survive the term of its leader', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    cluster.silence();
    leader.raft.readIndex(bytes('a'));
    leader.work();
    cluster.heal();
    cluster.elect(2);
    cluster.elect(1);
    cluster.tick(1, 2);
    assert.deepEqual(answers(leader), []);
  });

  it('is answered at once by a leader that is the only voter', () => {
    const cluster = new Cluster([1]);
    const leader = cluster.elect(1);
    leader.raft.readIndex(bytes('a'));
    cluster.settle();
    assert.deepEqual(answers(leader), [['a', leader.commit]]);
  });

  it('waits for the first commit of a single voter whose commit index got lost', () => {
    const storage = foundedStorage(confStateOf([1]));
    storage.append([makeEntry(1, 2, 'a'), makeEntry(1, 3, 'b')]);
    const member = new Member(1, storage, {});
    member.raft.campaign();
    member.raft.ready();
    member.raft.advance();
    member.raft.readIndex(bytes('r'));
    member.work();
    assert.deepEqual(answers(member), [['r', 4]]);
  });

  it('is confirmed by the one voter that is left, not by the leader that was removed', () => {
    const cluster = new Cluster([1, 2], { stepDownOnRemoval: false });
    const leader = cluster.elect(1);
    const removal = { id: 0, type: ConfChangeType.RemoveNode, nodeId: 1, context: NO_BYTES };
    leader.raft.proposeConfChange(removal);
    cluster.settle();
    cluster.silence();
    leader.raft.readIndex(bytes('r'));
    cluster.settle();
    assert.deepEqual(answers(leader), []);
    cluster.heal();
    cluster.tick(1, 1);
    assert.deepEqual(answers(leader), [['r', leader.commit]]);
  });

  it('is answered at once under a lease', () => {
    const options = { readOnlyOption: ReadOnlyOption.LeaseBased, checkQuorum: true };
    const cluster = new Cluster([1, 2, 3], options);
    const leader = cluster.elect(1);
    cluster.silence();
    leader.raft.readIndex(bytes('a'));
    leader.work();
    assert.deepEqual(answers(leader), [['a', leader.commit]]);
  });

  it('gets lost where there is no leader', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.member(2).raft.readIndex(bytes('a'));
    cluster.settle();
    cluster.elect(1);
    assert.deepEqual(answers(cluster.member(2)), []);
  });
});
