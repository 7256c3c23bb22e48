import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ConfChangeError } from '../errors.ts';
import { VoteResult } from '../quorum/index.ts';
import type { Configuration } from '../tracker/index.ts';
import { ProgressTracker } from '../tracker/index.ts';
import type { ConfChangeSingle, ConfState } from '../types.ts';
import { ConfChangeType } from '../types.ts';
import type { TrackedConfiguration } from './index.ts';
import { Changer, restoreConfiguration, sameConfState } from './index.ts';

const MEMBERS = [1, 2, 3, 4, 5] as const;

const change: fc.Arbitrary<ConfChangeSingle> = fc.record({
  type: fc.constantFrom(...Object.values(ConfChangeType)),
  nodeId: fc.constantFrom(...MEMBERS),
});
const changes = fc.array(change, { maxLength: 6 });

/** Any configuration that is legal by definition, whether or not anything leads to it. */
const confState: fc.Arbitrary<ConfState> = fc
  .tuple(
    fc.tuple(...MEMBERS.map(() => fc.constantFrom('voter', 'learner', 'none'))),
    fc.tuple(...MEMBERS.map(() => fc.boolean())),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([roles, outgoing, joint, autoLeave]) => legal(roles, joint ? outgoing : [], autoLeave))
  .filter((state) => state.voters.length > 0);

function legal(
  roles: readonly string[],
  outgoing: readonly boolean[],
  autoLeave: boolean,
): ConfState {
  const ids = (role: string) => MEMBERS.filter((_, i) => roles[i] === role);
  const votersOutgoing = MEMBERS.filter((_, i) => outgoing[i] === true);
  const learners = ids('learner');
  return {
    voters: ids('voter'),
    votersOutgoing,
    // Who still votes in the outgoing half has to wait.
    learners: learners.filter((id) => !votersOutgoing.includes(id)),
    learnersNext: learners.filter((id) => votersOutgoing.includes(id)),
    autoLeave: autoLeave && votersOutgoing.length > 0,
  };
}

function trackerOf(state: ConfState): ProgressTracker {
  const tracker = new ProgressTracker(10, 0);
  const { config, progress } = restoreConfiguration(tracker, 5, state);
  tracker.install(config, progress);
  return tracker;
}

function attempt(work: () => TrackedConfiguration): TrackedConfiguration | null {
  try {
    return work();
  } catch (error) {
    assert.ok(error instanceof ConfChangeError, String(error));
    return null;
  }
}

/** All sets of members that can decide alone. */
function quorumsOf({ voters }: Configuration): Set<number>[] {
  const quorums: Set<number>[] = [];
  for (let bits = 0; bits < 1 << MEMBERS.length; bits++) {
    const inside = MEMBERS.filter((_, i) => ((bits >> i) & 1) === 1);
    const votes = new Map(MEMBERS.map((id) => [id, inside.includes(id)]));
    if (voters.voteResult(votes) === VoteResult.Won) quorums.push(new Set(inside));
  }
  return quorums;
}

function assertIntersect(before: Configuration, after: Configuration): void {
  for (const quorum of quorumsOf(before)) {
    for (const next of quorumsOf(after)) {
      assert.ok(
        !quorum.isDisjointFrom(next),
        `${before.toString()} and ${after.toString()} can decide apart`,
      );
    }
  }
}

function assertLegal({ config, progress }: TrackedConfiguration): void {
  const { voters, learners, learnersNext } = config;
  assert.ok(voters.incoming.size > 0);
  for (const id of MEMBERS) {
    const member = progress.get(id);
    const known = voters.has(id) || learners.has(id);
    assert.equal(member !== undefined, known, `${id} is tracked if it is a member`);
    assert.equal(member?.isLearner ?? false, learners.has(id));
    if (learners.has(id)) assert.ok(!voters.has(id));
    if (learnersNext.has(id)) assert.ok(voters.outgoing.has(id) && !voters.incoming.has(id));
  }
  if (config.joint) return;
  assert.deepEqual([learnersNext.size, config.autoLeave], [0, false]);
}

