import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOCAL_APPEND_THREAD, type Message, MessageType, NO_BYTES } from 'etcd-raft-ts';
import { type Log, MemoryFileSystem, openDataDirectory } from '../log/index.ts';
import { AppendQueue } from './append-queue.ts';
import { VirtualWorld } from './testing/virtual-world.ts';

const world = new VirtualWorld(1);

async function openLog(fs: MemoryFileSystem): Promise<Log> {
  const { clock, random, defer } = world;
  const logger = world.logger('m1');
  const directory = await openDataDirectory({ dir: '/data', fs, clock, random, logger, defer });
  if (directory.identity === null) {
    const identity = { diskUuid: 'disk-1', name: 'n1', clusterId: 'cluster-1', memberId: 1 };
    await directory.writeIdentity(identity);
  }
  return directory.openLog({ segmentBytes: 64 * 1024 });
}

function storageMessage(type: MessageType, fields: Partial<Message>): Message {
  return {
    type,
    to: LOCAL_APPEND_THREAD,
    from: 1,
    term: 0,
    logTerm: 0,
    index: 0,
    entries: [],
    commit: 0,
    vote: 0,
    snapshot: null,
    reject: false,
    rejectHint: 0,
    context: NO_BYTES,
    responses: [],
    ...fields,
  };
}

test('a vote in a term that was entered before is durable when its answer leaves', async () => {
  const fs = new MemoryFileSystem({ defer: world.defer });
  const log = await world.settled(openLog(fs));
  const delivered: Message[] = [];
  const queue = new AppendQueue(log, {
    deliver: (responses) => delivered.push(...responses),
    install: () => Promise.reject(new Error('there is no snapshot')),
    stored: () => {},
    fail: (error: unknown) => assert.fail(String(error)),
  });
  const answer = storageMessage(MessageType.VoteResp, { to: 3, term: 2 });
  queue.push(storageMessage(MessageType.StorageAppend, { term: 2, vote: 0 }));
  queue.push(storageMessage(MessageType.StorageAppend, { term: 2, vote: 3, responses: [answer] }));
  await world.until('the answer leaves', () => delivered.length > 0);
  const after = fs.crash('power', () => 0, { defer: world.defer });
  const { hardState } = (await world.settled(openLog(after))).initialState();
  assert.deepEqual([hardState?.term, hardState?.vote], [2, 3]);
});
