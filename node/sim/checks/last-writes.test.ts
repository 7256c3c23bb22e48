import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { VersionRecord } from '../../ports/index.ts';
import { LastWriteJudge, type ShownRow, type TakenWrite } from './last-write-judge.ts';
import { checkLastWrites } from './last-writes.ts';

const NOW_MS = 1_000_000;

/** A write of a member to row `r`; its place in the log is that in the list. */
type Given = Partial<Omit<TakenWrite, 'clock'>> & {
  readonly member: number;
  readonly at: number;
  readonly counter?: number;
};

function judged(writes: readonly Given[], judge = new LastWriteJudge()): LastWriteJudge {
  const sequences = new Map<number, number>();
  for (const [place, { at, counter = 0, ...write }] of writes.entries()) {
    const sequence = (sequences.get(write.member) ?? 0) + 1;
    sequences.set(write.member, sequence);
    judge.next({
      index: place + 1,
      timeMs: NOW_MS,
      sequence,
      clock: { wallMs: at, counter },
      id: 'r',
      stamp: `${write.member}.${sequence}`,
      fits: true,
      ...write,
    });
  }
  return judge;
}

function record(version: number, stamp: string | null, isLost = false): VersionRecord {
  return {
    id: 'r',
    version,
    effect: isLost ? 'overridden' : stamp === null ? 'deleted' : 'updated',
    events: ['MemoUpdated'],
    sequence: version,
    index: version,
    timeMs: NOW_MS,
    actor: null,
    json: stamp === null ? null : JSON.stringify({ id: 'r', stamp }),
    before: null,
    changed: null,
    evidence: null,
  };
}

function problems(
  judge: LastWriteJudge,
  row: ShownRow,
  versions: readonly VersionRecord[],
): string {
  const shown = new Map([['n1', new Map([['r', row]])]]);
  return checkLastWrites({ judge, shown, versions: () => versions }).join('\n');
}

/** A member whose region was cut off wrote first, and its write comes into the log last. */
const HEALED = judged([
  { member: 2, at: 200 },
  { member: 1, at: 100 },
]);

describe('of all writes to a row the one with the greatest stamp', () => {
  it('is shown, and what lost is a version that says so', () => {
    const versions = [record(1, '2.1'), record(2, '1.1', true)];
    assert.equal(problems(HEALED, { version: 2, stamp: '2.1' }, versions), '');
  });

  it('is missed where the last one in the log is shown', () => {
    const versions = [record(1, '2.1'), record(2, '1.1', true)];
    const shown = { version: 2, stamp: '1.1' };
    assert.equal(
      problems(HEALED, shown, versions),
      'n1 shows v2 1.1 as r, and v2 2.1 was written last',
    );
    assert.match(problems(HEALED, { version: 1, stamp: '2.1' }, versions), /n1 shows v1 2.1/);
    assert.match(problems(HEALED, { version: 0, stamp: null }, versions), /n1 shows nothing as r/);
  });

  it('is that of the higher counter, and then of the higher member, in one millisecond', () => {
    const counted = judged([
      { member: 1, at: 100, counter: 1 },
      { member: 3, at: 100 },
      { member: 2, at: 100, counter: 1 },
    ]);
    assert.deepEqual(
      counted.writesOf('r').map(({ wins }) => wins),
      [true, false, true],
    );
  });

  it('may be a deletion, which an earlier write does not undo', () => {
    const judge = judged([
      { member: 2, at: 200, stamp: null },
      { member: 1, at: 100 },
    ]);
    const versions = [record(1, null), record(2, '1.1', true)];
    assert.equal(problems(judge, { version: 0, stamp: null }, versions), '');
    assert.match(problems(judge, { version: 2, stamp: '1.1' }, versions), /and nothing was/);
  });

  it('is no more than a minute ahead of log time', () => {
    const judge = judged([
      { member: 1, at: NOW_MS + 3_600_000 },
      { member: 1, at: NOW_MS + 3_600_001 },
      { member: 2, at: NOW_MS + 60_001, timeMs: NOW_MS + 1 },
    ]);
    assert.deepEqual(judge.shownAt('r', Infinity), { version: 3, stamp: '2.1' });
    assert.deepEqual(judge.shownAt('r', 2), { version: 2, stamp: '1.2' });
  });

  it('is none that does not fit the model any more', () => {
    const judge = judged([
      { member: 1, at: 100 },
      { member: 2, at: 200, fits: false },
    ]);
    assert.deepEqual(judge.shownAt('r', Infinity), { version: 2, stamp: '1.1' });
  });
});

describe('a write that was ordered', () => {
  it('counts once, however often it is sent', () => {
    const judge = judged([{ member: 1, at: 100 }]);
    const again = { member: 1, at: 100, sequence: 1 };
    assert.equal(judged([again, again]).writesOf('r').length, 1);
    const other = { index: 1, sequence: 1, id: 's' };
    judge.next({
      ...other,
      member: 1,
      timeMs: NOW_MS,
      clock: { wallMs: 100, counter: 0 },
      stamp: 'bulk',
      fits: true,
    });
    assert.equal(judge.shownAt('s', 1).stamp, 'bulk', 'the same write may have several rows');
  });

  it('is remembered under its version, as what it was', () => {
    const shown = { version: 2, stamp: '2.1' };
    const told = (...versions: readonly VersionRecord[]) => problems(HEALED, shown, versions);
    assert.match(told(record(1, '2.1')), /version 2 of r, 1.1, is not remembered/);
    assert.match(told(record(1, '2.1'), record(2, '1.1')), /lost, and is remembered as updated/);
    assert.match(told(record(1, '2.1', true), record(2, '1.1', true)), /won, and is remembered/);
    assert.match(told(record(1, '1.1'), record(2, '2.1', true)), /remembered as 1.1, not as 2.1/);
    const third = record(3, 'x', true);
    assert.match(
      told(record(1, '2.1'), record(2, '1.1', true), third),
      /1 versions that nobody wrote/,
    );
  });

  it('has a stamp behind that of its member before it', () => {
    const judge = judged([
      { member: 1, at: 100 },
      { member: 2, at: 50 },
      { member: 1, at: 100 },
    ]);
    assert.deepEqual(judge.problems, [
      'write 2 of member 1, to r, has stamp 100+0, not behind 100+0 before it',
    ]);
  });

  it('has a stamp behind all that its member had applied when it took it', () => {
    const writes = [
      { member: 1, at: 100 },
      { member: 2, at: 90 },
    ];
    const judgedBy = (appliedIndex: number): readonly string[] => {
      const judge = new LastWriteJudge();
      judge.took('2.1', appliedIndex);
      return judged(writes, judge).outrun;
    };
    assert.deepEqual(judgedBy(0), [], 'of two that know nothing of each other either may win');
    assert.deepEqual(judgedBy(1), [
      'write 1 of member 2, to r, has stamp 90+0, not behind 100+0, which it had applied with index 1',
    ]);
  });
});
