/** What becomes of a node whose Storage does not keep its contract: each breach is named. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry, HardState, Snapshot, Storage } from './index.ts';
import {
  ConfChangeError,
  MessageType,
  RaftInvariantError,
  RawNode,
  StorageError,
} from './index.ts';
import { confStateOf, foundedStorage, Member, makeEntry, makeSnapshot } from './testing/cluster.ts';
import { append, to1, winElection } from './testing/scenes.ts';

const { AppResp, HeartbeatResp } = MessageType;

/** Member 1 of 1 and 2 with entries 2 to 6, all persisted; the methods given replace its Storage's. */
function memberWith(broken: Partial<Storage>, options = {}): Member {
  const storage = foundedStorage(confStateOf([1, 2]));
  storage.append([2, 3, 4, 5, 6].map((index) => makeEntry(1, index, 'content')));
  return new Member(1, Object.assign(storage, broken), options);
}

function remembering(hardState: HardState | null, confState = confStateOf([1, 2])): Member {
  return memberWith({ initialState: () => ({ hardState, confState }) });
}

/** The same, leading, with a follower that asks for what comes after entry 1. */
function leaderWith(broken: (member: Member) => Partial<Storage>, options = {}): Member {
  const member = memberWith({}, options);
  winElection(member, [2]);
  Object.assign(member.storage, broken(member));
  return member;
}

function askFor(member: Member, next: number): void {
  const refusal = { term: member.term, index: 6, reject: true, rejectHint: next - 1, logTerm: 1 };
  member.raft.step(to1(AppResp, refusal));
}

const CONFIG = {
  id: 1,
  electionTick: 10,
  heartbeatTick: 1,
  maxInflightMsgs: 1,
  randomElectionJitter: () => 0,
};

/** The text is what people get to see. */
function named(pattern: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof RaftInvariantError &&
    error.message.startsWith('storage breaks its contract') &&
    pattern.test(error.message);
}

describe('a Storage whose bounds are impossible', () => {
  for (const [name, broken] of [
    ['the last index comes before the first', { lastIndex: () => 0 }],
    ['the last index is not an integer', { lastIndex: () => 6.5 }],
    ['the last index is too large', { lastIndex: () => 2 ** 53 }],
  ] as const) {
    it(`is refused at the start where ${name}`, () => {
      assert.throws(() => memberWith(broken), named(/firstIndex/));
    });
  }

  for (const firstIndex of [Number.NaN, -1, 1.5, 2 ** 53]) {
    it(`is refused at the start where the first index is ${firstIndex}`, () => {
      const storage = Object.assign(foundedStorage(confStateOf([1])), {
        firstIndex: () => firstIndex,
      });
      assert.throws(() => new RawNode({ ...CONFIG, storage }), named(/firstIndex/));
    });
  }

  for (const [name, commit] of [
    ['is beyond its end', 7],
    ['is before its beginning', 0],
  ] as const) {
    it(`is refused at the start where the commit index ${name}`, () => {
      const hardState = { term: 2, vote: 0, commit };
      assert.throws(() => remembering(hardState), RaftInvariantError);
    });
  }

  it('is refused at the start where more is applied than is committed', () => {
    const storage = foundedStorage(confStateOf([1]));
    assert.throws(() => new RawNode({ ...CONFIG, storage, applied: 2 }), RaftInvariantError);
  });
});

describe('a Storage whose hard state is impossible', () => {
  for (const [name, hardState] of [
    ['a negative term', { term: -1, vote: 0, commit: 1 }],
    ['a term that is not an integer', { term: 1.5, vote: 0, commit: 1 }],
    ['a vote that is not a number', { term: 1, vote: Number.NaN, commit: 1 }],
    ['a commit index that is not a number', { term: 1, vote: 0, commit: Number.NaN }],
    ['a term that is too large', { term: 2 ** 53, vote: 0, commit: 1 }],
  ] as const) {
    it(`is refused at the start: ${name}`, () => {
      assert.throws(() => remembering(hardState), RaftInvariantError);
    });
  }

  it('is refused at the start: an id that cannot be one', () => {
    for (const id of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
      assert.throws(() => remembering(null, confStateOf([1, id])), ConfChangeError, String(id));
    }
  });

  it('is refused at the start: a member in two roles', () => {
    assert.throws(() => remembering(null, confStateOf([1, 2], [2])), ConfChangeError);
  });
});

function list(...indexes: number[]): Entry[] {
  return indexes.map((index) => makeEntry(1, index, 'content'));
}

