/** What an application sees of a node over time: Readys, restarts, limits and status. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Message, Ready } from './index.ts';
import {
  entrySize,
  LOCAL_APPLY_THREAD,
  MessageType,
  NONE,
  RaftInvariantError,
  RawNode,
  StateType,
} from './index.ts';
import type { Options } from './testing/cluster.ts';
import {
  bytes,
  Cluster,
  confStateOf,
  foundedStorage,
  Member,
  makeEntry,
  text,
} from './testing/cluster.ts';
import { append, memberWithLog, to1, winElection } from './testing/scenes.ts';

const { AppResp, Heartbeat, HeartbeatResp } = MessageType;

function nodeWith(count: number, commit: number, applied: number, options: Options = {}): RawNode {
  const storage = foundedStorage(confStateOf([1, 2, 3]));
  storage.append(Array.from({ length: count }, (_, i) => makeEntry(1, i + 2, 'content')));
  storage.setHardState({ term: 1, vote: NONE, commit });
  return new RawNode({
    id: 1,
    storage,
    applied,
    electionTick: 10,
    heartbeatTick: 1,
    maxInflightMsgs: 8,
    randomElectionJitter: () => 0,
    ...options,
  });
}

function indexesOf(ready: Ready): number[] {
  return ready.committedEntries.map((entry) => entry.index);
}

describe('a node that starts again', () => {
  it('hands out what is committed and not applied, and nothing else', () => {
    const node = nodeWith(5, 5, 3);
    const ready = node.ready();
    assert.deepEqual(indexesOf(ready), [4, 5]);
    assert.deepEqual([ready.hardState, ready.softState, ready.mustSync], [null, null, false]);
    assert.deepEqual([ready.entries.length, ready.messages.length], [0, 0]);
    node.advance();
    assert.equal(node.hasReady(), false);
  });

  it('has nothing to do when everything is applied, also after a snapshot', () => {
    assert.equal(nodeWith(5, 5, 5).hasReady(), false);
    assert.equal(nodeWith(0, 1, 1).hasReady(), false);
  });

  it('keeps term, vote and log, and knows no leader', () => {
    const member = memberWithLog([1, 2], { term: 7, vote: 3, commit: 2 });
    const { term, vote, commit, lastIndex, lead, raftState } = member.raft.basicStatus();
    assert.deepEqual([term, vote, commit, lastIndex], [7, 3, 2, 3]);
    assert.deepEqual([lead, raftState], [NONE, StateType.Follower]);
  });

  it('applies each entry once, however often the group restarts', () => {
    const cluster = new Cluster([1, 2, 3]);
    for (let round = 0; round < 4; round++) {
      const leader = cluster.elect((round % 3) + 1);
      leader.propose(`v${round}`);
      cluster.settle();
      for (const member of cluster.members.values()) member.restart();
    }
    for (const member of cluster.members.values()) {
      assert.deepEqual(member.values, ['v0', 'v1', 'v2', 'v3']);
    }
  });
});

describe('the limit of what is being applied', () => {
  const size = entrySize(makeEntry(1, 2, 'content'));

  it('divides what is committed into Readys without gaps, after a restart too', () => {
    for (const fit of [1, 2, 3]) {
      const node = nodeWith(10, 11, 1, { maxCommittedSizePerReady: fit * size });
      const seen: number[] = [];
      while (node.hasReady()) {
        const indexes = indexesOf(node.ready());
        assert.ok(indexes.length <= fit);
        seen.push(...indexes);
        node.advance();
      }
      assert.deepEqual(seen, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }
  });

  it('holds back with asynchronous writes until something is applied', () => {
    // The rest would not be enough for a third entry.
    const options = { asyncStorageWrites: true, maxCommittedSizePerReady: 3 * size - 1 };
    const node = nodeWith(10, 11, 1, options);
    const applies: Message[] = [];
    const work = () => {
      const messages = node.hasReady() ? node.ready().messages : [];
      applies.push(...messages.filter((message) => message.to === LOCAL_APPLY_THREAD));
    };
    work();
    work();
    assert.deepEqual(
      applies.map((message) => message.entries.length),
      [2],
    );
    for (const response of applies[0]?.responses ?? []) node.step(response);
    work();
    assert.deepEqual(
      applies.map((message) => message.entries.map((entry) => entry.index)),
      [
        [2, 3],
        [4, 5],
      ],
    );
  });

  it('holds back what is committed later, when it was used up exactly', () => {
    const options = { asyncStorageWrites: true, maxCommittedSizePerReady: 2 * size };
    const node = nodeWith(10, 3, 1, options);
    const [apply] = node.ready().messages.filter((message) => message.to === LOCAL_APPLY_THREAD);
    assert.equal(apply?.entries.length, 2);
    node.step(to1(Heartbeat, { term: 1, commit: 5 }));
    assert.deepEqual(indexesOf(node.ready()), []);
    for (const response of apply?.responses ?? []) node.step(response);
    assert.deepEqual(indexesOf(node.ready()), [4, 5]);
  });

  it('is freed by as much as was applied', () => {
    const options = { asyncStorageWrites: true, maxCommittedSizePerReady: 4 * size };
    const node = nodeWith(10, 3, 1, options);
    const [apply] = node.ready().messages.filter((message) => message.to === LOCAL_APPLY_THREAD);
    node.step(to1(Heartbeat, { term: 1, commit: 11 }));
    assert.deepEqual(indexesOf(node.ready()), [4, 5]);
    for (const response of apply?.responses ?? []) node.step(response);
    assert.deepEqual(indexesOf(node.ready()), [6, 7]);
  });

  it('lets a single entry pass that is larger', () => {
    const node = nodeWith(3, 4, 1, { maxCommittedSizePerReady: 1 });
    assert.deepEqual(indexesOf(node.ready()), [2]);
  });
});

describe('the limit of what is uncommitted', () => {
  it('bounds the log of a leader without a quorum', () => {
    const member = memberWithLog([], {}, { maxUncommittedEntriesSize: 100 });
    winElection(member);
    const before = member.raft.basicStatus().lastIndex;
    for (let i = 0; i < 1000; i++) member.propose('0123456789');
    assert.equal(member.raft.basicStatus().lastIndex - before, 10);
  });

  it('is freed by what is applied, and not by what was inherited', () => {
    const member = memberWithLog([1, 1, 1], {}, { maxUncommittedEntriesSize: 12 });
    winElection(member);
    member.raft.step(to1(AppResp, { term: member.term, index: 5 }));
    member.work();
    assert.equal(member.applied.length, 4, 'the inherited entries count for less than nothing');
    assert.deepEqual(
      ['0123456789', '01', '0'].map((value) => member.propose(value)),
      ['ok', 'ok', 'proposal-dropped'],
    );
  });

  it('is a new one in every term', () => {
    const member = memberWithLog([], {}, { maxUncommittedEntriesSize: 10 });
    winElection(member);
    member.propose('0123456789');
    assert.equal(member.propose('0'), 'proposal-dropped');
    member.raft.step(to1(Heartbeat, { term: 3 }));
    winElection(member);
    assert.equal(member.propose('0123456789'), 'ok');
  });

  it('takes a batch whole or not at all', () => {
    const member = memberWithLog([], {}, { maxUncommittedEntriesSize: 10 });
    winElection(member);
    member.propose('12345678');
    const { lastIndex } = member.raft.basicStatus();
    assert.equal(member.raft.proposeBatch(['a', 'b', 'c'].map(bytes)), 'proposal-dropped');
    assert.equal(member.raft.basicStatus().lastIndex, lastIndex);
    assert.equal(member.raft.proposeBatch(['a', 'b'].map(bytes)), 'ok');
  });
});

describe('a Ready', () => {
  it('holds each message once; what comes up meanwhile is in the next one', () => {
    const member = memberWithLog([], { term: 2 });
    member.raft.step(to1(Heartbeat, { term: 2 }));
    const first = member.raft.ready();
    member.raft.step(to1(Heartbeat, { term: 2 }));
    member.raft.advance();
    const second = member.raft.ready();
    assert.deepEqual([first.messages.length, second.messages.length], [1, 1]);
    assert.equal(second.softState, null, 'the leader is no news any more');
  });

  it('tells of a leader, and of its loss', () => {
    const member = memberWithLog([], { term: 2 });
    member.raft.step(to1(Heartbeat, { term: 2 }));
    assert.deepEqual(member.raft.ready().softState, { lead: 2, raftState: StateType.Follower });
    member.raft.advance();
    member.raft.forgetLeader();
    assert.deepEqual(member.raft.ready().softState, { lead: NONE, raftState: StateType.Follower });
  });

  it('holds committed entries that are not durable yet, where advance comes after the write', () => {
    const member = memberWithLog([], { term: 2 });
    member.raft.step(append(2, [1, 1], [2, 2], 3));
    const ready = member.raft.ready();
    assert.deepEqual([ready.entries.length, indexesOf(ready)], [2, [2, 3]]);
  });
});

function contexts(member: Member): string[] {
  return member.readStates.map((state) => text(state.requestCtx));
}

describe('reads', () => {
  it('with the same context are answered one by one', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.elect(1);
    for (let i = 0; i < 3; i++) cluster.member(1).raft.readIndex(bytes('same'));
    cluster.settle();
    assert.deepEqual(contexts(cluster.member(1)), ['same', 'same', 'same']);
  });

  it('that are answered burden no heartbeat any more', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    leader.raft.readIndex(bytes('r'));
    cluster.settle();
    leader.raft.tick();
    for (const message of leader.work()) assert.equal(message.context.length, 0);
  });

  it('are confirmed by both halves of a joint configuration', () => {
    const confState = { ...confStateOf([1, 2, 3]), votersOutgoing: [1, 4, 5] };
    const storage = foundedStorage(confState);
    const member = new Member(1, storage, {});
    winElection(member, [2, 3, 4, 5]);
    for (const from of [2, 4]) member.raft.step(to1(AppResp, { from, term: 2, index: 2 }));
    member.work();
    member.raft.readIndex(bytes('r'));
    const context = member.work()[0]?.context;
    assert.ok(context !== undefined);
    for (const [from, count] of [
      [2, 0],
      [3, 0],
      [4, 1],
    ] as const) {
      member.raft.step(to1(HeartbeatResp, { from, term: 2, context }));
      member.work();
      assert.equal(member.readStates.length, count);
    }
  });
});

describe('the status', () => {
  it('shows progress on a leader only, as copies', () => {
    const member = memberWithLog([]);
    assert.equal(member.raft.status().progress.size, 0);
    winElection(member);
    const { progress, config } = member.raft.status();
    assert.deepEqual([...progress.keys()], [1, 2, 3]);
    assert.equal(config.toString(), 'voters=(1 2 3)');
    progress.get(2)?.becomeSnapshot(1);
    assert.notEqual(member.raft.status().progress.get(2)?.pendingSnapshot, 1);
  });
});

describe('an application that breaks the order', () => {
  it('is told so: two Readys without advance', () => {
    const node = nodeWith(3, 4, 1);
    node.ready();
    node.propose(bytes('x'));
    assert.throws(() => node.ready(), RaftInvariantError);
  });
});
