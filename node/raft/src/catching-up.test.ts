/** How a leader finds out what a follower lacks, and how it sends it: entries or a snapshot. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Message, Progress } from './index.ts';
import { MessageType, ProgressState } from './index.ts';
import type { Member } from './testing/cluster.ts';
import { bytes, Cluster, confStateOf, ELECTION_TICK, makeSnapshot } from './testing/cluster.ts';
import { append, memberWithLog, to1, typesOf, winElection } from './testing/scenes.ts';

const { App, AppResp, HeartbeatResp, Snap } = MessageType;
const { Probe, Replicate, Snapshot } = ProgressState;

function progressOf(leader: Member, id: number): Progress {
  const progress = leader.raft.status().progress.get(id);
  assert.ok(progress !== undefined);
  return progress;
}

/** A leader of 1 and 2 with entries up to 12, and what it sends to 2 when it works. */
function leaderOfTwo(options = {}): { leader: Member; sent: () => Message[] } {
  const terms = Array.from({ length: 10 }, () => 1);
  const leader = memberWithLog(terms, { voters: [1, 2], commit: 11 }, options);
  winElection(leader, [2]);
  return { leader, sent: () => leader.work().filter((message) => message.to === 2) };
}

/** The same, when 2 has acknowledged everything. */
function replicating(options = {}): ReturnType<typeof leaderOfTwo> {
  const scene = leaderOfTwo(options);
  scene.leader.raft.step(to1(AppResp, { term: 2, index: 12 }));
  scene.leader.work();
  assert.equal(progressOf(scene.leader, 2).state, Replicate);
  return scene;
}

/** The same, compacted up to 12, when 2 has turned out to lack everything. */
function sendingSnapshot(): ReturnType<typeof leaderOfTwo> {
  const scene = leaderOfTwo();
  const { leader } = scene;
  leader.storage.createSnapshot(11, null, bytes('s'));
  leader.storage.compact(11);
  leader.raft.step(to1(AppResp, { term: 2, index: 11, reject: true }));
  assert.deepEqual(typesOf(scene.sent()), [Snap]);
  assert.equal(progressOf(leader, 2).state, Snapshot);
  return scene;
}

describe('a leader that probes', () => {
  it('sends one message with entries, and waits', () => {
    const { leader, sent } = leaderOfTwo();
    for (let i = 0; i < 3; i++) {
      leader.propose('x');
      assert.deepEqual(sent(), []);
      assert.equal(progressOf(leader, 2).msgAppFlowPaused, true);
    }
  });

  it('sends another one for each answer to a heartbeat', () => {
    const { leader, sent } = leaderOfTwo();
    leader.propose('x');
    for (let i = 0; i < 3; i++) {
      leader.raft.step(to1(HeartbeatResp, { term: 2 }));
      const [message, ...others] = sent();
      assert.deepEqual([message?.type, message?.index, others.length], [App, 11, 0]);
    }
  });

  for (const [name, hint, hintTerm, next] of [
    ['goes on after the hint', 5, 1, 6],
    ['goes on after a hint whose term the follower does not know', 5, 0, 6],
    ['goes back to the beginning for a follower with nothing', 0, 0, 1],
    ['never goes beyond what was refused', 99, 1, 11],
  ] as const) {
    it(`that is refused ${name}`, () => {
      const { leader, sent } = leaderOfTwo();
      const refusal = { term: 2, index: 11, reject: true, rejectHint: hint, logTerm: hintTerm };
      leader.raft.step(to1(AppResp, refusal));
      const [message] = sent();
      if (next === 1) assert.equal(message?.type, Snap, 'entry 1 is compacted');
      else assert.deepEqual([message?.type, (message?.index ?? 0) + 1], [App, next]);
    });
  }

  it('ignores a refusal of something else', () => {
    const { leader, sent } = leaderOfTwo();
    leader.raft.step(to1(AppResp, { term: 2, index: 7, reject: true, rejectHint: 3 }));
    assert.deepEqual([sent().length, progressOf(leader, 2).next], [0, 12]);
  });

  it('skips terms of its own log that the follower cannot have', () => {
    // Ours after the first entry: 2 2 3 3 4; the follower's hint is entry 6 of term 2.
    const leader = memberWithLog([2, 2, 3, 3, 4], { voters: [1, 2], term: 5 });
    winElection(leader, [2]);
    const refusal = { term: leader.term, index: 6, reject: true, rejectHint: 5, logTerm: 2 };
    leader.raft.step(to1(AppResp, refusal));
    const [message] = leader.work().filter(({ type }) => type === App);
    assert.deepEqual([message?.index, message?.logTerm], [3, 2]);
  });

  it('runs ahead once the follower has taken something', () => {
    const { leader, sent } = leaderOfTwo();
    leader.raft.step(to1(AppResp, { term: 2, index: 12 }));
    sent();
    for (const value of ['a', 'b']) leader.propose(value);
    const messages = sent().filter((message) => message.entries.length > 0);
    assert.deepEqual(
      messages.map((message) => message.index),
      [12, 13],
    );
    assert.equal(progressOf(leader, 2).next, 15);
  });
});

