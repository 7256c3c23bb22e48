import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EntryType, MemoryStorage, MessageType, NONE, StateType } from './index.ts';
import {
  Cluster,
  confStateOf,
  ELECTION_TICK,
  foundedStorage,
  Member,
  makeEntry,
  makeMessage,
} from './testing/cluster.ts';

/** A single node of the voters 1, 2, 3 whose log, from index 2 on, has the given terms. */
function loner(terms: readonly number[], term: number, options = {}): Member {
  const storage = foundedStorage(confStateOf([1, 2, 3]));
  storage.append(terms.map((entryTerm, i) => makeEntry(entryTerm, i + 2)));
  storage.setHardState({ term, vote: NONE, commit: 1 });
  return new Member(1, storage, options);
}

function voteRequest(from: number, term: number, index: number, logTerm: number) {
  return makeMessage({ type: MessageType.Vote, from, to: 1, term, index, logTerm });
}

/** The answer of a node to a vote request. */
function answer(member: Member, request: ReturnType<typeof makeMessage>) {
  member.raft.step(request);
  return member.work().find((message) => message.to === request.from);
}

describe('an election', () => {
  it('is won with a majority, also when the others do not answer', () => {
    const cluster = new Cluster([1, 2, 3, 4, 5]);
    cluster.isolate(1, 2, 3);
    const leader = cluster.elect(1);
    assert.equal(leader.raft.basicStatus().raftState, StateType.Leader);
    assert.deepEqual(
      [1, 2, 3, 4].map((id) => cluster.member(id).lead),
      [1, 1, 1, NONE],
    );
  });

  it('is not won without one', () => {
    const cluster = new Cluster([1, 2, 3, 4, 5]);
    cluster.isolate(1, 2);
    assert.equal(cluster.elect(1).raft.basicStatus().raftState, StateType.Candidate);
  });

  it('is held by a follower that hears nothing for its election timeout', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.tick(2, ELECTION_TICK - 1);
    assert.equal(cluster.member(2).term, 1);
    cluster.tick(2, 1);
    assert.equal(cluster.member(2).lead, 2);
  });

  it('is held after a timeout that the jitter function draws', () => {
    const member = loner([], 1, { randomElectionJitter: () => ELECTION_TICK - 1 });
    for (let i = 0; i < 2 * ELECTION_TICK - 2; i++) member.raft.tick();
    assert.equal(member.term, 1);
    member.raft.tick();
    assert.equal(member.term, 2);
  });

  it('refuses a jitter that is out of range', () => {
    for (const jitter of [-1, ELECTION_TICK, 0.5]) {
      assert.throws(() => loner([], 1, { randomElectionJitter: () => jitter }), /Jitter/);
    }
  });

  it('makes no leader of a learner', () => {
    const storage = foundedStorage(confStateOf([2, 3], [1]));
    const member = new Member(1, storage, {});
    member.raft.campaign();
    assert.equal(member.raft.basicStatus().raftState, StateType.Follower);
    for (let i = 0; i < 5 * ELECTION_TICK; i++) member.raft.tick();
    assert.equal(member.term, 1);
  });

  it('does not begin while a committed membership change is not applied', () => {
    const storage = foundedStorage(confStateOf([1]));
    storage.append([{ ...makeEntry(1, 2), type: 2 }]);
    storage.setHardState({ term: 1, vote: NONE, commit: 2 });
    const member = new Member(1, storage, {});
    member.raft.campaign();
    assert.equal(member.raft.basicStatus().raftState, StateType.Follower);
  });
});

for (const [name, type] of [
  ['an old one', EntryType.ConfChange],
  ['a general one', EntryType.ConfChangeV2],
] as const) {
  for (const [where, at, campaigns] of [
    ['next to be applied', 2, false],
    ['last of many pages', 20, false],
    ['not committed', 21, true],
  ] as const) {
    it(`a membership change that is ${where} ${campaigns ? 'allows' : 'forbids'} an election: ${name}`, () => {
      const storage = foundedStorage(confStateOf([1, 2]));
      const entries = Array.from({ length: 20 }, (_, i) => makeEntry(1, i + 2, 'content'));
      storage.append(entries.map((entry) => (entry.index === at ? { ...entry, type } : entry)));
      storage.setHardState({ term: 1, vote: NONE, commit: 20 });
      const member = new Member(1, storage, { maxCommittedSizePerReady: 1 });
      member.raft.campaign();
      assert.equal(member.term > 1, campaigns);
    });
  }
}

