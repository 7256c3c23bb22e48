import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { describeQuorum, JointConfig, MajorityConfig, VoteResult } from './index.ts';

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 9 });
const acknowledged = fc.array(fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }), {
  minLength: 13,
  maxLength: 13,
});
const ballots = fc.array(fc.constantFrom(true, false, undefined), { minLength: 13, maxLength: 13 });

function indexer(values: readonly (number | undefined)[]) {
  return { ackedIndex: (id: number) => values[id] };
}

function votesOf(ballot: readonly (boolean | undefined)[]): Map<number, boolean> {
  const votes = new Map<number, boolean>();
  for (const [id, vote] of ballot.entries()) if (vote !== undefined) votes.set(id, vote);
  return votes;
}

/** By definition: the largest index such that more than half of the voters have it. */
function largestAgreed(voters: readonly number[], values: readonly (number | undefined)[]): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  for (let index = 20; index > 0; index--) {
    if (voters.filter((id) => (values[id] ?? 0) >= index).length * 2 > voters.length) return index;
  }
  return 0;
}

/** By definition: what all ways to cast the missing votes have in common. */
function decided(voters: readonly number[], ballot: readonly (boolean | undefined)[]): VoteResult {
  const wins = (missing: boolean) =>
    voters.length === 0 || voters.filter((id) => ballot[id] ?? missing).length * 2 > voters.length;
  if (wins(false)) return VoteResult.Won;
  return wins(true) ? VoteResult.Pending : VoteResult.Lost;
}

function jointly(a: VoteResult, b: VoteResult): VoteResult {
  if (a === VoteResult.Lost || b === VoteResult.Lost) return VoteResult.Lost;
  return a === VoteResult.Won && b === VoteResult.Won ? VoteResult.Won : VoteResult.Pending;
}

describe('a majority', () => {
  it('commits the largest index that more than half of the voters have', () => {
    fc.assert(
      fc.property(ids, acknowledged, (voters, values) => {
        const actual = new MajorityConfig(voters).committedIndex(indexer(values));
        assert.equal(actual, largestAgreed(voters, values));
      }),
    );
  });

  it('decides an election as soon as no missing vote can change it', () => {
    fc.assert(
      fc.property(ids, ballots, (voters, ballot) => {
        const actual = new MajorityConfig(voters).voteResult(votesOf(ballot));
        assert.equal(actual, decided(voters, ballot));
      }),
    );
  });

  it('of nobody agrees to everything', () => {
    const nobody = new MajorityConfig();
    assert.equal(nobody.committedIndex(indexer([])), Number.POSITIVE_INFINITY);
    assert.equal(nobody.voteResult(new Map()), VoteResult.Won);
  });

  it('counts a voter that is named twice once', () => {
    assert.deepEqual(new MajorityConfig([3, 1, 3]).ids, [1, 3]);
    assert.equal(new MajorityConfig([10, 1]).toString(), '(1 a)');
  });
});

describe('a joint majority', () => {
  it('commits what both halves have committed', () => {
    fc.assert(
      fc.property(ids, ids, acknowledged, (incoming, outgoing, values) => {
        const joint = new JointConfig(new MajorityConfig(incoming), new MajorityConfig(outgoing));
        const expected = Math.min(largestAgreed(incoming, values), largestAgreed(outgoing, values));
        assert.equal(joint.committedIndex(indexer(values)), expected);
      }),
    );
  });

  it('is won when both halves are, and lost when one is', () => {
    fc.assert(
      fc.property(ids, ids, ballots, (incoming, outgoing, ballot) => {
        const joint = new JointConfig(new MajorityConfig(incoming), new MajorityConfig(outgoing));
        const expected = jointly(decided(incoming, ballot), decided(outgoing, ballot));
        assert.equal(joint.voteResult(votesOf(ballot)), expected);
      }),
    );
  });

  it('knows its voters and prints both halves', () => {
    const joint = new JointConfig(new MajorityConfig([1, 2]), new MajorityConfig([3, 2]));
    assert.deepEqual(joint.ids, [1, 2, 3]);
    assert.equal(joint.has(3), true);
    assert.equal(joint.has(4), false);
    assert.equal(joint.toString(), '(1 2)&&(2 3)');
    assert.equal(new JointConfig(new MajorityConfig([1])).toString(), '(1)');
  });
});

describe('the picture of a quorum', () => {
  it('shows a bar per voter, and a question mark for who has said nothing', () => {
    const picture = describeQuorum([1, 2], indexer([undefined, 7, undefined]));
    assert.equal(picture, '      idx\nx>      7    (id=1)\n?       0    (id=2)\n');
  });
});
