/** Elections with rivals, old logs, leases and members that come back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MessageType, NONE, StateType } from './index.ts';
import {
  Cluster,
  confStateOf,
  ELECTION_TICK,
  foundedStorage,
  makeEntry,
} from './testing/cluster.ts';
import { leadersOf, memberWithLog, termsOf, to1, typesOf, winElection } from './testing/scenes.ts';

const { App, AppResp, Heartbeat, Vote, VoteResp, PreVote, PreVoteResp, TimeoutNow } = MessageType;
const { Follower, Candidate, PreCandidate, Leader } = StateType;

function roleOf(cluster: Cluster, id: number): StateType {
  return cluster.member(id).raft.basicStatus().raftState;
}

/** Voters whose logs, from index 2 on, have the given terms, all in `term`. */
function withLogs(logs: readonly (readonly number[])[], term: number, options = {}): Cluster {
  const ids = logs.map((_, i) => i + 1);
  const cluster = new Cluster([]);
  for (const [i, terms] of logs.entries()) {
    const storage = foundedStorage(confStateOf(ids));
    storage.append(terms.map((entryTerm, at) => makeEntry(entryTerm, at + 2)));
    storage.setHardState({ term, vote: NONE, commit: 1 });
    cluster.add(i + 1, storage, options);
  }
  return cluster;
}

for (const preVote of [false, true]) {
  const mode = preVote ? 'with Pre-Vote' : 'without Pre-Vote';

  describe(`elections ${mode}`, () => {
    it('can be won by every member in turn', () => {
      const cluster = new Cluster([1, 2, 3], { preVote });
      for (const id of [1, 2, 3, 2, 1]) {
        cluster.elect(id);
        assert.deepEqual(leadersOf(cluster), [id, id, id]);
      }
    });

    it('can be won from any role by a member with a good log', () => {
      for (const role of [Follower, Candidate, PreCandidate, Leader]) {
        const member = memberWithLog([], { term: 2 }, { preVote: role === PreCandidate });
        if (role === Candidate || role === PreCandidate) member.raft.campaign();
        if (role === Leader) winElection(member);
        member.work();
        assert.equal(member.raft.basicStatus().raftState, role);
        const { term, vote } = member.raft.basicStatus();
        const type = preVote ? PreVote : Vote;
        member.raft.step(to1(type, { term: term + 1, index: 42, logTerm: term }));
        const [answer] = member.work().filter((message) => message.to === 2);
        assert.equal(answer?.type, preVote ? PreVoteResp : VoteResp);
        assert.deepEqual([answer?.reject, answer?.term], [false, term + 1]);
        const after = member.raft.basicStatus();
        if (preVote)
          assert.deepEqual([after.term, after.vote, after.raftState], [term, vote, role]);
        else assert.deepEqual([after.term, after.vote, after.raftState], [term + 1, 2, Follower]);
      }
    });

    it('are lost where a majority knows more', () => {
      const cluster = withLogs([[1], [1, 1], [1, 2]], 2, { preVote });
      cluster.elect(1);
      assert.equal(roleOf(cluster, 1), Follower);
      cluster.elect(3);
      assert.deepEqual(leadersOf(cluster), [3, 3, 3]);
      cluster.tick(3, 2);
      for (const id of [1, 2, 3]) assert.deepEqual(termsOf(cluster.member(id)).slice(0, 2), [1, 2]);
    });

    it('let an entry of a later term be replaced that a minority alone has', () => {
      // 1 has the newest entry and may lead; 2 to 5 are of an earlier term.
      const cluster = withLogs([[1], [1], [2], [1], [1]], 2, { preVote });
      cluster.isolate(3);
      cluster.elect(1).propose('a');
      cluster.settle();
      cluster.heal();
      cluster.tick(1, 2);
      const ours = termsOf(cluster.member(1));
      for (const id of [2, 3, 4, 5]) assert.deepEqual(termsOf(cluster.member(id)), ours);
      assert.ok(!ours.includes(2));
    });

    it('of two candidates at once end with at most one leader, and then with one', () => {
      const cluster = new Cluster([1, 2, 3], { preVote });
      cluster.filter = ({ from, to }) => from + to !== 4;
      cluster.member(1).raft.campaign();
      cluster.member(3).raft.campaign();
      cluster.settle();
      assert.equal([1, 3].filter((id) => roleOf(cluster, id) === Leader).length, 1);
      assert.equal(roleOf(cluster, 1), Leader, 'the first who asked 2');
      cluster.heal();
      cluster.tick(1, 2 * ELECTION_TICK);
      cluster.tick(3, 2 * ELECTION_TICK);
      const [term] = [1, 2, 3].map((id) => cluster.member(id).term).toSorted((a, b) => b - a);
      const leading = [1, 2, 3].filter(
        (id) => roleOf(cluster, id) === Leader && cluster.member(id).term === term,
      );
      assert.equal(leading.length, 1);
    });

    it('leave a cluster of one alone with its leader', () => {
      const member = memberWithLog([], { voters: [1] }, { preVote });
      member.raft.campaign();
      member.work();
      assert.deepEqual([member.lead, member.term], [1, 2]);
      member.propose('a');
      member.work();
      assert.deepEqual(member.values, ['a']);
    });
  });
}

