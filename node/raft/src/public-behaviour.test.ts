import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Config, ProgressView } from './index.ts';
import {
  ConfigError,
  describeStatus,
  EntryType,
  MemoryStorage,
  MessageError,
  MessageType,
  ProgressState,
  RaftInvariantError,
  RawNode,
} from './index.ts';
import { bytes, Cluster, confStateOf, makeMessage } from './testing/cluster.ts';

function makeNode(id: number, storage = new MemoryStorage(), options: Partial<Config> = {}) {
  return new RawNode({
    id,
    storage,
    electionTick: 10,
    heartbeatTick: 1,
    maxInflightMsgs: 8,
    randomElectionJitter: () => 0,
    ...options,
  });
}

/** Starts a node on an empty Storage with some methods replaced. */
function startOn(overrides: Partial<MemoryStorage>): RawNode {
  return makeNode(1, Object.assign(new MemoryStorage(), overrides));
}

describe('bootstrap', () => {
  const founders = [{ id: 1 }, { id: 2, context: bytes('two') }, { id: 3 }];

  it('writes one committed change per founder, all of which have to be persisted and applied', () => {
    const node = makeNode(1);
    node.bootstrap(founders);
    const ready = node.ready();
    assert.deepEqual(ready.hardState, { term: 1, vote: 0, commit: 3 });
    assert.deepEqual(
      ready.entries.map(({ term, index, type }) => ({ term, index, type })),
      [1, 2, 3].map((index) => ({ term: 1, index, type: EntryType.ConfChange })),
    );
    assert.deepEqual(ready.committedEntries, ready.entries);
    assert.deepEqual(node.status().config.toConfState().voters, [1, 2, 3]);
  });

  it('gives every founder the same log', () => {
    const [first, second] = [makeNode(1), makeNode(2)];
    first.bootstrap(founders);
    second.bootstrap(founders);
    assert.deepEqual(first.ready().entries, second.ready().entries);
  });

  it('makes a single founder able to campaign at once', () => {
    const storage = new MemoryStorage();
    const node = makeNode(1, storage);
    node.bootstrap([{ id: 1 }]);
    storage.append(node.ready().entries);
    node.advance();
    node.campaign();
    node.ready();
    node.advance();
    assert.equal(node.basicStatus().lead, 1);
  });

  it('is refused without founders, with an impossible one, and for a member that has a log', () => {
    const node = makeNode(1);
    assert.throws(() => node.bootstrap([]), ConfigError);
    assert.throws(() => node.bootstrap([{ id: 1 }, { id: 0 }]), ConfigError);
    assert.equal(node.hasReady(), false);
    const storage = new MemoryStorage();
    storage.append([{ term: 1, index: 1, type: EntryType.Normal, data: bytes('x') }]);
    assert.throws(() => makeNode(1, storage).bootstrap([{ id: 1 }]), {
      name: 'ConfigError',
      code: 'BAD_CONFIG',
    });
  });
});

describe('what a node tells about itself', () => {
  it('withProgress shows every member in order, learners apart', () => {
    const cluster = new Cluster([1, 2, 3], {}, confStateOf([1, 2], [3]));
    const leader = cluster.elect(1);
    const seen: [number, string, number, ProgressView['state']][] = [];
    leader.raft.withProgress((id, type, progress) => {
      seen.push([id, type, progress.match, progress.state]);
    });
    const { commit } = leader.raft.basicStatus();
    assert.deepEqual(seen, [
      [1, 'peer', commit, ProgressState.Replicate],
      [2, 'peer', commit, ProgressState.Replicate],
      [3, 'learner', commit, ProgressState.Replicate],
    ]);
  });

  it('describeStatus is JSON with the progress of each member', () => {
    const leader = new Cluster([1, 10]).elect(1);
    const status: unknown = JSON.parse(describeStatus(leader.raft.status()));
    const { term, commit, applied } = leader.raft.basicStatus();
    const member = { match: commit, next: commit + 1, state: 'StateReplicate' };
    assert.deepEqual(status, {
      id: '1',
      term,
      vote: '1',
      commit,
      lead: '1',
      raftState: 'StateLeader',
      applied,
      progress: { '1': member, a: member },
      leadtransferee: '0',
    });
  });

  it('a quiesced tick passes time, but starts no election', () => {
    const node = makeNode(1);
    node.bootstrap([{ id: 1 }, { id: 2 }]);
    node.ready();
    node.advance();
    for (let i = 0; i < 50; i++) node.tickQuiesced();
    assert.equal(node.basicStatus().term, 1);
    node.tick();
    assert.equal(node.basicStatus().term, 2);
  });
});

describe('what cannot be is refused', () => {
  it('the id of a member that cannot exist', () => {
    const node = makeNode(1);
    for (const id of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
      assert.throws(() => node.transferLeader(id), MessageError);
      assert.throws(() => node.reportUnreachable(id), MessageError);
      assert.throws(() => node.reportSnapshot(id, 'finish'), MessageError);
    }
  });

  it('a Storage whose hard state, bounds or terms are no numbers of the protocol', () => {
    const contract = { name: 'RaftInvariantError', code: 'STORAGE_CONTRACT' };
    assert.throws(() => startOn({ firstIndex: () => Number.NaN }), contract);
    assert.throws(() => startOn({ lastIndex: () => -7 }), contract);
    assert.throws(() => startOn({ term: () => 0.5 }), contract);
    const storage = new MemoryStorage();
    storage.setHardState({ term: -1, vote: 0, commit: 0 });
    assert.throws(() => makeNode(1, storage), contract);
  });

  it('a second Ready before advance, and advance with asynchronous storage writes', () => {
    const misuse = { name: 'RaftInvariantError', code: 'MISUSE' };
    const node = makeNode(1);
    node.bootstrap([{ id: 1 }]);
    node.ready();
    assert.throws(() => node.ready(), misuse);
    const asynchronous = makeNode(1, new MemoryStorage(), { asyncStorageWrites: true });
    assert.throws(() => asynchronous.advance(), misuse);
    assert.throws(() => asynchronous.advance(), RaftInvariantError);
  });

  it('a snapshot whose membership contradicts itself, before anything is replaced by it', () => {
    const node = makeNode(3);
    for (const confState of [confStateOf([1, 3], [3]), confStateOf([1, 1, 3])]) {
      const snapshot = { data: bytes('x'), metadata: { confState, index: 9, term: 2 } };
      const message = makeMessage({ type: MessageType.Snap, from: 1, to: 3, term: 2, snapshot });
      assert.throws(() => node.step(message), { name: 'ConfChangeError', code: 'BAD_CONF_CHANGE' });
      assert.equal(node.basicStatus().lastIndex, 0);
      assert.deepEqual(node.status().config.toConfState().voters, []);
    }
  });
});
