/** The rules of figure 2 of the Raft paper, one by one, in the order of the figure. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MessageError, MessageType, NONE, StateType } from './index.ts';
import { Cluster, ELECTION_TICK } from './testing/cluster.ts';
import { append, memberWithLog, termsOf, to1, winElection } from './testing/scenes.ts';

const { App, AppResp, Heartbeat, HeartbeatResp, Vote, VoteResp } = MessageType;

describe('all servers', () => {
  const roles = {
    follower: () => memberWithLog([], { term: 2 }),
    candidate: () => {
      const member = memberWithLog([]);
      member.raft.campaign();
      member.work();
      return member;
    },
    leader: () => {
      const member = memberWithLog([]);
      winElection(member);
      return member;
    },
  };

  for (const [role, make] of Object.entries(roles)) {
    for (const [name, type, lead] of [
      ['App', App, 2],
      ['Heartbeat', Heartbeat, 2],
      ['Vote', Vote, NONE],
      ['AppResp', AppResp, NONE],
      ['VoteResp', VoteResp, NONE],
      ['HeartbeatResp', HeartbeatResp, NONE],
    ] as const) {
      it(`enter a higher term as followers: a ${role}, by ${name}`, () => {
        const member = make();
        member.raft.step(to1(type, { term: 9, index: 1, logTerm: 1 }));
        const { term, raftState, lead: known } = member.raft.basicStatus();
        assert.deepEqual([term, raftState, known], [9, StateType.Follower, lead]);
      });
    }

    it(`ignore what is of an earlier term: a ${role}`, () => {
      const member = make();
      const before = member.raft.basicStatus();
      for (const type of [App, AppResp, Heartbeat, HeartbeatResp, VoteResp]) {
        member.raft.step(to1(type, { term: before.term - 1, index: 1, logTerm: 1 }));
      }
      assert.deepEqual(member.raft.basicStatus(), before);
      assert.equal(member.raft.hasReady(), false);
    });
  }

  it('apply what is committed, in order and once', () => {
    const member = memberWithLog([]);
    member.raft.step(append(1, [1, 1], [1, 1, 1], 3));
    member.work();
    member.raft.step(append(1, [4, 1], [], 4));
    member.work();
    assert.deepEqual(
      member.applied.map((entry) => entry.index),
      [2, 3, 4],
    );
  });
});

describe('AppendEntries', () => {
  for (const [name, at, accepted] of [
    ['the same entry', [3, 2], true],
    ['a committed one', [2, 1], true],
    ['another term at that index', [3, 3], false],
    ['no entry at that index', [4, 3], false],
  ] as const) {
    it(`is ${accepted ? 'taken' : 'refused'} where the log holds ${name} before it`, () => {
      const member = memberWithLog([1, 2], { term: 3, commit: 2 });
      member.raft.step(append(3, at, []));
      const [answer] = member.work().filter((message) => message.type === AppResp);
      assert.deepEqual([answer?.reject, answer?.term], [!accepted, 3]);
      if (!accepted) assert.equal(answer?.index, at[0], 'the refusal says what was refused');
    });
  }

  for (const [name, log, at, terms, expected] of [
    ['appends what is new', [1, 2], [3, 2], [3], [1, 2, 3]],
    ['replaces what conflicts, and all that follows it', [1, 2, 2], [2, 1], [3, 4], [1, 3, 4]],
    ['begins with an empty log', [], [1, 1], [1], [1]],
    ['replaces the whole log', [1, 2], [1, 1], [3], [3]],
    ['keeps what follows entries that it has already', [1, 2, 3], [1, 1], [1, 2], [1, 2, 3]],
    ['keeps the log when it is a heartbeat of old', [1, 2, 3], [2, 1], [], [1, 2, 3]],
  ] as const) {
    it(name, () => {
      const member = memberWithLog(log);
      member.raft.step(append(4, at, terms));
      member.work();
      assert.deepEqual(termsOf(member), expected);
    });
  }

  for (const [commit, terms, expected] of [
    [3, [], 2],
    [3, [2], 3],
    [4, [2], 3],
    [2, [2], 2],
    [9, [2, 2], 4],
  ] as const) {
    it(`with commit ${commit} and ${terms.length} entries after 2 commits up to ${expected}`, () => {
      const member = memberWithLog([1, 1, 1]);
      member.raft.step(append(2, [2, 1], terms, commit));
      assert.equal(member.commit, expected);
    });
  }

  it('never replaces what is committed', () => {
    const member = memberWithLog([1, 1], { commit: 3 });
    member.raft.step(append(2, [1, 1], [2]));
    member.work();
    assert.deepEqual(termsOf(member), [1, 1]);
  });

  it('below the commit index is answered with the commit index', () => {
    const member = memberWithLog([1, 1, 1], { commit: 3 });
    member.raft.step(append(2, [1, 1], [1]));
    const [answer] = member.work().filter((message) => message.type === AppResp);
    assert.deepEqual([answer?.reject, answer?.index], [false, 3]);
  });

  it('that arrives late and out of order takes nothing back', () => {
    const member = memberWithLog([]);
    const [first, second] = [append(1, [1, 1], [1]), append(1, [2, 1], [1, 1], 3)];
    member.raft.step(second);
    member.raft.step(first);
    member.raft.step(second);
    member.raft.step(first);
    member.work();
    assert.deepEqual(termsOf(member), [1, 1, 1]);
    assert.equal(member.commit, 3);
  });
});

describe('a heartbeat', () => {
  it('commits, and never takes a commit back', () => {
    const member = memberWithLog([1, 1], { term: 2 });
    for (const [commit, expected] of [
      [3, 3],
      [2, 3],
    ] as const) {
      member.raft.step(to1(Heartbeat, { term: 2, commit }));
      assert.equal(member.commit, expected);
      const [answer] = member.work();
      assert.equal(answer?.type, HeartbeatResp);
    }
  });
});

describe('followers', () => {
  it('start as such, without a leader', () => {
    const { raftState, lead, vote } = memberWithLog([]).raft.basicStatus();
    assert.deepEqual([raftState, lead, vote], [StateType.Follower, NONE, NONE]);
  });

  it('ask everyone for a vote when their timeout runs out, and vote for themselves', () => {
    const member = memberWithLog([1, 2], { term: 2 });
    for (let i = 0; i < ELECTION_TICK; i++) member.raft.tick();
    const sent = member.work();
    assert.deepEqual(
      sent.map(({ type, to, term, index, logTerm }) => ({ type, to, term, index, logTerm })),
      [2, 3].map((to) => ({ type: Vote, to, term: 3, index: 3, logTerm: 2 })),
    );
    assert.equal(member.raft.basicStatus().vote, 1);
    assert.equal(member.storage.initialState().hardState?.vote, 1, 'durable before it counts');
  });

  it('wait again when they hear from their leader, or have voted', () => {
    for (const message of [
      append(1, [1, 1], []),
      to1(Heartbeat, { term: 1 }),
      to1(Vote, { term: 2, index: 9, logTerm: 1 }),
    ]) {
      const member = memberWithLog([]);
      for (let i = 0; i < ELECTION_TICK - 1; i++) member.raft.tick();
      member.raft.step(message);
      for (let i = 0; i < ELECTION_TICK - 1; i++) member.raft.tick();
      assert.equal(member.raft.basicStatus().raftState, StateType.Follower);
    }
  });

  it('do not wait longer for a candidate that they have refused', () => {
    const member = memberWithLog([1, 1]);
    for (let i = 0; i < ELECTION_TICK - 1; i++) member.raft.tick();
    member.raft.step(to1(Vote, { term: 1, index: 1, logTerm: 1 }));
    member.raft.tick();
    assert.equal(member.raft.basicStatus().raftState, StateType.Candidate);
  });
});

describe('candidates', () => {
  for (const [name, voters, grants, refusals, expected] of [
    ['wins with all votes', [1, 2, 3], [2, 3], [], StateType.Leader],
    ['wins with a majority', [1, 2, 3, 4, 5], [2, 3], [], StateType.Leader],
    ['wins with a majority, whatever the others say', [1, 2, 3], [2], [3], StateType.Leader],
    ['waits for a majority', [1, 2, 3, 4, 5], [2], [3], StateType.Candidate],
    ['gives up once it cannot win', [1, 2, 3, 4, 5], [2], [3, 4, 5], StateType.Follower],
    ['gives up where nobody wants it', [1, 2, 3], [], [2, 3], StateType.Follower],
  ] as const) {
    it(`: one ${name}`, () => {
      const member = memberWithLog([], { voters });
      member.raft.campaign();
      member.work();
      const { term } = member;
      for (const from of grants) member.raft.step(to1(VoteResp, { from, term }));
      for (const from of refusals) member.raft.step(to1(VoteResp, { from, term, reject: true }));
      assert.equal(member.raft.basicStatus().raftState, expected);
    });
  }

  it('count each vote once, and the first word of each', () => {
    const member = memberWithLog([], { voters: [1, 2, 3, 4, 5] });
    member.raft.campaign();
    member.work();
    const { term } = member;
    member.raft.step(to1(VoteResp, { term, reject: true }));
    for (let i = 0; i < 5; i++) member.raft.step(to1(VoteResp, { term }));
    assert.equal(member.raft.basicStatus().raftState, StateType.Candidate);
  });

  it('begin again, in the next term, when their timeout runs out', () => {
    const member = memberWithLog([]);
    for (let i = 0; i < 2 * ELECTION_TICK; i++) member.raft.tick();
    assert.deepEqual([member.term, member.raft.basicStatus().raftState], [3, StateType.Candidate]);
  });

  for (const [name, message] of [
    ['an append', append(2, [1, 1], [])],
    ['a heartbeat', to1(Heartbeat, { term: 2 })],
  ] as const) {
    it(`follow a leader of their own term, by ${name}`, () => {
      const member = memberWithLog([]);
      member.raft.campaign();
      member.work();
      member.raft.step(message);
      const { term, lead, raftState } = member.raft.basicStatus();
      assert.deepEqual([term, lead, raftState], [2, 2, StateType.Follower]);
    });
  }
});

describe('leaders', () => {
  it('say so at once, with an empty entry of their term', () => {
    const member = memberWithLog([1]);
    const sent = winElection(member, [2]).filter((message) => message.type === App);
    assert.deepEqual(
      sent.map(({ to, index, entries }) => [to, index, entries.map((entry) => entry.term)]),
      [
        [2, 2, [2]],
        [3, 2, [2]],
      ],
    );
    assert.equal(sent[0]?.entries[0]?.data.length, 0);
  });

  it('send heartbeats to everyone, learners included', () => {
    const member = memberWithLog([], { learners: [4] });
    winElection(member);
    member.raft.tick();
    const beats = member.work().filter((message) => message.type === Heartbeat);
    assert.deepEqual(
      beats.map((message) => message.to),
      [2, 3, 4],
    );
  });

  it('replicate what is proposed after what they have sent, with their commit index', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    const { commit } = leader;
    const { lastIndex } = leader.raft.basicStatus();
    leader.propose('a');
    const sent = leader.work().filter((message) => message.type === App);
    assert.deepEqual(
      sent.map(({ to, index, logTerm, commit: known, entries }) => ({
        to,
        index,
        logTerm,
        known,
        entries: entries.map((entry) => [entry.term, entry.index]),
      })),
      [2, 3].map((to) => ({
        to,
        index: lastIndex,
        logTerm: 2,
        known: commit,
        entries: [[2, lastIndex + 1]],
      })),
    );
  });

  for (const [size, acknowledging, committed] of [
    [1, 0, true],
    [3, 0, false],
    [3, 1, true],
    [5, 1, false],
    [5, 2, true],
    [5, 4, true],
  ] as const) {
    it(`of ${size} ${committed ? 'commit' : 'do not commit'} with ${acknowledging} acknowledgements`, () => {
      const ids = Array.from({ length: size }, (_, i) => i + 1);
      const cluster = new Cluster(ids);
      const leader = cluster.elect(1);
      const before = leader.commit;
      cluster.isolate(...ids.slice(0, acknowledging + 1));
      leader.propose('a');
      cluster.settle();
      assert.equal(leader.commit, committed ? before + 1 : before);
    });
  }

  it('commit what their predecessors left, with the first entry of their own', () => {
    const member = memberWithLog([1, 2, 2]);
    winElection(member);
    assert.equal(member.commit, 1);
    member.raft.step(to1(AppResp, { term: 3, index: 4 }));
    assert.equal(member.commit, 1, 'entry 4 is of term 2');
    member.raft.step(to1(AppResp, { term: 3, index: 5 }));
    assert.equal(member.commit, 5);
    member.work();
    assert.deepEqual(
      member.applied.map((entry) => entry.term),
      [1, 2, 2, 3],
    );
  });

  it('are the only ones of their term', () => {
    const member = memberWithLog([]);
    winElection(member);
    member.raft.campaign();
    const { term, raftState } = member.raft.basicStatus();
    assert.deepEqual([term, raftState], [2, StateType.Leader]);
    assert.equal(member.raft.hasReady(), false);
    const rival = to1(Heartbeat, { from: 3, term: 2 });
    member.raft.step(rival);
    assert.equal(member.raft.basicStatus().lead, 1);
  });

  it('do not take back what a follower has acknowledged', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    leader.propose('a');
    cluster.settle();
    const match = () => leader.raft.status().progress.get(2)?.match;
    const before = match();
    leader.raft.step(to1(AppResp, { term: leader.term, index: 1 }));
    leader.raft.step(to1(AppResp, { term: leader.term, index: 1, reject: true, rejectHint: 0 }));
    assert.equal(match(), before);
  });

  it('do not believe in an acknowledgement of what they do not have', () => {
    const member = memberWithLog([]);
    winElection(member);
    const before = member.raft.status().progress.get(2)?.toString();
    const claim = to1(AppResp, { term: member.term, index: 99 });
    assert.throws(() => member.raft.step(claim), MessageError);
    assert.equal(member.raft.status().progress.get(2)?.toString(), before);
  });
});