describe('a vote', () => {
  it('is cast once per term', () => {
    const member = loner([], 1);
    assert.equal(answer(member, voteRequest(2, 2, 5, 1))?.reject, false);
    assert.equal(answer(member, voteRequest(3, 2, 5, 1))?.reject, true);
    assert.equal(answer(member, voteRequest(2, 2, 5, 1))?.reject, false, 'a repeated request');
  });

  it('is remembered over a restart', () => {
    const member = loner([], 1);
    answer(member, voteRequest(2, 2, 5, 1));
    member.restart();
    assert.equal(answer(member, voteRequest(3, 2, 9, 1))?.reject, true);
    assert.equal(answer(member, voteRequest(2, 2, 5, 1))?.reject, false);
  });

  it('is free again in the next term', () => {
    const member = loner([], 1);
    answer(member, voteRequest(2, 2, 5, 1));
    assert.equal(answer(member, voteRequest(3, 3, 5, 1))?.reject, false);
  });

  it('is not sent before it is durable', () => {
    const member = loner([], 1, { asyncStorageWrites: true });
    member.raft.step(voteRequest(2, 2, 5, 1));
    const { messages } = member.raft.ready();
    assert.deepEqual(
      messages.map((message) => message.type),
      [MessageType.StorageAppend],
    );
    assert.deepEqual([messages[0]?.term, messages[0]?.vote], [2, 2]);
    const [response] = messages[0]?.responses ?? [];
    assert.deepEqual([response?.type, response?.to], [MessageType.VoteResp, 2]);
  });

  for (const [name, index, logTerm, granted] of [
    ['a log with a later last term', 2, 4, true],
    ['a longer log of the same term', 5, 3, true],
    ['an equal log', 3, 3, true],
    ['a shorter log of the same term', 2, 3, false],
    ['a longer log of an earlier term', 9, 2, false],
  ] as const) {
    it(`is ${granted ? 'given to' : 'refused for'} ${name}`, () => {
      const reply = answer(loner([2, 3], 3), voteRequest(2, 5, index, logTerm));
      assert.equal(reply?.reject, !granted);
      assert.equal(reply?.term, 5);
    });
  }

  it('is cast by a learner, who may have been promoted without knowing', () => {
    const member = new Member(1, foundedStorage(confStateOf([2, 3], [1])), {});
    assert.equal(answer(member, voteRequest(2, 2, 5, 1))?.reject, false);
  });
});

describe('a term', () => {
  it('that is higher turns a leader into a follower', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    leader.raft.step(makeMessage({ type: MessageType.AppResp, from: 2, to: 1, term: 9 }));
    assert.deepEqual([leader.term, leader.lead], [9, NONE]);
    assert.equal(leader.raft.basicStatus().raftState, StateType.Follower);
  });

  it('that is over has no say any more', () => {
    const member = loner([], 5);
    const old = makeMessage({
      type: MessageType.App,
      from: 2,
      to: 1,
      term: 3,
      index: 1,
      logTerm: 1,
    });
    member.raft.step({ ...old, entries: [makeEntry(3, 2, 'x')] });
    assert.deepEqual([member.term, member.lead, member.raft.basicStatus().lastIndex], [5, NONE, 1]);
  });

  it('turns a candidate into the follower of its leader', () => {
    const member = loner([], 1);
    member.raft.campaign();
    member.work();
    const term = member.term;
    member.raft.step(makeMessage({ type: MessageType.Heartbeat, from: 3, to: 1, term }));
    assert.equal(member.lead, 3);
  });
});

describe('Pre-Vote', () => {
  it('keeps a partitioned member from raising the term', () => {
    const cluster = new Cluster([1, 2, 3], { preVote: true, checkQuorum: true });
    cluster.elect(1);
    cluster.isolate(3);
    cluster.tick(3, 10 * ELECTION_TICK);
    assert.equal(cluster.member(3).term, cluster.member(1).term);
    cluster.heal();
    cluster.tick(1, 1);
    assert.deepEqual(
      [1, 2, 3].map((id) => cluster.member(id).lead),
      [1, 1, 1],
    );
  });

  it('changes neither term nor vote of who is asked', () => {
    const member = loner([], 1);
    const request = { ...voteRequest(2, 2, 5, 1), type: MessageType.PreVote };
    assert.equal(answer(member, request)?.reject, false);
    assert.deepEqual([member.term, member.raft.basicStatus().vote], [1, NONE]);
    assert.equal(
      answer(member, { ...request, from: 3 })?.reject,
      false,
      'it can be granted to all',
    );
  });
});

describe('CheckQuorum', () => {
  it('makes a leader without a quorum step down', () => {
    const cluster = new Cluster([1, 2, 3], { checkQuorum: true });
    cluster.elect(1);
    cluster.isolate(1);
    cluster.tick(1, 2 * ELECTION_TICK);
    assert.equal(cluster.member(1).raft.basicStatus().raftState, StateType.Follower);
  });

  it('makes followers ignore candidates while their leader lives', () => {
    const cluster = new Cluster([1, 2, 3], { checkQuorum: true });
    const leader = cluster.elect(1);
    const { term } = leader;
    cluster.elect(3);
    assert.equal(cluster.member(2).term, term);
    cluster.tick(2, ELECTION_TICK);
    assert.ok(cluster.member(2).term > term, 'the lease has run out');
  });

  it('does not stand in the way of a transfer', () => {
    const cluster = new Cluster([1, 2, 3], { checkQuorum: true });
    cluster.elect(1).raft.transferLeader(3);
    cluster.settle();
    assert.equal(cluster.member(2).lead, 3);
  });
});

describe('a new group', () => {
  it('of one elects itself, once its vote is durable', () => {
    const member = new Member(1, foundedStorage(confStateOf([1])), {});
    member.raft.campaign();
    assert.equal(member.lead, NONE);
    member.work();
    assert.equal(member.lead, 1);
  });

  it('that nobody founded has nobody who could lead', () => {
    const member = new Member(1, new MemoryStorage(), {});
    member.raft.campaign();
    assert.equal(member.raft.hasReady(), false);
  });
});
