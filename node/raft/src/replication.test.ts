import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Storage } from './index.ts';
import {
  MessageType,
  NO_LIMIT,
  NONE,
  ProgressState,
  RaftInvariantError,
  StateType,
  StorageError,
} from './index.ts';
import {
  bytes,
  Cluster,
  confStateOf,
  foundedStorage,
  Member,
  makeEntry,
  makeMessage,
} from './testing/cluster.ts';

/** Voters 1..n whose logs, from index 2 on, have the given terms. */
function clusterWithLogs(logs: readonly (readonly number[])[], options = {}): Cluster {
  const ids = logs.map((_, i) => i + 1);
  const cluster = new Cluster([]);
  const term = Math.max(1, ...logs.flat());
  for (const [i, terms] of logs.entries()) {
    const storage = foundedStorage(confStateOf(ids));
    storage.append(terms.map((term, at) => makeEntry(term, at + 2, `${term}.${at + 2}`)));
    storage.setHardState({ term, vote: NONE, commit: 1 });
    cluster.add(i + 1, storage, options);
  }
  return cluster;
}

function logOf(member: Member): number[] {
  const { storage } = member;
  return storage
    .entries(storage.firstIndex(), storage.lastIndex() + 1, NO_LIMIT)
    .map((entry) => entry.term);
}

describe('a proposal', () => {
  it('is committed and applied everywhere', () => {
    const cluster = new Cluster([1, 2, 3]);
    assert.equal(cluster.elect(1).propose('a'), 'ok');
    cluster.settle();
    for (const member of cluster.members.values()) assert.deepEqual(member.values, ['a']);
  });

  it('is committed with a minority missing, which catches up later', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    cluster.isolate(3);
    for (const value of ['a', 'b', 'c']) leader.propose(value);
    cluster.settle();
    assert.deepEqual(leader.values, ['a', 'b', 'c']);
    assert.deepEqual(cluster.member(3).values, []);
    cluster.heal();
    cluster.tick(1, 1);
    assert.deepEqual(cluster.member(3).values, ['a', 'b', 'c']);
  });

  it('is not committed without a majority', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    const { commit } = leader;
    cluster.isolate(1);
    leader.propose('a');
    cluster.settle();
    assert.equal(leader.commit, commit);
  });

  it('is forwarded by a follower, and dropped where there is no leader', () => {
    const cluster = new Cluster([1, 2, 3]);
    assert.equal(cluster.member(2).propose('lost'), 'proposal-dropped');
    cluster.elect(1);
    assert.equal(cluster.member(2).propose('a'), 'ok');
    cluster.settle();
    assert.deepEqual(cluster.member(3).values, ['a']);
  });

  it('is dropped by a follower that must not forward', () => {
    const cluster = new Cluster([1, 2, 3], { disableProposalForwarding: true });
    cluster.elect(1);
    assert.equal(cluster.member(2).propose('a'), 'proposal-dropped');
  });

  it('is refused while leadership is being handed over', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    cluster.isolate(3);
    leader.propose('a');
    cluster.settle();
    leader.raft.transferLeader(3);
    assert.equal(leader.propose('b'), 'proposal-dropped');
    cluster.tick(1, 10);
    assert.equal(leader.propose('c'), 'ok', 'the transfer was given up after an election timeout');
  });

  it('of several entries is taken whole', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    assert.equal(leader.raft.proposeBatch(['a', 'b'].map(bytes)), 'ok');
    assert.equal(leader.raft.proposeBatch([]), 'ok');
    cluster.settle();
    assert.deepEqual(cluster.member(2).values, ['a', 'b']);
  });

  it('is dropped when the uncommitted tail would get too large', () => {
    const cluster = new Cluster([1, 2, 3], { maxUncommittedEntriesSize: 10 });
    const leader = cluster.elect(1);
    cluster.isolate(1);
    assert.equal(leader.propose('12345678901234567890'), 'ok', 'the first may have any size');
    assert.equal(leader.propose('x'), 'proposal-dropped');
    assert.equal(leader.propose(''), 'ok', 'an empty one always passes');
    cluster.heal();
    cluster.tick(1, 1);
    assert.equal(leader.propose('x'), 'ok');
  });
});

