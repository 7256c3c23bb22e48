import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestCluster } from './testing/cluster.ts';

test('a membership that was in force is still in force after all members lost power', async () => {
  const cluster = await TestCluster.start(3);
  await cluster.converge();
  await cluster.world.run(500);
  const [first, second, third] = [1, 2, 3].map((id) => cluster.crash(id));
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  // The second one never comes back; the two others are a majority of the three voters.
  const back = await cluster.world.settled(
    Promise.all([cluster.restartLater(first), cluster.restartLater(third)]),
  );
  await cluster.world.until('a majority elects a leader', () =>
    back.some(({ consensus }) => consensus.leading),
  );
});