describe('a follower that refuses', () => {
  for (const [name, log, at, hint, hintTerm] of [
    ['names its end when its log is too short', [1, 1], [9, 2], 3, 1],
    ['skips its own entries of later terms', [1, 3, 3, 3], [5, 2], 2, 1],
    ['names the refused entry when only that one differs', [1, 1, 1], [4, 2], 4, 1],
  ] as const) {
    it(name, () => {
      const member = memberWithLog(log, { term: 4 });
      member.raft.step(append(4, at, []));
      const [answer] = member.work().filter((message) => message.type === AppResp);
      assert.deepEqual(
        [answer?.reject, answer?.rejectHint, answer?.logTerm],
        [true, hint, hintTerm],
      );
    });
  }
});

describe('a leader that replicates', () => {
  it('goes on where it was in spite of acknowledgements that are old', () => {
    const { leader, sent } = replicating();
    leader.propose('a');
    sent();
    leader.raft.step(to1(AppResp, { term: 2, index: 12 }));
    assert.deepEqual([progressOf(leader, 2).next, sent().length], [14, 0]);
  });

  it('frees its window with each acknowledgement, and all before it', () => {
    const { leader, sent } = replicating({ maxInflightMsgs: 3 });
    for (let i = 0; i < 9; i++) leader.propose('x');
    assert.equal(sent().length, 3);
    leader.raft.step(to1(AppResp, { term: 2, index: 14 }));
    assert.equal(sent().filter((message) => message.entries.length > 0).length, 1);
    assert.equal(progressOf(leader, 2).inflights.full, false, 'the rest went out in one message');
    leader.raft.step(to1(AppResp, { term: 2, index: 13 }));
    assert.equal(progressOf(leader, 2).inflights.count, 2, 'an old one frees nothing');
  });

  it('with a full window sends one empty message for each answer to a heartbeat', () => {
    const { leader, sent } = replicating({ maxInflightMsgs: 2 });
    for (let i = 0; i < 5; i++) leader.propose('x');
    sent();
    for (let i = 0; i < 3; i++) {
      leader.raft.step(to1(HeartbeatResp, { term: 2 }));
      const messages = sent();
      assert.deepEqual(
        messages.map((message) => [message.type, message.entries.length]),
        [[App, 0]],
      );
    }
    leader.raft.step(to1(AppResp, { term: 2, index: 17 }));
    assert.equal(progressOf(leader, 2).inflights.count, 0);
  });

  it('begins to probe again, from the match, when something was refused or got lost', () => {
    for (const spoil of [
      (leader: Member) => leader.raft.step(to1(AppResp, { term: 2, index: 13, reject: true })),
      (leader: Member) => leader.raft.reportUnreachable(2),
    ]) {
      const { leader, sent } = replicating();
      for (const value of ['a', 'b']) leader.propose(value);
      sent();
      spoil(leader);
      const { state, match, next } = progressOf(leader, 2);
      assert.deepEqual([state, match, next], [Probe, 12, 13]);
    }
  });

  it('does not begin to probe because of a refusal of what is known to match', () => {
    const { leader } = replicating();
    leader.raft.step(to1(AppResp, { term: 2, index: 12, reject: true, rejectHint: 3 }));
    assert.equal(progressOf(leader, 2).state, Replicate);
  });

  it('keeps its own progress at the end of its log, never paused', () => {
    const { leader } = replicating();
    for (const value of ['a', 'b', 'c']) leader.propose(value);
    leader.work();
    const own = progressOf(leader, 1);
    assert.deepEqual([own.match, own.next, own.paused], [15, 16, false]);
  });
});

