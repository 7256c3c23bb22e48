import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { groupsOf, type MemberGroup, memberNames } from '../manifests/index.ts';
import { exampleSpec } from '../testing/examples.ts';
import { planChange, sameGroups, type VolumeFact } from './index.ts';
import { checkStep, plainWorld, run, words } from './testing/steps.ts';
import { World } from './testing/world.ts';

const clusters = fc
  .record({
    shape: fc.constantFrom<'plain' | 'regions'>('plain', 'regions'),
    voters: fc.constantFrom(1, 3, 5),
    learners: fc.nat(2),
    readReplicas: fc.nat(2),
  })
  .map(({ shape, voters, learners, readReplicas }) =>
    groupsOf(
      'shop',
      exampleSpec({
        readReplicas,
        ...(shape === 'plain'
          ? { voters }
          : {
              regions: [
                { name: 'eu', role: 'Voter', nodes: voters },
                ...(learners === 0 ? [] : [{ name: 'us', role: 'Learner', nodes: learners }]),
              ],
            }),
      }),
    ),
  );

test('from any cluster to any other: one step at a time, never below a quorum, and it arrives', () => {
  fc.assert(
    fc.property(clusters, clusters, fc.boolean(), fc.boolean(), (start, goal, retain, rolls) => {
      const world = new World(start, retain);
      world.wanted = goal;
      if (rolls) world.revision = 'r2';
      run(world);
      assert.ok(sameGroups(world.groups, goal));
      assert.deepEqual(
        world.members.map(({ name }) => name).toSorted(),
        memberNames(goal).toSorted(),
      );
      assert.ok(world.pods.every(({ revision }) => revision === world.revision));
    }),
    { numRuns: 400 },
  );
});

