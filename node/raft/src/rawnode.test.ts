import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Config, Message, Ready } from './index.ts';
import {
  ConfigError,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  LogLevel,
  MemoryStorage,
  MessageError,
  MessageType,
  RaftInvariantError,
  RawNode,
  ReadOnlyOption,
  StateType,
} from './index.ts';
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

describe('a Ready', () => {
  it('says when its writes have to be durable', () => {
    const member = new Member(1, foundedStorage(confStateOf([1])), {});
    member.raft.campaign();
    const vote = member.raft.ready();
    assert.deepEqual([vote.mustSync, vote.hardState?.vote], [true, 1]);
    member.storage.setHardState(vote.hardState ?? { term: 0, vote: 0, commit: 0 });
    member.raft.advance();
    const entry = member.raft.ready();
    assert.deepEqual([entry.mustSync, entry.entries.length], [true, 1]);
    member.storage.append(entry.entries);
    member.raft.advance();
    const commit = member.raft.ready();
    assert.deepEqual([commit.mustSync, commit.hardState?.commit], [false, 2]);
    assert.deepEqual(
      commit.committedEntries.map((committed) => committed.index),
      [2],
    );
  });

  it('is not changed by what happens after it', () => {
    const cluster = new Cluster([1, 2, 3]);
    const leader = cluster.elect(1);
    leader.propose('a');
    const ready = leader.raft.ready();
    const before = JSON.stringify(ready);
    leader.propose('b');
    leader.raft.readIndex(bytes('r'));
    leader.raft.step(makeMessage({ type: MessageType.Vote, from: 2, to: 1, term: 9 }));
    assert.equal(JSON.stringify(ready), before);
  });

  it('has to be followed by advance', () => {
    const member = new Member(1, foundedStorage(confStateOf([1])), {});
    member.raft.campaign();
    member.raft.ready();
    assert.throws(() => member.raft.ready(), /without call to Advance/);
  });

  it('comes only when there is something in it', () => {
    const cluster = new Cluster([1, 2, 3]);
    assert.equal(cluster.member(1).raft.hasReady(), false);
    cluster.elect(1);
    for (const member of cluster.members.values()) assert.equal(member.raft.hasReady(), false);
  });
});

/** A leader of one that writes asynchronously, and the work it has given out. */
class AsyncNode {
  readonly storage = foundedStorage(confStateOf([1]));
  readonly appends: Message[] = [];
  readonly applies: Message[] = [];
  readonly raft = new RawNode({
    id: 1,
    storage: this.storage,
    electionTick: 10,
    heartbeatTick: 1,
    maxInflightMsgs: 256,
    randomElectionJitter: () => 0,
    asyncStorageWrites: true,
    applied: 1,
  });

  work(): Ready {
    const ready = this.raft.ready();
    for (const message of ready.messages) {
      if (message.to === LOCAL_APPEND_THREAD) this.appends.push(message);
      if (message.to === LOCAL_APPLY_THREAD) this.applies.push(message);
    }
    return ready;
  }

  finishAppend(): void {
    const message = this.appends.shift();
    assert.ok(message !== undefined);
    const { term, vote, commit } = message;
    if (term > 0) this.storage.setHardState({ term, vote, commit });
    this.storage.append(message.entries);
    for (const response of message.responses) this.raft.step(response);
  }

  finishApply(): number[] {
    const message = this.applies.shift();
    assert.ok(message !== undefined);
    for (const response of message.responses) this.raft.step(response);
    return message.entries.map((entry) => entry.index);
  }

  lead(): void {
    this.raft.campaign();
    while (this.raft.hasReady()) {
      this.work();
      while (this.appends.length > 0) this.finishAppend();
      while (this.applies.length > 0) this.finishApply();
    }
  }
}