describe('a split vote', () => {
  it('is resolved by whoever campaigns again first, also with Pre-Vote', () => {
    const cluster = new Cluster([1, 2, 3], { preVote: true });
    cluster.elect(1);
    cluster.isolate(1);
    // 2 and 3 both got the other's pre-vote, and now vote for themselves.
    cluster.member(2).raft.campaign();
    cluster.member(3).raft.campaign();
    cluster.settle();
    assert.equal(cluster.member(2).term, 3);
    assert.equal(cluster.member(3).term, 3);
    cluster.elect(2);
    assert.equal(roleOf(cluster, 2), Leader);
    assert.equal(cluster.member(3).lead, 2);
  });

  it('is won in the end by the member whose term is behind, if its log is not', () => {
    const cluster = new Cluster([1, 2, 3], { preVote: true });
    cluster.isolate(3);
    cluster.elect(1);
    cluster.elect(2);
    assert.equal(cluster.member(3).term, 1);
    cluster.heal();
    cluster.isolate(2);
    cluster.elect(3);
    cluster.elect(1);
    assert.equal(roleOf(cluster, 1), Leader);
    assert.equal(cluster.member(3).lead, 1);
  });
});

describe('a candidate', () => {
  it('concedes to the leader of its term, and takes its log', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.isolate(1);
    cluster.elect(1);
    cluster.elect(3).propose('a');
    cluster.settle();
    cluster.heal();
    cluster.tick(3, 2);
    assert.deepEqual([roleOf(cluster, 1), cluster.member(1).term], [Follower, 2]);
    for (const id of [1, 2, 3]) assert.deepEqual(cluster.member(id).values, ['a']);
  });

  it('does not count its own vote after the election is over', () => {
    for (const preVote of [false, true]) {
      const member = memberWithLog([], {}, { preVote });
      member.raft.campaign();
      const ready = member.raft.ready();
      if (ready.hardState !== null) member.storage.setHardState(ready.hardState);
      // A leader of that term is heard from before the own vote is durable.
      const term = preVote ? member.term : 2;
      member.raft.step(to1(Heartbeat, { term }));
      member.raft.advance();
      assert.deepEqual([member.raft.basicStatus().raftState, member.lead], [Follower, 2]);
    }
  });

  it('does not take its own pre-vote for a vote', () => {
    const member = memberWithLog([], {}, { preVote: true });
    member.raft.campaign();
    const pending = member.raft.ready();
    assert.equal(pending.messages.length, 2);
    // The others answer first: it becomes a candidate while its pre-vote is under way.
    for (const from of [2, 3]) member.raft.step(to1(PreVoteResp, { from, term: 2 }));
    assert.equal(member.raft.basicStatus().raftState, Candidate);
    member.raft.advance();
    assert.equal(member.raft.basicStatus().raftState, Candidate, 'one vote short');
    member.work();
    member.raft.step(to1(VoteResp, { term: 2 }));
    assert.equal(member.raft.basicStatus().raftState, Leader);
  });
});

describe('a leader', () => {
  it('does not count its own acknowledgement of an earlier term', () => {
    const member = memberWithLog([]);
    winElection(member);
    member.propose('a');
    const ready = member.raft.ready();
    member.storage.append(ready.entries);
    // Deposed by a member that replaces the entry, and elected again.
    member.raft.step(to1(Heartbeat, { term: 5 }));
    member.raft.advance();
    assert.equal(member.commit, 1);
    winElection(member);
    const { commit, lastIndex } = member.raft.basicStatus();
    assert.ok(commit < lastIndex);
  });

  it('that is deposed while cut off gives up what it could not commit', () => {
    const cluster = new Cluster([1, 2, 3]);
    const old = cluster.elect(1);
    cluster.isolate(1);
    for (const value of ['lost', 'lost too']) old.propose(value);
    cluster.settle();
    cluster.elect(2).propose('kept');
    cluster.settle();
    cluster.heal();
    cluster.tick(2, 2);
    for (const id of [1, 2, 3]) assert.deepEqual(cluster.member(id).values, ['kept']);
    assert.deepEqual(termsOf(old), termsOf(cluster.member(2)));
  });

  it('ignores old appends that are still on their way', () => {
    const cluster = new Cluster([1, 2, 3]);
    cluster.elect(1);
    cluster.elect(2);
    cluster.elect(1);
    const { term } = cluster.member(1);
    const entries = [makeEntry(term - 1, 4, 'old')];
    const old = { from: 2, to: 1, term: term - 1, index: 3, logTerm: term - 1, entries };
    cluster.deliver(to1(App, old));
    cluster.deliver(to1(App, { ...old, to: 3 }));
    cluster.member(1).propose('new');
    cluster.settle();
    for (const id of [1, 2, 3]) assert.deepEqual(cluster.member(id).values, ['new']);
  });
});