test('whatever is away while it happens, every step is safe, and when all are back it arrives', () => {
  const faults = fc.array(fc.record({ at: fc.nat(60), member: fc.nat(8), forMs: fc.nat(20) }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(clusters, clusters, faults, (start, goal, plan) => {
      const world = new World(start, false);
      world.wanted = goal;
      world.revision = 'r2';
      for (let pass = 0; pass < 90; pass += 1) {
        for (const { at, member, forMs } of plan) {
          const name = memberNames(world.groups)[member];
          if (name === undefined) continue;
          if (pass === at) world.down.add(name);
          if (pass === at + forMs) world.down.clear();
        }
        const change = planChange(world.situation());
        checkStep(world, change);
        world.carryOut(change);
        world.tick();
      }
      world.down.clear();
      world.tick();
      run(world);
      assert.ok(sameGroups(world.groups, goal));
    }),
    { numRuns: 300 },
  );
});

test('the same situation gives the same step', () => {
  fc.assert(
    fc.property(clusters, clusters, (start, goal) => {
      const world = new World(start, true);
      world.wanted = goal;
      assert.deepEqual(planChange(world.situation()), planChange(world.situation()));
    }),
  );
});

test('learners are replaced first, then followers, then the leader, which hands over', () => {
  const world = plainWorld(3, true, 1);
  world.leader = 'shop-2';
  world.revision = 'r2';
  assert.deepEqual(words(run(world)), [
    'replace shop-read-0',
    'replace shop-1',
    'replace shop-0',
    'transfer from shop-2 to 1',
    'replace shop-2',
  ]);
});

test('a lone voter is replaced, for there is nobody to wait for', () => {
  const world = plainWorld(1);
  world.revision = 'r2';
  assert.deepEqual(words(run(world)), ['replace shop-0']);
});

test('a template that does not work stops at its first pod, says so, and is taken back', () => {
  const world = plainWorld(3);
  world.revision = 'r2';
  world.works = false;
  for (let pass = 0; pass < 90; pass += 1) {
    const change = planChange(world.situation());
    checkStep(world, change);
    world.carryOut(change);
    world.tick();
  }
  const { progress } = planChange(world.situation());
  assert.equal(progress?.reason, 'RolloutStuck');
  assert.match(progress?.message ?? '', /1 of 3 pods.*shop-2.*ErrImagePull/);
  assert.equal(world.pods.filter(({ revision }) => revision === 'r2').length, 1);
  world.revision = 'r1';
  world.works = true;
  assert.deepEqual(words(run(world)), ['replace shop-2']);
});

test('members leave from the last one on, the leader after it handed over, then their volumes', () => {
  const world = plainWorld(5, false);
  world.leader = 'shop-4';
  world.wanted = groupsOf('shop', exampleSpec({ voters: 3 }));
  assert.deepEqual(words(run(world)), [
    'transfer from shop-4 to 1',
    'markVolume data-shop-4',
    'remove shop-4',
    'markVolume data-shop-3',
    'remove shop-3',
    'deleteVolume data-shop-3',
    'deleteVolume data-shop-4',
  ]);
});

test('retained volumes stay, until a member that comes again needs the name', () => {
  const world = plainWorld(5);
  world.wanted = groupsOf('shop', exampleSpec({ voters: 3 }));
  assert.ok(!run(world).some((action) => action.do === 'deleteVolume'));
  assert.equal(world.volumes.size, 5);
  world.wanted = groupsOf('shop', exampleSpec({ voters: 5 }));
  assert.deepEqual(words(run(world)), ['deleteVolume data-shop-3', 'deleteVolume data-shop-4']);
  assert.deepEqual(
    world.members.map(({ id }) => id),
    [1, 2, 3, 6, 7],
  );
});

test('a member whose disk is lost is taken out and joins anew', () => {
  const world = plainWorld(3);
  world.loseDisk('shop-1');
  assert.deepEqual(words(run(world)), ['remove shop-1']);
  assert.deepEqual(world.members.map(({ id, name }) => `${id} ${name}`).toSorted(), [
    '1 shop-0',
    '3 shop-2',
    '4 shop-1',
  ]);
});

test('with a second voter away, a lost disk has to wait', () => {
  const world = plainWorld(5);
  world.loseDisk('shop-1');
  world.down.add('shop-2');
  const { actions, progress } = planChange(world.situation());
  assert.deepEqual(actions, []);
  assert.match(progress?.message ?? '', /waits until all other voters are well/);
});

test('a member that somebody added by scaling a StatefulSet by hand is taken out again', () => {
  const world = plainWorld(3);
  world.members.push({ id: 9, name: 'shop-3', role: 'voter', lag: 0 });
  assert.deepEqual(words(run(world)), ['remove shop-3']);
});

test('a member of another name is none of ours', () => {
  const world = plainWorld(3);
  world.members.push({ id: 9, name: 'laptop', role: 'learner', lag: null });
  assert.deepEqual(planChange(world.situation()).actions, []);
});

function euAndUs(role: string): readonly MemberGroup[] {
  const eu = { name: 'eu', role: 'Voter', nodes: 3 };
  return groupsOf('shop', exampleSpec({ regions: [eu, { name: 'us', role, nodes: 2 }] }));
}

test('a region of learners that is to vote gets its votes one by one', () => {
  const world = new World(euAndUs('Learner'), true);
  world.wanted = euAndUs('Voter');
  assert.deepEqual(words(run(world)), ['promoteMember shop-us-0', 'promoteMember shop-us-1']);
  assert.equal(world.voters().length, 5);
});

test('why a member gets no vote is told while it is waited for', () => {
  const world = plainWorld(3);
  const [first, , last] = world.members;
  assert.ok(first && last);
  world.members[2] = { ...last, role: 'learner', heldBack: 'it has no key 2' };
  world.wanted = groupsOf('shop', exampleSpec({ voters: 5 }));
  const message = () => planChange(world.situation()).progress?.message ?? '';
  assert.match(
    message(),
    /waits for shop-2 before shop-3 comes; shop-2 gets no vote yet: it has no/,
  );
  world.wanted = world.groups;
  assert.equal(message(), 'shop-2 gets no vote yet: it has no key 2');
});

test('without a leader nothing is changed, and what waits is named', () => {
  const world = plainWorld(3);
  world.wanted = groupsOf('shop', exampleSpec({ voters: 5 }));
  world.leader = null;
  const { actions, progress, groups } = planChange(world.situation());
  assert.deepEqual([actions, groups], [[], world.groups]);
  assert.match(progress?.message ?? '', /waits for a leader.*3 voters become 5 voters/);
});

function marked(name: string, removedMember: number): VolumeFact {
  return { name, uid: 'u', deleting: false, removedMember };
}

test('a volume is not deleted while its member is in the table, nor while its name is in use', () => {
  const situation = plainWorld(3, false).situation();
  const volumes = [marked('data-shop-3', 2), marked('data-shop-1', 99), marked('data-shop-4', 99)];
  const { actions } = planChange({ ...situation, volumes });
  assert.deepEqual(words(actions), ['deleteVolume data-shop-4']);
  assert.deepEqual(planChange({ ...situation, volumes, retain: true }).actions, []);
});