/** The leader of `term` sends the entry at index 2. */
function appendOf(term: number, content: string): Message {
  return makeMessage({
    type: MessageType.App,
    from: term,
    to: 1,
    term,
    index: 1,
    logTerm: 1,
    entries: [makeEntry(term, 2, content)],
  });
}

describe('asynchronous storage writes', () => {
  it('can be under way several at a time', () => {
    const node = new AsyncNode();
    node.lead();
    const { commit } = node.raft.basicStatus();
    for (const value of ['a', 'b', 'c']) {
      node.raft.propose(bytes(value));
      node.work();
    }
    assert.equal(node.appends.length, 3);
    assert.equal(node.raft.basicStatus().commit, commit);
    node.finishAppend();
    node.finishAppend();
    assert.equal(node.raft.basicStatus().commit, commit + 2);
    node.work();
    assert.deepEqual(node.finishApply(), [commit + 1, commit + 2]);
    assert.equal(node.raft.basicStatus().applied, commit + 2);
  });

  it('never hand out for applying what is not durable here', () => {
    const node = new AsyncNode();
    node.lead();
    node.raft.propose(bytes('a'));
    assert.equal(node.work().committedEntries.length, 0);
    node.finishAppend();
    assert.equal(node.work().committedEntries.length, 1);
  });

  it('carry the hard state whole, or not at all', () => {
    const node = new AsyncNode();
    node.raft.campaign();
    node.work();
    const [vote] = node.appends;
    assert.deepEqual([vote?.term, vote?.vote, vote?.commit], [2, 1, 1]);
    node.lead();
    node.raft.propose(bytes('a'));
    node.work();
    const [append] = node.appends;
    assert.deepEqual([append?.term, append?.vote, append?.commit], [0, 0, 0]);
  });

  it('keep entries that another write in progress may still replace', () => {
    const storage = foundedStorage(confStateOf([1, 2, 3]));
    const member = new Member(1, storage, { asyncStorageWrites: true });
    const persist = (ready: Ready) => {
      const message = ready.messages.find((sent) => sent.to === LOCAL_APPEND_THREAD);
      assert.ok(message !== undefined);
      storage.append(message.entries);
      for (const response of message.responses) if (response.to === 1) member.raft.step(response);
    };
    member.raft.step(appendOf(2, 'A'));
    const first = member.raft.ready();
    member.raft.step(appendOf(3, 'B'));
    const second = member.raft.ready();
    persist(first);
    assert.equal(member.raft.basicStatus().lastIndex, 2);
    const commitB = { type: MessageType.Heartbeat, from: 3, to: 1, term: 3, commit: 2 };
    member.raft.step(makeMessage(commitB));
    assert.equal(member.raft.ready().committedEntries.length, 0, 'storage holds A, not B');
    persist(second);
    const [applied] = member.raft.ready().committedEntries;
    assert.equal(text(applied?.data ?? bytes('')), 'B');
  });

  it('take the place of advance', () => {
    const node = new AsyncNode();
    assert.throws(() => node.raft.advance(), RaftInvariantError);
  });
});

const member = () => new Member(1, foundedStorage(confStateOf([1, 2])), {});

