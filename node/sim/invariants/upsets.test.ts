import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageType } from 'etcd-raft-ts';
import { Upsets } from './upsets.ts';

test('a new leader and the end of a process are told, from then on back', () => {
  const upsets = new Upsets();
  upsets.onSend({ type: MessageType.Heartbeat, term: 1 }, 10);
  assert.equal(upsets.anySince(11), false);
  upsets.onSend({ type: MessageType.App, term: 1 }, 20);
  upsets.onSend({ type: MessageType.PreVote, term: 2 }, 20);
  assert.equal(upsets.anySince(11), false);
  upsets.onSend({ type: MessageType.App, term: 2 }, 30);
  assert.deepEqual([upsets.anySince(30), upsets.anySince(31)], [true, false]);
  upsets.onCrash(50);
  assert.deepEqual([upsets.anySince(50), upsets.anySince(51)], [true, false]);
  const crashed = [upsets.crashedBetween(40, 60), upsets.crashedBetween(51, 60)];
  assert.deepEqual(crashed, [true, false]);
});