describe('CheckQuorum', () => {
  it('lets a leader stay that hears from a majority, and counts no learner for it', () => {
    const confState = confStateOf([1, 2, 3], [4, 5]);
    for (const [others, stays] of [
      [[2], true],
      [[4, 5], false],
    ] as const) {
      const cluster = new Cluster([1, 2, 3, 4, 5], { checkQuorum: true }, confState);
      cluster.elect(1);
      cluster.isolate(1, ...others);
      cluster.tick(1, 2 * ELECTION_TICK);
      assert.equal(roleOf(cluster, 1), stays ? Leader : Follower);
    }
  });

  it('gives a new leader a whole election timeout', () => {
    const cluster = new Cluster([1, 2, 3], { checkQuorum: true });
    cluster.elect(1);
    cluster.silence();
    cluster.tick(1, ELECTION_TICK);
    assert.equal(roleOf(cluster, 1), Leader);
    cluster.tick(1, ELECTION_TICK);
    assert.equal(roleOf(cluster, 1), Follower);
  });

  it('counts that time from the election, not from the campaign', () => {
    const member = memberWithLog([], {}, { checkQuorum: true });
    member.raft.campaign();
    for (let i = 0; i < 5; i++) member.raft.tick();
    member.work();
    for (const from of [2, 3]) member.raft.step(to1(VoteResp, { from, term: 2 }));
    for (let i = 0; i < ELECTION_TICK - 1; i++) member.raft.tick();
    assert.equal(member.raft.basicStatus().raftState, Leader);
    member.raft.tick();
    assert.equal(member.raft.basicStatus().raftState, Follower, 'nobody has answered');
  });

  it('lets a candidate be elected once the lease of the others has run out', () => {
    const cluster = new Cluster([1, 2, 3], { checkQuorum: true });
    cluster.elect(1);
    cluster.isolate(1);
    cluster.elect(3);
    assert.equal(roleOf(cluster, 3), Candidate);
    for (let i = 0; i < ELECTION_TICK - 1; i++) cluster.member(2).raft.tick();
    cluster.elect(3);
    assert.equal(roleOf(cluster, 3), Candidate, 'one tick of the lease is left');
    cluster.member(2).raft.tick();
    cluster.settle();
    cluster.elect(3);
    assert.equal(roleOf(cluster, 3), Leader);
  });

  it('frees a candidate whose term has run ahead: the leader learns it and steps down', () => {
    const cluster = new Cluster([1, 2, 3], { checkQuorum: true });
    cluster.elect(1);
    cluster.isolate(3);
    cluster.elect(3);
    cluster.elect(3);
    cluster.heal();
    assert.equal(cluster.member(3).term, 4);
    cluster.tick(1, 1);
    assert.deepEqual([roleOf(cluster, 1), cluster.member(1).term], [Follower, 4]);
    cluster.tick(1, 2 * ELECTION_TICK);
    assert.equal(roleOf(cluster, 1), Leader);
    assert.equal(cluster.member(3).lead, 1);
  });

  it('lets a follower that cannot campaign follow on', () => {
    const cluster = new Cluster([1], { checkQuorum: true }, confStateOf([1, 2]));
    cluster.add(2, foundedStorage(confStateOf([1])), { checkQuorum: true });
    cluster.elect(1);
    cluster.tick(2, 3 * ELECTION_TICK);
    cluster.tick(1, 1);
    assert.deepEqual([cluster.member(2).lead, cluster.member(2).term], [1, 2]);
  });

  it('does not make a leader step down because a member was added just now', () => {
    const cluster = new Cluster([1], { checkQuorum: true });
    const leader = cluster.elect(1);
    for (let i = 0; i < ELECTION_TICK - 1; i++) leader.raft.tick();
    leader.raft.applyConfChange({ id: 0, type: 0, nodeId: 2, context: new Uint8Array(0) });
    leader.raft.tick();
    assert.equal(roleOf(cluster, 1), Leader);
    for (let i = 0; i < ELECTION_TICK; i++) leader.raft.tick();
    assert.equal(roleOf(cluster, 1), Follower, 'the next time it has to have spoken');
  });
});

