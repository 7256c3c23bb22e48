import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ConfChangeError } from '../errors.ts';
import { ProgressTracker } from '../tracker/index.ts';
import type { ConfChangeSingle } from '../types.ts';
import { ConfChangeTransition, ConfChangeType, NO_BYTES } from '../types.ts';
import {
  Changer,
  confChangePath,
  LEAVE_JOINT,
  restoreConfiguration,
  sameConfState,
  toConfChangeV2,
} from './index.ts';

const change = fc.record({
  type: fc.constantFrom(...Object.values(ConfChangeType)),
  nodeId: fc.integer({ min: 1, max: 6 }),
});
const changes = fc.array(change, { maxLength: 5 });
const action = fc.record({
  how: fc.constantFrom('simple', 'enter', 'enter-auto', 'leave'),
  changes,
});

function add(nodeId: number): ConfChangeSingle {
  return { type: ConfChangeType.AddNode, nodeId };
}

function trackerWith(...voters: number[]): ProgressTracker {
  const tracker = new ProgressTracker(10, 0);
  for (const id of voters) {
    const next = new Changer(tracker, 5).simple([add(id)]);
    tracker.install(next.config, next.progress);
  }
  return tracker;
}

function attempt(changer: Changer, how: string, steps: readonly ConfChangeSingle[]) {
  try {
    if (how === 'simple') return changer.simple(steps);
    if (how === 'leave') return changer.leaveJoint();
    return changer.enterJoint(how === 'enter-auto', steps);
  } catch (error) {
    assert.ok(error instanceof ConfChangeError);
    return null;
  }
}

describe('a chain of configuration changes', () => {
  it('keeps every member in exactly one role, and tracks exactly the members', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 20 }), (actions) => {
        const tracker = trackerWith(1);
        for (const { how, changes: steps } of actions) {
          const next = attempt(new Changer(tracker, 5), how, steps);
          if (next === null) continue;
          tracker.install(next.config, next.progress);
          const { config } = tracker;
          const voters = config.voters.ids;
          assert.ok(config.voters.incoming.size > 0);
          for (const id of config.learners) assert.ok(!voters.includes(id));
          for (const id of config.learnersNext) assert.ok(config.voters.outgoing.has(id));
          const members = [...new Set([...voters, ...config.learners])].sort((a, b) => a - b);
          assert.deepEqual(
            tracker.members.map((member) => member.id),
            members,
          );
          for (const member of tracker.members) {
            assert.equal(member.isLearner, config.learners.has(member.id));
          }
        }
      }),
    );
  });

  it('never takes a step after which two majorities could miss each other', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
        const tracker = trackerWith(1, 2, 3);
        for (const { how, changes: steps } of actions) {
          const before = tracker.config.voters;
          const next = attempt(new Changer(tracker, 5), how, steps);
          if (next === null) continue;
          tracker.install(next.config, next.progress);
          assertOverlap(before, tracker.config.voters);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('ends in a ConfState from which it can be restored', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
        const tracker = trackerWith(1);
        for (const { how, changes: steps } of actions) {
          const next = attempt(new Changer(tracker, 5), how, steps);
          if (next !== null) tracker.install(next.config, next.progress);
        }
        const stored = tracker.confState();
        const restored = restoreConfiguration(tracker, 5, stored);
        assert.ok(sameConfState(restored.config.toConfState(), stored));
      }),
    );
  });
});

/** Every quorum of `a` shares a member with every quorum of `b`: tried out, subset by subset. */
function assertOverlap(
  a: ProgressTracker['config']['voters'],
  b: ProgressTracker['config']['voters'],
): void {
  const everyone = [...new Set([...a.ids, ...b.ids])];
  for (let set = 0; set < 1 << everyone.length; set++) {
    const inside = new Map(everyone.map((id, i) => [id, ((set >> i) & 1) === 1]));
    const outside = new Map(everyone.map((id, i) => [id, ((set >> i) & 1) === 0]));
    const both = a.voteResult(inside) === 3 && b.voteResult(outside) === 3;
    assert.ok(!both, `${a.toString()} and ${b.toString()} can decide separately`);
  }
}

describe('a Changer', () => {
  it('leaves the tracker as it was', () => {
    const tracker = trackerWith(1, 2);
    const before = tracker.members.map(String);
    new Changer(tracker, 5).enterJoint(true, [{ type: ConfChangeType.AddLearnerNode, nodeId: 2 }]);
    assert.deepEqual(tracker.members.map(String), before);
    assert.equal(tracker.config.joint, false);
  });

  it('lets a demoted voter vote until the joint configuration is left', () => {
    const tracker = trackerWith(1, 2);
    const demote = [{ type: ConfChangeType.AddLearnerNode, nodeId: 2 }];
    const joint = new Changer(tracker, 5).enterJoint(false, demote);
    assert.equal(joint.config.toString(), 'voters=(1)&&(1 2) learners_next=(2)');
    tracker.install(joint.config, joint.progress);
    const after = new Changer(tracker, 5).leaveJoint();
    assert.equal(after.config.toString(), 'voters=(1) learners=(2)');
  });

  it('refuses to remove the last voter', () => {
    const remove = [{ type: ConfChangeType.RemoveNode, nodeId: 1 }];
    assert.throws(() => new Changer(trackerWith(1), 5).simple(remove), /removed all voters/);
  });
});

describe('a stored ConfState', () => {
  it('that contradicts itself is refused', () => {
    const tracker = new ProgressTracker(10, 0);
    const state = {
      voters: [1],
      learners: [],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    };
    assert.throws(
      () => restoreConfiguration(tracker, 1, { ...state, voters: [], learners: [1] }),
      ConfChangeError,
    );
    const twoRoles = { ...state, voters: [1, 2], learners: [2] };
    const restored = restoreConfiguration(tracker, 1, twoRoles);
    assert.ok(!sameConfState(restored.config.toConfState(), twoRoles));
  });
});

function v2(transition: ConfChangeTransition, ...list: ConfChangeSingle[]) {
  return confChangePath({ transition, changes: list, context: NO_BYTES });
}

describe('the way a change is carried out', () => {
  it('is joint consensus when asked for, or for more than one change', () => {
    assert.equal(v2(ConfChangeTransition.Auto, add(1)), 'simple');
    assert.equal(v2(ConfChangeTransition.Auto, add(1), add(2)), 'enter-joint-auto-leave');
    assert.equal(v2(ConfChangeTransition.JointImplicit, add(1)), 'enter-joint-auto-leave');
    assert.equal(v2(ConfChangeTransition.JointExplicit, add(1)), 'enter-joint');
    assert.equal(confChangePath(LEAVE_JOINT), 'leave-joint');
  });

  it('is the simple one for the old form of a change', () => {
    const old = { id: 7, type: ConfChangeType.AddNode, nodeId: 3, context: NO_BYTES };
    assert.equal(confChangePath(toConfChangeV2(old)), 'simple');
  });
});
