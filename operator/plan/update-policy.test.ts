import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupsOf, memberNames } from '../manifests/index.ts';
import { exampleSpec } from '../testing/examples.ts';
import { type Action, planChange } from './index.ts';
import { checkStep, plainWorld, run, words } from './testing/steps.ts';
import type { World } from './testing/world.ts';

/** Somebody deletes a pod: its StatefulSet makes it anew from the present template. */
function deletePod(world: World, name: string): void {
  const index = world.pods.findIndex((pod) => pod.name === name);
  world.pods.splice(index, 1);
  if (world.leader === name) world.leader = null;
}

/** Steps until only a person could go on; what was done, and what is told. */
function runUntilPending(world: World): { done: string[]; told: string } {
  const done: Action[] = [];
  for (let pass = 0; pass < 60; pass += 1) {
    const change = planChange(world.situation());
    checkStep(world, change);
    const isWell = memberNames(world.groups).every((name) => world.isUp(name));
    if (change.progress?.reason === 'UpdatePending' && isWell) {
      assert.deepEqual([change.actions, change.progress.away], [[], []]);
      return { done: words(done), told: change.progress.message };
    }
    world.carryOut(change);
    done.push(...change.actions);
    world.tick();
  }
  return assert.fail('nothing is left to a person');
}

test('where updates are supervised, the leader stays until somebody else leads', () => {
  const world = plainWorld(3, true, 1);
  world.updates = 'Supervised';
  world.revision = 'r2';
  const { done, told } = runUntilPending(world);
  assert.deepEqual(done, ['replace shop-read-0', 'replace shop-2', 'replace shop-1']);
  assert.match(told, /^3 of 4 pods have the present template; shop-0, which leads: replaced once/);
  world.leader = 'shop-1';
  assert.deepEqual(words(run(world)), ['replace shop-0']);
});

test('where pods are replaced on deletion, nobody is touched, and members come and go all the same', () => {
  const world = plainWorld(3);
  world.updates = 'OnDelete';
  world.revision = 'r2';
  const { done, told } = runUntilPending(world);
  assert.deepEqual(done, []);
  assert.match(
    told,
    /^0 of 3 pods .*; shop-0, shop-1, shop-2: replaced when somebody deletes them/,
  );
  world.wanted = groupsOf('shop', exampleSpec({ voters: 5 }));
  assert.deepEqual(runUntilPending(world).done, []);
  assert.equal(world.voters().length, 5);
  for (const name of ['shop-2', 'shop-1', 'shop-0']) {
    deletePod(world, name);
    if (name !== 'shop-0') runUntilPending(world);
  }
  assert.deepEqual(words(run(world)), []);
  assert.ok(world.pods.every(({ revision }) => revision === 'r2'));
});

test('a lone voter is left to a person, too', () => {
  const world = plainWorld(1);
  world.revision = 'r2';
  world.updates = 'Supervised';
  assert.match(runUntilPending(world).told, /shop-0, which leads/);
});