describe('a message', () => {
  const append = { type: MessageType.App, from: 2, to: 1, term: 2, index: 1, logTerm: 1 };

  it('that no correct peer could have sent is refused, and changes nothing', () => {
    const impossible: Partial<Message>[] = [
      { term: -1 },
      { term: 2 ** 53 },
      { index: 0.5 },
      { commit: Number.NaN },
      { from: -3 },
      { to: 2 },
      { entries: [makeEntry(2, 3)] },
      { entries: [makeEntry(2, 2), makeEntry(2, 4)] },
      { entries: [makeEntry(2, 2), makeEntry(1, 3)] },
      { entries: [makeEntry(3, 2)] },
      { entries: [makeEntry(0, 2)] },
    ];
    for (const fields of impossible) {
      const node = member();
      assert.throws(() => node.raft.step(makeMessage({ ...append, ...fields })), MessageError);
      assert.equal(node.term, 1, JSON.stringify(fields));
    }
    assert.equal(member().raft.step(makeMessage({ ...append, entries: [makeEntry(2, 2)] })), 'ok');
  });

  it('of a term has to name it', () => {
    const bound = ['App', 'Heartbeat', 'HeartbeatResp', 'Vote', 'PreVote', 'TimeoutNow'] as const;
    for (const type of bound) {
      const node = member();
      const message = makeMessage({ ...append, type: MessageType[type], term: 0 });
      assert.throws(() => node.raft.step(message), MessageError, type);
      assert.equal(node.lead, 0);
    }
  });

  it('of a local type does not come from a peer', () => {
    for (const type of [MessageType.Hup, MessageType.StorageAppendResp, MessageType.Unreachable]) {
      assert.equal(member().raft.step(makeMessage({ type, from: 2, to: 1 })), 'local-message');
    }
  });

  it('that answers something comes from members only', () => {
    const answer = makeMessage({ type: MessageType.AppResp, from: 9, to: 1, term: 9 });
    const node = member();
    assert.equal(node.raft.step(answer), 'peer-not-found');
    assert.equal(node.term, 1);
  });
});

describe('a configuration', () => {
  const valid: Config = {
    id: 1,
    electionTick: 10,
    heartbeatTick: 1,
    maxInflightMsgs: 1,
    randomElectionJitter: () => 0,
    storage: new MemoryStorage(),
  };

  for (const [name, wrong] of [
    ['id', { id: 0 }],
    ['id', { id: LOCAL_APPEND_THREAD }],
    ['id', { id: 1.5 }],
    ['heartbeatTick', { heartbeatTick: 0 }],
    ['electionTick', { electionTick: 1 }],
    ['maxInflightMsgs', { maxInflightMsgs: 0 }],
    ['maxInflightBytes', { maxSizePerMsg: 10, maxInflightBytes: 9 }],
    ['maxSizePerMsg', { maxSizePerMsg: -1 }],
    ['maxCommittedSizePerReady', { maxSizePerMsg: 0 }],
    ['applied', { applied: -1 }],
    ['checkQuorum', { readOnlyOption: ReadOnlyOption.LeaseBased }],
  ] as const) {
    it(`is refused for ${JSON.stringify(wrong)}`, () => {
      assert.throws(
        () => new RawNode({ ...valid, ...wrong }),
        (error: unknown) => error instanceof ConfigError && error.message.includes(name),
      );
    });
  }

  it('is accepted with nothing but what is required', () => {
    assert.equal(new RawNode(valid).basicStatus().raftState, StateType.Follower);
  });
});

describe('forgetLeader', () => {
  it('makes a follower vote before its lease has run out', () => {
    const cluster = new Cluster([1, 2, 3], { preVote: true, checkQuorum: true });
    cluster.elect(1);
    cluster.isolate(1);
    cluster.elect(3);
    assert.equal(cluster.member(2).lead, 1);
    cluster.member(2).raft.forgetLeader();
    cluster.elect(3);
    assert.equal(cluster.member(2).lead, 3);
  });

  it('is ignored under leases', () => {
    const options = { readOnlyOption: ReadOnlyOption.LeaseBased, checkQuorum: true };
    const cluster = new Cluster([1, 2, 3], options);
    cluster.elect(1);
    cluster.member(2).raft.forgetLeader();
    assert.equal(cluster.member(2).lead, 1);
  });
});

describe('the logger', () => {
  it('gets the lines from its level on', () => {
    const lines: string[] = [];
    const logger = {
      level: LogLevel.Warning,
      write: (level: LogLevel, line: string) => lines.push(`${level} ${line}`),
    };
    const storage = foundedStorage(confStateOf([2]));
    new Member(1, storage, { logger }).raft.campaign();
    assert.deepEqual(lines, ['2 1 is unpromotable and can not campaign']);
  });
});
