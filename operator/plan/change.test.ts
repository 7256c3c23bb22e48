import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UpdateMode } from '@lithair/crds';
import fc from 'fast-check';
import { groupsOf, type MemberGroup, memberNames, volumeClaimName } from '../manifests/index.ts';
import { examplePod, exampleSpec } from '../testing/examples.ts';
import {
  type Action,
  type Change,
  type MemberFact,
  type PodView,
  planChange,
  type Situation,
  sameGroups,
  type VolumeFact,
} from './index.ts';

const SETTLED_MS = 3_600_000;

interface Pod {
  name: string;
  uid: string;
  revision: string;
  /** Passes until it is ready; Infinity: never. */
  startsIn: number;
  createdAtMs: number;
}

/** A cluster small enough to be carried about: what a member table, pods and volumes do. */
class World {
  groups: readonly MemberGroup[];
  wanted: readonly MemberGroup[];
  readonly members: MemberFact[] = [];
  readonly pods: Pod[] = [];
  readonly volumes = new Map<string, { uid: string; member: number; removed: number | null }>();
  leader: string | null;
  retain: boolean;
  revision = 'r1';
  updates: UpdateMode = 'Rolling';
  nowMs = SETTLED_MS;
  /** Whether pods of the present template ever become ready. */
  works = true;
  /** Names that are away whatever is done. */
  readonly down = new Set<string>();
  #nextMember = 1;
  #nextUid = 1;

  constructor(start: readonly MemberGroup[], retain: boolean) {
    this.groups = start;
    this.wanted = start;
    this.retain = retain;
    for (const name of memberNames(start)) this.#makePod(name, 0);
    for (const pod of this.pods) this.#join(pod.name);
    this.leader = this.members.find(({ role }) => role === 'voter')?.name ?? null;
  }

  situation(): Situation {
    return {
      inForce: this.groups,
      wanted: this.wanted,
      members: this.members.map((member) => ({
        ...member,
        lag: this.isUp(member.name) ? 0 : null,
      })),
      leader: this.leader,
      pods: this.pods.map((pod) => this.#view(pod)),
      outdated: this.pods
        .filter(({ revision }) => revision !== this.revision)
        .map(({ name }) => name),
      updates: this.updates,
      emptyDisks: this.pods
        .filter(({ name, startsIn }) => startsIn <= 0 && this.#isForeign(name))
        .map(({ name }) => name),
      certificatesDue: [],
      volumes: [...this.volumes].map(
        ([name, { uid, removed }]): VolumeFact => ({
          name,
          uid,
          deleting: false,
          removedMember: removed,
        }),
      ),
      retain: this.retain,
      nowMs: this.nowMs,
    };
  }

  /** Whether the member of that name takes part. */
  isUp(name: string): boolean {
    const pod = this.pods.find((candidate) => candidate.name === name);
    const member = this.members.find((candidate) => candidate.name === name);
    if (pod === undefined || member === undefined || pod.startsIn > 0) return false;
    return this.volumes.get(volumeClaimName(name))?.member === member.id && !this.down.has(name);
  }

  voters(): MemberFact[] {
    return this.members.filter(({ role }) => role === 'voter');
  }

  hasQuorum(): boolean {
    const up = this.voters().filter(({ name }) => this.isUp(name));
    return up.length * 2 > this.voters().length;
  }

  carryOut(change: Change): void {
    this.groups = change.groups;
    for (const action of change.actions) this.#do(action);
    this.#reconcileSets();
  }

  /** Time goes on: pods start, members join, and somebody leads where a quorum is up. */
  tick(): void {
    this.nowMs += 1_000;
    for (const pod of this.pods) pod.startsIn -= 1;
    for (const pod of this.pods) {
      if (pod.startsIn <= 0 && !this.down.has(pod.name)) this.#join(pod.name);
    }
    if (this.leader !== null && !this.isUp(this.leader)) this.leader = null;
    if (!this.hasQuorum()) this.leader = null;
    else this.leader ??= this.voters().find(({ name }) => this.isUp(name))?.name ?? null;
  }

  loseDisk(name: string): void {
    this.volumes.set(volumeClaimName(name), { uid: this.#uid(), member: 0, removed: null });
  }

  #view(pod: Pod): PodView {
    const ready = this.isUp(pod.name);
    const trouble =
      pod.startsIn === Number.POSITIVE_INFINITY ? 'ErrImagePull: no such image' : null;
    const { name, uid, revision, createdAtMs } = pod;
    return examplePod(name, { uid, revision, ready, trouble, createdAtMs });
  }

  /** An empty disk whose name is still somebody else's. */
  #isForeign(name: string): boolean {
    const member = this.members.find((candidate) => candidate.name === name);
    return member !== undefined && this.volumes.get(volumeClaimName(name))?.member === 0;
  }

  #do(action: Action): void {
    switch (action.do) {
      case 'transferLeadership': {
        const next = this.members.find(({ id }) => id === action.to);
        assert.equal(this.leader, action.from);
        assert.ok(next?.role === 'voter' && this.isUp(next.name), 'leadership goes to a voter');
        this.leader = next.name;
        return;
      }
      case 'removeMember':
        this.members.splice(
          this.members.findIndex(({ id }) => id === action.id),
          1,
        );
        return;
      case 'promoteMember':
        this.#promote(action.id);
        return;
      case 'replacePod': {
        const index = this.pods.findIndex(({ uid }) => uid === action.uid);
        assert.notEqual(index, -1);
        this.pods.splice(index, 1);
        return;
      }
      case 'markVolume': {
        const volume = this.volumes.get(action.name);
        if (volume !== undefined) volume.removed = action.removedMember;
        return;
      }
      case 'deleteVolume':
        this.volumes.delete(action.name);
        return;
      default:
        assert.fail(`planChange does not ${action.do}`);
    }
  }

  #reconcileSets(): void {
    const names = memberNames(this.groups);
    for (const pod of this.pods.filter(({ name }) => !names.includes(name))) {
      this.pods.splice(this.pods.indexOf(pod), 1);
    }
    for (const name of names) {
      if (!this.pods.some((pod) => pod.name === name)) this.#makePod(name, 2);
    }
  }