describe('a Storage whose entries are not those asked for', () => {
  for (const [name, entries] of [
    ['none', list()],
    ['from another index on', list(3, 4, 5, 6)],
    ['with a gap', list(2, 3, 5, 6)],
    ['in another order', list(2, 4, 3, 5, 6)],
    ['twice', list(2, 2, 3, 4, 5)],
    ['and more', list(2, 3, 4, 5, 6, 7, 8)],
  ] as const) {
    it(`is named: ${name}`, () => {
      const leader = leaderWith(() => ({ entries: () => [...entries] }));
      assert.throws(() => askFor(leader, 2), named(/entries/));
    });
  }

  it('is named: with a term that falls', () => {
    const leader = leaderWith(() => ({ entries: () => [makeEntry(2, 2), makeEntry(1, 3)] }));
    assert.throws(() => askFor(leader, 2), named(/entries/));
  });

  it('is named: more of them than fit', () => {
    const broken = { entries: () => list(2, 3, 4, 5, 6) };
    const leader = leaderWith(() => broken, { maxSizePerMsg: 20 });
    assert.throws(() => askFor(leader, 2), named(/entries/));
  });

  it('may return a single entry that is larger than the limit', () => {
    const leader = leaderWith(() => ({}), { maxSizePerMsg: 1 });
    askFor(leader, 2);
    const [message] = leader.work();
    assert.equal(message?.entries.length, 1);
  });

  it('is named when it does not have what it says it has', () => {
    const leader = leaderWith(() => ({
      entries: () => {
        throw new StorageError('UNAVAILABLE');
      },
    }));
    assert.throws(() => askFor(leader, 2), RaftInvariantError);
  });

  it('is named when it has compacted what is not applied', () => {
    const member = memberWith({});
    member.raft.step(append(2, [6, 1], [], 6));
    member.storage.compact(5);
    assert.throws(() => member.raft.ready(), named(/compacted/));
  });
});

describe('a Storage whose terms are wrong', () => {
  for (const [name, term] of [
    ['negative', -1],
    ['not a number', Number.NaN],
    ['not an integer', 0.5],
    ['too large', 2 ** 53],
  ] as const) {
    it(`is named: ${name}`, () => {
      const member = memberWith({});
      member.storage.term = () => term;
      assert.throws(() => member.raft.campaign(), named(/term/));
    });
  }

  it('is named where it does not know the term of its last entry', () => {
    const member = memberWith({});
    member.storage.term = () => {
      throw new StorageError('COMPACTED');
    };
    assert.throws(() => member.raft.campaign(), named(/term/));
  });
});

function askForSnapshot(snapshot: () => Snapshot): Member {
  const leader = leaderWith(({ storage }) => {
    storage.createSnapshot(5, null, new Uint8Array(0));
    return {};
  });
  leader.storage.setHardState({ term: leader.term, vote: 1, commit: 6 });
  leader.raft.step(to1(AppResp, { term: leader.term, index: 7 }));
  leader.work();
  leader.storage.compact(5);
  leader.storage.snapshot = snapshot;
  leader.raft.reportUnreachable(2);
  return leader;
}

function behind(leader: Member): void {
  // 2 comes back empty: it refuses what follows its match, and everything before it.
  leader.raft.applyConfChange({ id: 0, type: 1, nodeId: 2, context: new Uint8Array(0) });
  leader.raft.applyConfChange({ id: 0, type: 0, nodeId: 2, context: new Uint8Array(0) });
  leader.raft.step(to1(AppResp, { term: leader.term, index: 6, reject: true }));
  leader.raft.step(to1(HeartbeatResp, { term: leader.term }));
}

describe('a Storage whose snapshot is not what it should be', () => {
  for (const [name, index, term] of [
    ['empty', 0, 0],
    ['older than its log', 3, 1],
    ['of a negative index', -1, 1],
    ['of an index that is no number', Number.NaN, 1],
    ['beyond what is committed', 99, 1],
  ] as const) {
    it(`is named: ${name}`, () => {
      const leader = askForSnapshot(() => makeSnapshot(index, term, confStateOf([1, 2])));
      assert.throws(() => behind(leader), named(/snapshot/));
    });
  }

  it('may have none for the time being', () => {
    const leader = askForSnapshot(() => {
      throw new StorageError('SNAPSHOT_TEMPORARILY_UNAVAILABLE');
    });
    behind(leader);
    assert.equal(leader.raft.status().progress.get(2)?.pendingSnapshot, 0);
  });
});

describe('an error of a Storage that is none of its answers', () => {
  const failure = new Error('the disk is on fire');
  const fail = (): never => {
    throw failure;
  };

  it('is passed on as it is, wherever it happens', () => {
    for (const method of ['firstIndex', 'lastIndex', 'initialState'] as const) {
      assert.throws(() => memberWith({ [method]: fail }), failure, method);
    }
    const calls = [
      () =>
        askFor(
          leaderWith(() => ({ entries: fail })),
          2,
        ),
      () => memberWith({}).raft.step(append(2, [3, 1], [])),
    ];
    assert.throws(() => calls[0]?.(), failure);
    const member = memberWith({});
    member.storage.term = fail;
    assert.throws(() => member.raft.step(append(2, [3, 1], [])), failure);
    assert.throws(() => member.raft.campaign(), failure);
  });
});