describe('a leader', () => {
  it('does not commit an entry of an earlier term by counting (figure 8)', () => {
    // (c) of the figure: 1 leads in term 4; its entry of term 2 is on a majority.
    const cluster = clusterWithLogs([[2], [2], [3], [], []]);
    const leader = cluster.member(1);
    cluster.isolate(1, 2, 4);
    // The entry of the new term gets to nobody.
    const blockNew = cluster.filter;
    cluster.filter = (message) =>
      blockNew(message) && !message.entries.some((entry) => entry.term > 3);
    leader.raft.campaign();
    cluster.settle();
    assert.equal(leader.raft.basicStatus().raftState, StateType.Leader);
    const append = { type: MessageType.AppResp, to: 1, term: leader.term, index: 2 };
    for (const from of [2, 4]) leader.raft.step(makeMessage({ ...append, from }));
    leader.work();
    assert.equal(leader.commit, 1, 'a majority has index 2, but it is of term 2');

    // (d2): once an entry of its own term is on a majority, both are committed.
    const own = { type: MessageType.AppResp, to: 1, term: leader.term, index: 3 };
    for (const from of [2, 4]) leader.raft.step(makeMessage({ ...own, from }));
    assert.equal(leader.commit, 3);
  });

  it('counts itself only once its entries are durable', () => {
    const storage = foundedStorage(confStateOf([1]));
    const member = new Member(1, storage, {});
    member.raft.campaign();
    member.work();
    const { commit } = member;
    member.propose('a');
    member.raft.ready();
    assert.equal(member.commit, commit);
    member.raft.advance();
    assert.equal(member.commit, commit + 1);
  });

  it('makes diverged followers agree with it, in a few round trips', () => {
    // The logs of figure 7 of the Raft paper.
    const logs = [
      [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
      [1, 1, 1, 4, 4, 5, 5, 6, 6],
      [1, 1, 1, 4],
      [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      [1, 1, 1, 4, 4, 4, 4],
      [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    const cluster = clusterWithLogs(logs);
    cluster.elect(1);
    cluster.tick(1, 2);
    const leader = cluster.member(1);
    assert.equal(leader.raft.basicStatus().raftState, StateType.Leader);
    for (const member of cluster.members.values()) assert.deepEqual(logOf(member), logOf(leader));
    const rejections = cluster.delivered.filter((message) => message.to === 1 && message.reject);
    const perFollower = (id: number) =>
      rejections.filter((m) => m.from === id && m.type === MessageType.AppResp).length;
    for (const id of [2, 3, 4, 5, 6, 7]) assert.ok(perFollower(id) <= 3, `follower ${id}`);
  });

  it('has, once elected, every committed entry', () => {
    const value = fc.record({
      leader: fc.integer({ min: 1, max: 5 }),
      cut: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 2 }),
      proposals: fc.integer({ min: 0, max: 3 }),
      restart: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 12 }), (rounds) => {
        const cluster = new Cluster([1, 2, 3, 4, 5]);
        const committed: string[] = [];
        let serial = 0;
        for (const round of rounds) {
          cluster.isolate(...round.cut);
          const member = cluster.elect(round.leader);
          for (let i = 0; i < round.proposals; i++) member.propose(`v${serial++}`);
          cluster.settle();
          for (const { values } of cluster.members.values()) {
            const common = Math.min(values.length, committed.length);
            assert.deepEqual(values.slice(0, common), committed.slice(0, common));
            committed.push(...values.slice(committed.length));
          }
          cluster.member(round.restart).restart();
        }
        cluster.heal();
        // Not the first: it may still believe that it leads an earlier term, and then not campaign.
        for (const id of [1, 2, 3, 4, 5]) cluster.elect(id);
        const members = [...cluster.members.values()];
        const term = Math.max(...members.map((member) => member.term));
        const leader = members.find((member) => member.term === term && member.lead === member.id);
        assert.ok(leader, 'somebody leads the latest term');
        cluster.tick(leader.id, 2);
        assert.deepEqual(leader.values.slice(0, committed.length), committed);
      }),
      { numRuns: 40 },
    );
  });
});

function leaderWith(options: object): { cluster: Cluster; leader: Member; sent: () => number } {
  const cluster = new Cluster([1, 2], options);
  const leader = cluster.elect(1);
  cluster.silence();
  const sent = () =>
    leader
      .work()
      .filter((message) => message.type === MessageType.App && message.entries.length > 0).length;
  return { cluster, leader, sent };
}

