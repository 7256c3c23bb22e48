import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageType } from 'etcd-raft-ts';
import { STALE_LEADER_MS, Upsets } from './upsets.ts';

test('a new leader may cost what an older one answers for a while, and what came before', () => {
  const upsets = new Upsets();
  assert.equal(upsets.mayHaveCost(0), false);
  upsets.onSend({ type: MessageType.Heartbeat, term: 1 }, 10);
  upsets.onSend({ type: MessageType.App, term: 1 }, 5000);
  upsets.onSend({ type: MessageType.PreVote, term: 2 }, 5000);
  const [still, over] = [10 + STALE_LEADER_MS, 11 + STALE_LEADER_MS];
  assert.deepEqual([upsets.mayHaveCost(still), upsets.mayHaveCost(over)], [true, false]);
  upsets.onSend({ type: MessageType.App, term: 2 }, 5000);
  assert.equal(upsets.mayHaveCost(over), true);
});

test('so may one that was stopped and goes on', () => {
  const upsets = new Upsets();
  upsets.onResume(10);
  const [still, over] = [10 + STALE_LEADER_MS, 11 + STALE_LEADER_MS];
  assert.deepEqual([upsets.mayHaveCost(still), upsets.mayHaveCost(over)], [true, false]);
});

test('the end of a process costs what was answered before it', () => {
  const upsets = new Upsets();
  upsets.onCrash(50);
  assert.deepEqual([upsets.mayHaveCost(50), upsets.mayHaveCost(51)], [true, false]);
  const crashed = [upsets.crashedBetween(40, 60), upsets.crashedBetween(51, 60)];
  assert.deepEqual(crashed, [true, false]);
});
