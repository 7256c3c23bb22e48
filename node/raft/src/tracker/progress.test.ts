import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Inflights, Progress, ProgressState } from './index.ts';

function progress(match: number, next: number): Progress {
  const made = new Progress(2, next, new Inflights(2, 0), false);
  made.match = match;
  return made;
}

describe('the progress of a follower', () => {
  it('in Probe state pauses after a message with entries, not after an empty one', () => {
    const probing = progress(0, 5);
    probing.sentEntries(0, 0);
    assert.equal(probing.paused, false);
    probing.sentEntries(1, 10);
    assert.equal(probing.paused, true);
    assert.equal(probing.next, 5);
  });

  it('in Replicate state runs ahead until the window is full', () => {
    const replicating = progress(4, 5);
    replicating.becomeReplicate();
    replicating.sentEntries(3, 30);
    assert.equal(replicating.next, 8);
    assert.equal(replicating.paused, false);
    replicating.sentEntries(1, 10);
    assert.equal(replicating.paused, true);
  });

  it('in Snapshot state pauses, and then continues after the snapshot', () => {
    const installing = progress(0, 1);
    installing.becomeSnapshot(20);
    assert.equal(installing.paused, true);
    assert.throws(() => installing.sentEntries(1, 1), /StateSnapshot/);
    installing.becomeProbe();
    assert.equal(installing.next, 21);
    assert.equal(installing.state, ProgressState.Probe);
  });

  it('continues after its match when the snapshot turns out to be older', () => {
    const installing = progress(30, 31);
    installing.becomeSnapshot(20);
    installing.becomeProbe();
    assert.equal(installing.next, 31);
  });

  it('takes news, and ignores what it knows already', () => {
    const follower = progress(3, 5);
    assert.equal(follower.maybeUpdate(3), false);
    assert.equal(follower.maybeUpdate(4), true);
    assert.deepEqual([follower.match, follower.next], [4, 5]);
    assert.equal(follower.maybeUpdate(9), true);
    assert.deepEqual([follower.match, follower.next], [9, 10]);
  });

  for (const [name, rejected, hint, expected] of [
    ['an old rejection is ignored', 7, 3, null],
    ['the hint is probed next', 9, 3, 4],
    ['a hint that is too high does not move it forward', 9, 100, 9],
    ['a hint below the match is not followed', 9, 0, 3],
  ] as const) {
    it(`while probing: ${name}`, () => {
      const probing = progress(2, 10);
      assert.equal(probing.maybeDecrTo(rejected, hint), expected !== null);
      assert.equal(probing.next, expected ?? 10);
    });
  }

  it('while replicating falls back to its match on a rejection beyond it', () => {
    const replicating = progress(5, 6);
    replicating.becomeReplicate();
    replicating.sentEntries(4, 4);
    assert.equal(replicating.maybeDecrTo(5, 0), false);
    assert.equal(replicating.maybeDecrTo(9, 0), true);
    assert.equal(replicating.next, 6);
  });

  it('is told a commit index only while that can be news', () => {
    const follower = progress(9, 10);
    assert.equal(follower.canBumpCommit(5), true);
    follower.sentCommit(9);
    assert.equal(follower.canBumpCommit(9), false);
    assert.equal(follower.canBumpCommit(12), false, 'everything up to next - 1 is committed');
  });

  it('forgets a commit index that was probably lost', () => {
    const follower = progress(5, 6);
    follower.becomeReplicate();
    follower.sentEntries(4, 4);
    follower.sentCommit(9);
    follower.becomeProbe();
    follower.becomeReplicate();
    follower.sentEntries(1, 1);
    assert.equal(follower.canBumpCommit(6), true);
  });

  it('prints what is out of the ordinary', () => {
    const follower = new Progress(2, 10, new Inflights(1, 0), true);
    assert.equal(follower.toString(), 'StateProbe match=0 next=10 learner inactive');
    follower.recentActive = true;
    follower.becomeReplicate();
    follower.sentEntries(1, 1);
    const expected = 'StateReplicate match=0 next=2 learner paused inflight=1[full]';
    assert.equal(follower.toString(), expected);
  });
});