describe('flow control', () => {
  it('stops after the number of messages under way', () => {
    const { leader, sent } = leaderWith({ maxInflightMsgs: 3 });
    for (let i = 0; i < 10; i++) leader.propose('x');
    assert.equal(sent(), 3);
  });

  it('stops after the number of bytes under way', () => {
    const { leader, sent } = leaderWith({ maxInflightBytes: 100, maxSizePerMsg: 100 });
    for (let i = 0; i < 10; i++) leader.propose('x'.repeat(40));
    assert.equal(sent(), 3);
  });

  it('cuts messages by size, with one entry at least', () => {
    const { cluster, leader } = leaderWith({ maxSizePerMsg: 0, maxCommittedSizePerReady: 1 });
    cluster.heal();
    leader.raft.proposeBatch(['a', 'b', 'c'].map(bytes));
    cluster.settle();
    const counts = cluster.delivered.map((message) => message.entries.length);
    assert.equal(Math.max(...counts), 1);
    assert.deepEqual(cluster.member(2).values, ['a', 'b', 'c']);
  });

  it('resumes when the follower answers a heartbeat', () => {
    const { cluster, leader } = leaderWith({ maxInflightMsgs: 2 });
    for (let i = 0; i < 6; i++) leader.propose('x');
    cluster.settle();
    cluster.heal();
    cluster.tick(1, 3);
    assert.equal(cluster.member(2).values.length, 6);
  });

  it('probes one message at a time after a report that the follower is unreachable', () => {
    const { leader, sent } = leaderWith({});
    leader.raft.reportUnreachable(2);
    assert.equal(leader.raft.status().progress.get(2)?.state, ProgressState.Probe);
    for (let i = 0; i < 3; i++) leader.propose('x');
    assert.equal(sent(), 1);
  });
});

function lagging(): { cluster: Cluster; leader: Member } {
  const cluster = new Cluster([1, 2, 3]);
  const leader = cluster.elect(1);
  cluster.isolate(3);
  for (let i = 0; i < 5; i++) leader.propose(`v${i}`);
  cluster.settle();
  leader.storage.createSnapshot(leader.commit, null, bytes('snapshot'));
  leader.storage.compact(leader.commit);
  return { cluster, leader };
}

describe('a follower behind the compacted log', () => {
  it('gets a snapshot, and then the entries after it', () => {
    const { cluster, leader } = lagging();
    cluster.heal();
    cluster.tick(1, 2);
    leader.propose('after');
    cluster.settle();
    const follower = cluster.member(3);
    assert.equal(follower.storage.snapshot().metadata.index, leader.commit - 1);
    assert.deepEqual(follower.values, ['after']);
    assert.equal(leader.raft.status().progress.get(3)?.state, ProgressState.Replicate);
  });

  it('gets another one after the first has failed', () => {
    const { cluster, leader } = lagging();
    cluster.filter = (message) => message.type !== MessageType.Snap;
    cluster.tick(1, 2);
    assert.equal(leader.raft.status().progress.get(3)?.state, ProgressState.Snapshot);
    cluster.heal();
    leader.raft.reportSnapshot(3, 'failure');
    cluster.tick(1, 2);
    assert.equal(cluster.member(3).commit, leader.commit);
  });

  it('waits while no snapshot can be given', () => {
    const { cluster, leader } = lagging();
    let available = false;
    const { storage } = leader;
    const take = storage.snapshot.bind(storage);
    storage.snapshot = () => {
      if (!available) throw new StorageError('SNAPSHOT_TEMPORARILY_UNAVAILABLE');
      return take();
    };
    cluster.heal();
    cluster.tick(1, 2);
    assert.equal(leader.raft.status().progress.get(3)?.state, ProgressState.Probe);
    available = true;
    cluster.tick(1, 2);
    assert.equal(cluster.member(3).commit, leader.commit);
  });
});

describe('a heartbeat', () => {
  it('makes a follower commit no more than it is known to have', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    cluster.isolate(3);
    leader.propose('a');
    cluster.settle();
    leader.raft.tick();
    const beat = leader.work().find((message) => message.to === 3);
    assert.equal(beat?.type, MessageType.Heartbeat);
    assert.equal(beat?.commit, leader.commit - 1);
  });

  it('that names a commit index beyond the log is a violation', () => {
    const member = new Member(1, foundedStorage(confStateOf([1, 2])), {});
    const beat = makeMessage({ type: MessageType.Heartbeat, from: 2, to: 1, term: 2, commit: 99 });
    assert.throws(() => member.raft.step(beat), RaftInvariantError);
  });
});

const broken = (changes: Partial<Storage>): Member => {
  const storage = foundedStorage(confStateOf([1]));
  return new Member(1, Object.assign(storage, changes), {});
};

describe('a storage that contradicts itself', () => {
  it('is refused at the start', () => {
    assert.throws(() => broken({ lastIndex: () => 0 }), /storage breaks its contract/);
    const lost = { hardState: { term: 3, vote: 0, commit: 7 }, confState: confStateOf([1]) };
    assert.throws(() => broken({ initialState: () => lost }), /commit 7 is out of range/);
  });

  it('passes on what it throws', () => {
    const member = broken({});
    member.raft.campaign();
    member.work();
    member.storage.lastIndex = () => {
      throw new Error('disk on fire');
    };
    assert.throws(() => member.raft.basicStatus(), /disk on fire/);
  });
});