describe('every legal configuration', () => {
  it('can be restored, with exactly its members', () => {
    fc.assert(
      fc.property(confState, (state) => {
        const tracker = trackerOf(state);
        assert.ok(sameConfState(tracker.confState(), state));
        assertLegal(tracker);
      }),
    );
  });

  it('is followed, by whatever change is possible, by a legal one with a common quorum', () => {
    fc.assert(
      fc.property(confState, changes, fc.boolean(), (state, steps, autoLeave) => {
        const tracker = trackerOf(state);
        const changer = new Changer(tracker, 5);
        for (const work of [
          () => changer.simple(steps),
          () => changer.enterJoint(autoLeave, steps),
          () => changer.leaveJoint(),
        ]) {
          const next = attempt(work);
          if (next === null) continue;
          assertLegal(next);
          assertIntersect(tracker.config, next.config);
        }
        assert.ok(sameConfState(tracker.confState(), state), 'the tracker stays as it was');
      }),
      { numRuns: 200 },
    );
  });

  it('allows joint changes exactly where it is not joint, and leaving where it is', () => {
    fc.assert(
      fc.property(confState, (state) => {
        const tracker = trackerOf(state);
        const changer = new Changer(tracker, 5);
        const { joint } = tracker.config;
        assert.equal(attempt(() => changer.enterJoint(true, [])) !== null, !joint);
        assert.equal(attempt(() => changer.simple([])) !== null, !joint);
        assert.equal(attempt(() => changer.leaveJoint()) !== null, joint);
      }),
    );
  });
});

describe('joint consensus', () => {
  it('ends where the same changes end, made one at a time', () => {
    fc.assert(
      fc.property(confState, changes, fc.boolean(), (state, steps, autoLeave) => {
        const start = legalWithoutOutgoing(state);
        const jointly = trackerOf(start);
        const entered = attempt(() => new Changer(jointly, 5).enterJoint(autoLeave, steps));
        const singly = trackerOf(start);
        for (const single of steps) {
          const next = attempt(() => new Changer(singly, 5).simple([single]));
          // Without a voter in between, there is nothing to compare with.
          if (next === null) return;
          singly.install(next.config, next.progress);
        }
        assert.ok(entered !== null);
        assert.equal(entered.config.autoLeave, autoLeave);
        jointly.install(entered.config, entered.progress);
        const left = new Changer(jointly, 5).leaveJoint();
        assert.equal(left.config.toString(), singly.config.toString());
        jointly.install(left.config, left.progress);
        assert.deepEqual(rolesOf(jointly), rolesOf(singly));
      }),
      { numRuns: 300 },
    );
  });

  it('needs every quorum of the old and of the new voters while it lasts', () => {
    fc.assert(
      fc.property(confState, changes, (state, steps) => {
        const tracker = trackerOf(legalWithoutOutgoing(state));
        const entered = attempt(() => new Changer(tracker, 5).enterJoint(false, steps));
        if (entered === null) return;
        const joint = quorumsOf(entered.config);
        tracker.install(entered.config, entered.progress);
        const after = new Changer(tracker, 5).leaveJoint();
        for (const quorum of joint) {
          const votes = new Map(MEMBERS.map((id) => [id, quorum.has(id)]));
          assert.equal(after.config.voters.voteResult(votes), VoteResult.Won);
          assert.equal(entered.config.voters.outgoing.voteResult(votes), VoteResult.Won);
        }
      }),
      { numRuns: 100 },
    );
  });
});

function rolesOf(tracker: ProgressTracker): [number, boolean][] {
  return tracker.members.map((member) => [member.id, member.isLearner]);
}

function legalWithoutOutgoing(state: ConfState): ConfState {
  const learners = [...state.learners, ...state.learnersNext];
  return { ...state, learners, votersOutgoing: [], learnersNext: [], autoLeave: false };
}

describe('two ConfStates', () => {
  const state: ConfState = {
    voters: [1, 2],
    learners: [3, 4],
    votersOutgoing: [1, 5],
    learnersNext: [5],
    autoLeave: false,
  };

  it('are the same in any order', () => {
    const other = { ...state, voters: [2, 1], learners: [4, 3], votersOutgoing: [5, 1] };
    assert.ok(sameConfState(state, other));
  });

  for (const difference of [
    { voters: [1] },
    { voters: [1, 3] },
    { voters: [1, 2, 2] },
    { learners: [3] },
    { votersOutgoing: [] },
    { learnersNext: [] },
    { autoLeave: true },
  ]) {
    it(`are not the same with ${JSON.stringify(difference)}`, () => {
      assert.ok(!sameConfState(state, { ...state, ...difference }));
      assert.ok(!sameConfState({ ...state, ...difference }, state));
    });
  }
});
