import assert from 'node:assert/strict';
import { groupsOf, memberNames } from '../../manifests/index.ts';
import { exampleSpec } from '../../testing/examples.ts';
import { type Action, type Change, planChange } from '../index.ts';
import { World } from './world.ts';

/** What must hold of every step, wherever it is taken. */
export function checkStep(world: World, change: Change): void {
  const situation = world.situation();
  const { actions } = change;
  const kinds = actions.map((action) => action.do);
  const touching = kinds.filter((kind) => kind !== 'markVolume' && kind !== 'deleteVolume');
  const members = memberNames(world.groups).length;
  const isMoved = Math.abs(memberNames(change.groups).length - members);
  assert.ok(touching.length + isMoved <= 1, 'one member or pod at a time');
  if (situation.leader === null) assert.deepEqual([actions, change.groups], [[], world.groups]);
  for (const action of actions) checkAction(world, action);
  checkGrowth(world, change);
  const kept = memberNames(change.groups);
  for (const name of memberNames(world.groups).filter((name) => !kept.includes(name))) {
    assert.ok(
      world.members.every((member) => member.name !== name),
      `${name} left the member table before its pod goes`,
    );
  }
}

/** Nobody comes before all who vote, and all of its own group, are there and well. */
function checkGrowth(world: World, { groups }: Change): void {
  const before = memberNames(world.groups);
  const [name] = memberNames(groups).filter((member) => !before.includes(member));
  if (name === undefined) return;
  const set = name.replace(/-\d+$/, '');
  for (const group of world.groups) {
    for (const member of memberNames([group])) {
      if (group.role === 'voter') assert.ok(world.isUp(member), `${member} before ${name}`);
      else if (group.statefulSet === set) {
        assert.ok(world.members.some((known) => known.name === member));
      }
    }
  }
}

function checkAction(world: World, action: Action): void {
  if (action.do === 'removeMember') {
    assert.notEqual(action.name, world.leader, 'a leader hands over before it is removed');
    const member = world.members.find(({ id }) => id === action.id);
    const rest = world.voters().filter(({ id }) => id !== action.id);
    const up = rest.filter(({ name }) => world.isUp(name));
    if (member?.role === 'voter') assert.ok(up.length * 2 > rest.length, 'a quorum stays');
  }
  if (action.do === 'replacePod') {
    const voters = world.voters();
    const isVoter = voters.some(({ name }) => name === action.pod);
    const up = voters.filter(({ name }) => name !== action.pod && world.isUp(name));
    if (isVoter && voters.length > 1) {
      assert.ok(up.length * 2 > voters.length, 'the others are a quorum');
      assert.notEqual(action.pod, world.leader, 'a leader hands over before its pod goes');
    }
  }
  if (action.do === 'deleteVolume') {
    const volume = world.volumes.get(action.name);
    assert.ok(volume !== undefined && volume.removed !== null);
    assert.ok(
      world.members.every(({ id }) => id !== volume.removed),
      'its member was removed',
    );
    const name = action.name.slice('data-'.length);
    assert.ok(!world.pods.some((pod) => pod.name === name), 'its pod is gone');
  }
}

/** Steps until there is nothing to do; returns what was done, or fails after too many passes. */
export function run(world: World, passes = 400): Action[] {
  const done: Action[] = [];
  for (let pass = 0; pass < passes; pass += 1) {
    const change = planChange(world.situation());
    checkStep(world, change);
    const isQuiet = change.progress === null && change.actions.length === 0;
    if (isQuiet && memberNames(world.groups).every((name) => world.isUp(name))) return done;
    const hadQuorum = world.hasQuorum();
    world.carryOut(change);
    if (hadQuorum && world.down.size === 0 && world.voters().length > 1) {
      assert.ok(world.hasQuorum(), 'a quorum is there after every step');
    }
    done.push(...change.actions);
    world.tick();
  }
  return assert.fail(`not done after ${passes} passes: ${JSON.stringify(world.situation())}`);
}

export function plainWorld(voters: number, retain = true, readReplicas = 0): World {
  return new World(groupsOf('shop', exampleSpec({ voters, readReplicas })), retain);
}

export function words(actions: readonly Action[]): string[] {
  return actions.map((action) => {
    if (action.do === 'replacePod') return `replace ${action.pod}`;
    if (action.do === 'removeMember') return `remove ${action.name}`;
    if (action.do === 'transferLeadership') return `transfer from ${action.from} to ${action.to}`;
    return 'name' in action ? `${action.do} ${action.name}` : action.do;
  });
}
