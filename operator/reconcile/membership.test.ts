import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewCluster } from '../admin/index.ts';
import { examplePod, exampleReports } from '../testing/examples.ts';
import { MembershipMemory, tableOf } from './membership.ts';

const KEY = 'trade/shop';
const EMPTY = [{ name: 'shop-2', answer: { kind: 'waiting' } as const }];

function memberOfId(id: number) {
  return [{ id, name: 'shop-2', role: 'voter' as const, lag: null }];
}

test('an empty disk counts as lost when it has been empty for ten seconds', () => {
  const memory = new MembershipMemory();
  assert.deepEqual(memory.emptyDisks(KEY, EMPTY, memberOfId(3), 0), []);
  assert.deepEqual(memory.emptyDisks(KEY, EMPTY, memberOfId(3), 9_000), []);
  assert.deepEqual(memory.emptyDisks(KEY, EMPTY, memberOfId(3), 10_000), ['shop-2']);
});

test('a pod that was just taken in anew is another member, whose time begins then', () => {
  const memory = new MembershipMemory();
  memory.emptyDisks(KEY, EMPTY, memberOfId(3), 0);
  assert.deepEqual(memory.emptyDisks(KEY, EMPTY, memberOfId(3), 10_000), ['shop-2']);
  assert.deepEqual(memory.emptyDisks(KEY, EMPTY, memberOfId(4), 11_000), []);
});

test('a pod that answers in between was not lost', () => {
  const memory = new MembershipMemory();
  memory.emptyDisks(KEY, EMPTY, memberOfId(3), 0);
  memory.emptyDisks(KEY, [], memberOfId(3), 5_000);
  assert.deepEqual(memory.emptyDisks(KEY, EMPTY, memberOfId(3), 10_000), []);
});

test('a pod that nobody has in the table has lost nothing', () => {
  const memory = new MembershipMemory();
  memory.emptyDisks(KEY, EMPTY, [], 0);
  assert.deepEqual(memory.emptyDisks(KEY, EMPTY, [], 60_000), []);
});

test('volumes are looked at first, while members change, and once after that', () => {
  const memory = new MembershipMemory();
  const wants = [false, false, true, true, false, false].map((isChanging) =>
    memory.wantsVolumes(KEY, isChanging),
  );
  assert.deepEqual(wants, [true, false, true, true, true, false]);
});

test('a pod that was deleted is going, whatever the cache says', () => {
  const memory = new MembershipMemory();
  memory.replaced('uid-shop-1');
  const pods = memory.withReplaced([examplePod('shop-0'), examplePod('shop-1')]);
  assert.deepEqual(
    pods.map(({ deleting }) => deleting),
    [false, true],
  );
});

test('members are counted as the leader has them, and not as a follower does', () => {
  const reports = exampleReports(3, 1);
  const table = tableOf(viewCluster(reports));
  assert.deepEqual(
    [table?.leader, table?.members.map(({ id, name }) => `${id} ${name}`)],
    ['shop-1', ['1 shop-0', '2 shop-1', '3 shop-2']],
  );
  const withoutLeader = viewCluster(reports.filter(({ name }) => name !== 'shop-1'));
  assert.equal(withoutLeader.leader, 'shop-1');
  assert.equal(tableOf(withoutLeader), null);
});
