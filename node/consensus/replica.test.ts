import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfState, type Entry, EntryType, NO_BYTES } from 'etcd-raft-ts';
import { type Log, MemoryFileSystem, openDataDirectory } from '../log/index.ts';
import { Replica } from './replica.ts';
import { type Applied, KeyValueState } from './testing/key-value-state.ts';
import { VirtualWorld } from './testing/virtual-world.ts';

const world = new VirtualWorld(1);

const confState: ConfState = {
  voters: [1, 2],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

function entry(index: number): Entry {
  return { index, term: 1, type: EntryType.Normal, data: Buffer.from(`k${index}=v`) };
}

function stateAt(index: number): KeyValueState {
  const first = { id: 1, name: 'n1', address: 'a:1', diskUuid: 'd', intent: 'voter' } as const;
  const state = KeyValueState.initial(first);
  for (let at = 1; at <= index; at++) state.apply(at, 1, at === 1 ? NO_BYTES : entry(at).data);
  return state;
}

/** A log whose first snapshot is the state at an index. */
async function logAt(index: number): Promise<Log> {
  const fs = new MemoryFileSystem({ defer: world.defer });
  const { clock, random, defer } = world;
  const logger = world.logger('m1');
  const directory = await openDataDirectory({ dir: '/data', fs, clock, random, logger, defer });
  const identity = { diskUuid: 'disk-1', name: 'n1', clusterId: 'cluster-1', memberId: 1 };
  await directory.writeIdentity(identity);
  const log = await directory.openLog({ segmentBytes: 64 * 1024 });
  await log.bootstrap({ index, term: 1, confState }, stateAt(index).snapshot());
  return log;
}

test('what a snapshot covers that is being installed is not applied any more, what follows is', async () => {
  const [own, leaders] = await world.settled(Promise.all([logAt(1), logAt(5)]));
  const state = stateAt(1);
  const applied: number[] = [];
  const replica = new Replica<Applied, KeyValueState>({
    memberId: 1,
    log: own,
    state,
    restore: (chunks) => KeyValueState.restore(chunks),
    logger: world.logger('m1'),
    applyChange: () => confState,
    onApplied: ({ index }) => applied.push(index),
    onInstalled: () => undefined,
    onMembers: () => undefined,
  });
  replica.apply(entry(2));

  const stream = await world.settled(leaders.openSnapshotStream());
  assert.ok(stream !== null);
  const { metadata } = await world.settled(own.receiveSnapshot(stream.chunks));
  const snapshot = { data: NO_BYTES, metadata };
  replica.expect(snapshot);
  assert.equal(replica.installing, true);
  for (const index of [3, 4, 5]) replica.apply(entry(index));
  assert.deepEqual(applied, [2]);
  assert.equal(state.appliedIndex, 2, 'the state waits for the snapshot');

  let isSaved = false;
  own.save({ snapshot: metadata }, () => {
    isSaved = true;
  });
  await world.until('the snapshot is in place', () => isSaved);
  await world.settled(replica.install(snapshot));
  assert.equal(replica.installing, false);
  assert.equal(replica.applied, 5);
  replica.apply(entry(6));
  assert.deepEqual(applied, [2, 6]);
  assert.equal(replica.state?.values.get('k6'), 'v');
});