  #makePod(name: string, startsIn: number): void {
    const claim = volumeClaimName(name);
    if (!this.volumes.has(claim)) {
      this.volumes.set(claim, { uid: this.#uid(), member: 0, removed: null });
    }
    const starts = this.works ? startsIn : Number.POSITIVE_INFINITY;
    const { revision, nowMs: createdAtMs } = this;
    this.pods.push({ name, uid: this.#uid(), revision, startsIn: starts, createdAtMs });
  }

  /** An empty disk is taken in where its name is free; a disk of a removed member never is. */
  #join(name: string): void {
    const volume = this.volumes.get(volumeClaimName(name));
    if (volume === undefined || volume.member !== 0) return;
    if (this.members.some((member) => member.name === name)) return;
    const group = this.groups.find(({ statefulSet }) => name.replace(/-\d+$/, '') === statefulSet);
    volume.member = this.#nextMember++;
    this.members.push({ id: volume.member, name, role: group?.role ?? 'learner', lag: 0 });
  }

  #promote(id: number): void {
    const index = this.members.findIndex((member) => member.id === id);
    const member = this.members[index];
    assert.ok(member);
    this.members[index] = { ...member, role: 'voter' };
  }

  #uid(): string {
    return `uid-${this.#nextUid++}`;
  }
}

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

/** What must hold of every step, wherever it is taken. */
function checkStep(world: World, change: Change): void {
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
function run(world: World, passes = 400): Action[] {
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

function plainWorld(voters: number, retain = true, readReplicas = 0): World {
  return new World(groupsOf('shop', exampleSpec({ voters, readReplicas })), retain);
}

function words(actions: readonly Action[]): string[] {
  return actions.map((action) => {
    if (action.do === 'replacePod') return `replace ${action.pod}`;
    if (action.do === 'removeMember') return `remove ${action.name}`;
    if (action.do === 'transferLeadership') return `transfer from ${action.from} to ${action.to}`;
    return 'name' in action ? `${action.do} ${action.name}` : action.do;
  });
}

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
