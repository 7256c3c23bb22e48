import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleReports } from '../testing/examples.ts';
import { type MemberReport, viewCluster } from './index.ts';

function without(reports: readonly MemberReport[], ...silent: number[]): MemberReport[] {
  return reports.map((report, i) =>
    silent.includes(i)
      ? { name: report.name, answer: { kind: 'unreachable', reason: 'gone' } }
      : report,
  );
}

test('a leader that answers has a quorum', () => {
  const view = viewCluster(exampleReports(3, 1));
  assert.deepEqual([view.quorum, view.leader, view.term], [true, 'shop-1', 2]);
});

test('a leader that cannot be asked is named by a majority of its voters', () => {
  const view = viewCluster(without(exampleReports(3, 1), 1));
  assert.deepEqual([view.quorum, view.leader], [true, 'shop-1']);
});

test('one follower of three does not make a leader', () => {
  const view = viewCluster(without(exampleReports(3, 1), 1, 2));
  assert.deepEqual([view.quorum, view.leader], [false, null]);
});

test('what a learner says of a leader that is gone does not make it one', () => {
  const [leader, learner] = exampleReports(2, 0).map((report): MemberReport => {
    if (report.answer.kind !== 'serving') return report;
    const members = report.answer.status.members.map((member) =>
      member.name === 'shop-1' ? { ...member, role: 'learner' as const } : member,
    );
    return { ...report, answer: { kind: 'serving', status: { ...report.answer.status, members } } };
  });
  assert.ok(leader !== undefined && learner !== undefined);
  assert.equal(viewCluster([leader, learner]).quorum, true);
  const view = viewCluster(without([leader, learner], 0));
  assert.deepEqual([view.quorum, view.leader], [false, null]);
});

test('a leader of an older term is not believed', () => {
  const [old] = exampleReports(3, 0, 4);
  const [, ...current] = exampleReports(3, 2, 5);
  assert.ok(old);
  const view = viewCluster([old, ...current]);
  assert.deepEqual([view.leader, view.term], ['shop-2', 5]);
});

test('where nobody answers, nothing is known', () => {
  const view = viewCluster(without(exampleReports(3, 1), 0, 1, 2));
  assert.deepEqual([view.quorum, view.leader, view.best], [null, null, null]);
});

test('members that wait have no quorum', () => {
  const view = viewCluster([{ name: 'shop-0', answer: { kind: 'waiting' } }]);
  assert.deepEqual([view.quorum, view.best], [false, null]);
});

test('a cluster that lost its leader has no quorum, but is still known', () => {
  const view = viewCluster(exampleReports(3, null, 9));
  assert.deepEqual([view.quorum, view.leader, view.term], [false, null, 9]);
  assert.equal(view.members.size, 3);
});