describe('a leader that sends a snapshot', () => {
  it('sends nothing else until it knows its fate', () => {
    const { leader, sent } = sendingSnapshot();
    leader.propose('x');
    leader.raft.step(to1(HeartbeatResp, { term: 2 }));
    leader.raft.step(to1(AppResp, { term: 2, index: 10, reject: true }));
    assert.deepEqual(sent(), []);
  });

  it('sends the next thing after it when the transport says that it arrived', () => {
    const { leader, sent } = sendingSnapshot();
    leader.raft.reportSnapshot(2, 'finish');
    const { state, next, paused } = progressOf(leader, 2);
    assert.deepEqual([state, next, paused], [Probe, 12, true]);
    leader.raft.step(to1(HeartbeatResp, { term: 2 }));
    assert.equal(sent()[0]?.index, 11);
  });

  it('sends it again when the transport says that it failed', () => {
    const { leader, sent } = sendingSnapshot();
    leader.raft.reportSnapshot(2, 'failure');
    const { state, next, pendingSnapshot, paused } = progressOf(leader, 2);
    assert.deepEqual([state, next, pendingSnapshot, paused], [Probe, 1, 0, true]);
    leader.raft.step(to1(HeartbeatResp, { term: 2 }));
    assert.deepEqual(typesOf(sent()), [Snap]);
  });

  it('goes on when the follower says that it has it, or more, or less but enough', () => {
    for (const index of [11, 12]) {
      const { leader, sent } = sendingSnapshot();
      leader.raft.step(to1(AppResp, { term: 2, index }));
      const { state, match, pendingSnapshot } = progressOf(leader, 2);
      assert.deepEqual([state, match, pendingSnapshot], [Replicate, index, 0]);
      assert.ok(sent().every((message) => message.type === App));
    }
  });

  it('waits on when the follower has less than what the log begins with', () => {
    const { leader, sent } = sendingSnapshot();
    leader.raft.step(to1(AppResp, { term: 2, index: 10 }));
    assert.equal(progressOf(leader, 2).state, Snapshot);
    assert.deepEqual(sent(), [], 'above all not the same snapshot again');
  });

  it('does not send one to a follower that has not been heard from, until it is', () => {
    const leader = memberWithLog([1, 1, 1], { commit: 4 }, { checkQuorum: true });
    winElection(leader);
    for (const from of [2, 3]) leader.raft.step(to1(AppResp, { from, term: 2, index: 5 }));
    leader.work();
    for (let i = 0; i < ELECTION_TICK; i++) leader.raft.tick();
    leader.propose('x');
    leader.work();
    leader.raft.step(to1(AppResp, { from: 3, term: 2, index: 6 }));
    leader.work();
    leader.storage.createSnapshot(6, null, bytes('s'));
    leader.storage.compact(6);
    leader.raft.reportUnreachable(2);
    leader.propose('y');
    const sent = () => leader.work().filter((message) => message.to === 2);
    assert.deepEqual(sent(), []);
    leader.raft.step(to1(HeartbeatResp, { term: 2 }));
    assert.deepEqual(typesOf(sent()), [Snap]);
  });

  it('takes reports about others, and about what is no snapshot, for nothing', () => {
    const { leader } = replicating();
    const before = progressOf(leader, 2).toString();
    leader.raft.reportSnapshot(2, 'finish');
    leader.raft.reportSnapshot(2, 'failure');
    leader.raft.reportSnapshot(9, 'failure');
    assert.equal(progressOf(leader, 2).toString(), before);
  });
});