describe('a member that comes back', () => {
  for (const [name, options, disturbs] of [
    ['disturbs its leader without Pre-Vote and CheckQuorum', {}, true],
    ['disturbs nobody with Pre-Vote', { preVote: true }, false],
    ['disturbs nobody with both', { preVote: true, checkQuorum: true }, false],
  ] as const) {
    it(name, () => {
      const cluster = new Cluster([1, 2, 3], options);
      cluster.elect(1).propose('a');
      cluster.settle();
      cluster.isolate(3);
      cluster.member(1).propose('b');
      cluster.settle();
      cluster.tick(3, 3 * ELECTION_TICK);
      const term = cluster.member(1).term;
      cluster.heal();
      cluster.elect(3);
      assert.equal(cluster.member(2).term > term, disturbs);
    });
  }

  it('makes the leader of an old term step down also where only Pre-Vote is on', () => {
    for (const type of [App, Heartbeat]) {
      const member = memberWithLog([1], { term: 5 }, { preVote: true });
      member.raft.step(to1(type, { term: 3 }));
      const answers = member.work();
      assert.deepEqual(typesOf(answers), [AppResp]);
      assert.equal(answers[0]?.term, 5);
    }
  });

  it('is brought to Pre-Vote while others have it already, and an election is possible', () => {
    const cluster = new Cluster([1, 2], { preVote: true }, confStateOf([1, 2, 3]));
    cluster.add(3, foundedStorage(confStateOf([1, 2, 3])), {});
    cluster.elect(1);
    cluster.isolate(3);
    cluster.tick(3, 3 * ELECTION_TICK);
    cluster.member(1).propose('a');
    cluster.settle();
    cluster.heal();
    // 3 is ahead in term and behind in its log: without it there is no quorum without 1 or 2.
    cluster.filter = ({ from, to }) => from !== 1 && to !== 1;
    cluster.elect(2);
    cluster.elect(2);
    assert.equal(roleOf(cluster, 2), Leader);
    assert.equal(cluster.member(3).lead, 2);
  });
});

describe('TimeoutNow', () => {
  it('makes a voter campaign at once, also with Pre-Vote and within its lease', () => {
    const member = memberWithLog([], { term: 2 }, { preVote: true, checkQuorum: true });
    member.raft.step(to1(Heartbeat, { term: 2 }));
    member.work();
    member.raft.step(to1(TimeoutNow, { term: 2 }));
    assert.deepEqual([member.raft.basicStatus().raftState, member.term], [Candidate, 3]);
    const sent = member.work();
    assert.deepEqual(typesOf(sent), [Vote, Vote]);
    assert.ok(
      sent.every((message) => message.context.length > 0),
      'no lease holds it up',
    );
  });

  it('means nothing to a learner, a stranger, a candidate and a leader', () => {
    const learner = memberWithLog([], { voters: [2, 3], learners: [1], term: 2 });
    const stranger = memberWithLog([], { voters: [2, 3], term: 2 });
    const candidate = memberWithLog([]);
    candidate.raft.campaign();
    const leader = memberWithLog([]);
    winElection(leader);
    for (const member of [learner, stranger, candidate, leader]) {
      member.work();
      const before = member.raft.basicStatus();
      member.raft.step(to1(TimeoutNow, { term: 2 }));
      assert.deepEqual(member.raft.basicStatus(), { ...before, lead: before.lead });
    }
  });
});

describe('an acknowledgement', () => {
  it('to a leader that has stepped down means nothing', () => {
    const member = memberWithLog([]);
    winElection(member);
    member.raft.step(to1(Heartbeat, { term: 3 }));
    member.work();
    member.raft.step(to1(AppResp, { term: 3, index: 2 }));
    assert.equal(member.commit, 1);
  });
});

describe('a vote', () => {
  it('is counted as it was given first, whatever the same voter says later', () => {
    const member = memberWithLog([], { voters: [1, 2, 3, 4, 5] });
    member.raft.campaign();
    member.work();
    const answer = (from: number, reject: boolean) => {
      member.raft.step(to1(VoteResp, { from, reject, term: member.term }));
      member.work();
      return member.raft.basicStatus().raftState;
    };
    assert.equal(answer(2, false), Candidate);
    assert.equal(answer(2, true), Candidate);
    assert.equal(answer(3, false), Leader);
  });

  it('that is given gives the candidate a whole election timeout', () => {
    const member = memberWithLog([], { term: 2 });
    for (let i = 0; i < ELECTION_TICK - 1; i++) member.raft.tick();
    member.raft.step(to1(Vote, { term: 2, index: 9, logTerm: 1 }));
    assert.deepEqual(typesOf(member.work()), [VoteResp]);
    for (let i = 0; i < ELECTION_TICK - 1; i++) member.raft.tick();
    assert.equal(member.raft.basicStatus().raftState, Follower);
  });
});