function install(index: number, term: number, confState = confStateOf([1, 2])): Message {
  return to1(Snap, { term: 3, snapshot: makeSnapshot(index, term, confState) });
}

describe('a snapshot', () => {
  for (const [name, confState, expected] of [
    ['as a voter', confStateOf([1, 2, 3]), 'voters=(1 2 3)'],
    ['as a learner', confStateOf([2, 3], [1]), 'voters=(2 3) learners=(1)'],
    [
      'as an outgoing voter',
      { ...confStateOf([2, 3]), votersOutgoing: [1, 2] },
      'voters=(2 3)&&(1 2)',
    ],
    [
      'as one who waits to become a learner',
      { ...confStateOf([2]), votersOutgoing: [1, 2], learnersNext: [1], autoLeave: true },
      'voters=(2)&&(1 2) learners_next=(1) autoleave',
    ],
  ] as const) {
    it(`is installed by a member that it names ${name}`, () => {
      const member = memberWithLog([], { voters: [1, 2] });
      member.raft.step(install(9, 2, confState));
      assert.equal(member.raft.status().config.toString(), expected);
      member.work();
      assert.deepEqual(member.storage.snapshot().metadata, { confState, index: 9, term: 2 });
      assert.equal(member.raft.basicStatus().applied, 9);
    });
  }

  it('makes a learner of a voter, and a voter of a learner', () => {
    for (const [before, after] of [
      [{ voters: [1, 2] }, confStateOf([2], [1])],
      [{ voters: [2], learners: [1] }, confStateOf([1, 2])],
    ] as const) {
      const member = memberWithLog([], before);
      member.raft.step(install(9, 2, after));
      member.work();
      member.raft.campaign();
      const campaigns = member.term > 3;
      assert.equal(campaigns, after.voters.includes(1));
    }
  });

  it('that is older than what is committed is answered with the commit index', () => {
    const member = memberWithLog([1, 1, 1], { commit: 3 });
    member.raft.step(install(2, 1));
    const [answer] = member.work().filter((message) => message.type === AppResp);
    assert.deepEqual([answer?.index, answer?.reject], [3, false], 'entry 4 may not match');
  });

  it('replaces a log that conflicts with it, and whatever else was there', () => {
    const member = memberWithLog([1, 1, 1, 1, 1], { voters: [1, 2] });
    member.raft.step(install(4, 2));
    member.work();
    const { lastIndex, commit } = member.raft.basicStatus();
    assert.deepEqual([lastIndex, commit, member.storage.firstIndex()], [4, 4, 5]);
  });

  it('brings a follower up that was away for long, which then follows on', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    cluster.isolate(3);
    for (let i = 0; i < 20; i++) leader.propose(`v${i}`);
    cluster.settle();
    leader.storage.createSnapshot(leader.commit, null, bytes('s'));
    leader.storage.compact(leader.commit);
    cluster.heal();
    cluster.tick(1, 1);
    leader.propose('after');
    cluster.settle();
    assert.deepEqual(cluster.member(3).values, ['after']);
    assert.equal(cluster.member(3).commit, leader.commit);
  });

  it('is offered to a learner like to anyone', () => {
    const cluster = new Cluster([1], {}, confStateOf([1], [2]));
    const leader = cluster.elect(1);
    leader.propose('a');
    cluster.settle();
    leader.storage.createSnapshot(leader.commit, null, bytes('s'));
    leader.storage.compact(leader.commit);
    leader.raft.step(to1(HeartbeatResp, { term: leader.term }));
    leader.raft.step(to1(AppResp, { term: leader.term, index: 1, reject: true }));
    assert.ok(typesOf(leader.work()).includes(Snap));
  });
});
