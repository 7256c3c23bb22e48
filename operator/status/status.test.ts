import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConditionType, LithairModelStatus } from '@lithair/crds';
import fc from 'fast-check';
import { examplePod, exampleReports } from '../testing/examples.ts';
import { buildStatus, notesOf, type StatusInput } from './index.ts';

const MEMBERS = ['shop-0', 'shop-1', 'shop-2'].map((name) => ({
  name,
  region: null,
  role: 'voter' as const,
}));
const PODS = MEMBERS.map(({ name }) => examplePod(name));

const WELL: StatusInput = {
  name: 'shop',
  namespace: 'trade',
  generation: 3,
  previous: undefined,
  now: '2026-01-01T00:00:00Z',
  deleting: false,
  verdict: { kind: 'accepted' },
  blocked: null,
  refusedChanges: [],
  clusterId: 'cluster-1',
  strangers: [],
  members: MEMBERS,
  pods: PODS,
  reports: exampleReports(3, 1),
  progress: null,
  schema: { kind: 'applied', version: 1 },
  image: 'lithair/node:dev',
};

function finding(status: LithairModelStatus, type: ConditionType): string {
  const condition = status.conditions?.find((candidate) => candidate.type === type);
  return `${condition?.status} ${condition?.reason}`;
}

/** A status as the API server gives it back. */
function stored(input: StatusInput): LithairModelStatus {
  return JSON.parse(JSON.stringify(buildStatus(input)));
}

const SERVED = stored(WELL);
const INVALID: Partial<StatusInput> = {
  verdict: { kind: 'refused', reason: 'InvalidModel', problems: ['spec.models[0].name: no'] },
};
const ROLLING: StatusInput['progress'] = { reason: 'RollingOut', message: 'x', away: [] };
const PENDING = { reason: 'UpdatePending' as const, message: 'shop-0 leads', away: [] };
const NO_CLUSTER: Partial<StatusInput> = {
  reports: [],
  pods: [],
  schema: { kind: 'pending', reason: 'not yet' },
};
const ONE_DOWN: Partial<StatusInput> = {
  previous: SERVED,
  pods: [PODS[0], PODS[1], examplePod('shop-2', { ready: false })].flatMap((pod) => pod ?? []),
};
const BLOCKED: Partial<StatusInput> = {
  ...NO_CLUSTER,
  blocked: { reason: 'StorageClassMissing', message: 'there is no class fast', degrades: true },
};

/** Three members that report their disks; the last one's may be low. */
function reportsOfDisks(lastIsLow: boolean): StatusInput['reports'] {
  return exampleReports(3, 1).map((report, i) => {
    const low = lastIsLow && i === 2;
    const storage = { freeBytes: low ? 5 : 500, totalBytes: 1000, reserveBytes: 100, low };
    if (report.answer.kind !== 'serving') return report;
    return { ...report, answer: { kind: 'serving', status: { ...report.answer.status, storage } } };
  });
}

const ROWS: readonly [
  string,
  Partial<StatusInput>,
  LithairModelStatus['phase'],
  Partial<Record<ConditionType, string>>,
][] = [
  [
    'all is well',
    {},
    'Ready',
    {
      Ready: 'True ClusterReady',
      QuorumAvailable: 'True LeaderElected',
      Progressing: 'False AsSpecified',
      Degraded: 'False AllWell',
      SchemaApplied: 'True Applied',
      StorageLow: 'Unknown NotReported',
      ClusterIDMismatch: 'False SameCluster',
    },
  ],
  [
    'every disk has room',
    { reports: reportsOfDisks(false) },
    'Ready',
    { StorageLow: 'False EnoughSpace' },
  ],
  [
    'a disk is below its reserve',
    { reports: reportsOfDisks(true) },
    'Ready',
    { StorageLow: 'True BelowReserve' },
  ],
  [
    'nothing runs yet',
    NO_CLUSTER,
    'Creating',
    {
      Ready: 'False Starting',
      QuorumAvailable: 'Unknown NoAnswer',
      SchemaApplied: 'Unknown Pending',
    },
  ],
  [
    'members wait to be bootstrapped',
    { reports: [{ name: 'shop-0', answer: { kind: 'waiting' } }] },
    'Creating',
    { QuorumAvailable: 'False NotBootstrapped', Progressing: 'True MembersStarting' },
  ],
  [
    'one of three is down',
    ONE_DOWN,
    'Degraded',
    {
      Ready: 'False MembersNotReady',
      QuorumAvailable: 'True LeaderElected',
      Degraded: 'True MembersMissing',
    },
  ],
  [
    'the leader is lost and nobody follows another',
    { previous: SERVED, reports: exampleReports(3, null, 5) },
    'Degraded',
    { Ready: 'False NoQuorum', QuorumAvailable: 'False NoLeader', SchemaApplied: 'True Applied' },
  ],
  [
    'a model is invalid and there is no cluster',
    { ...INVALID, ...NO_CLUSTER, clusterId: null, members: [] },
    'Failed',
    { Ready: 'False InvalidModel', SchemaApplied: 'False InvalidModel' },
  ],
  [
    'a model is invalid and the previous cluster serves',
    { ...INVALID, previous: SERVED },
    'Ready',
    {
      Ready: 'False InvalidModel',
      QuorumAvailable: 'True LeaderElected',
      Degraded: 'False AllWell',
    },
  ],
  [
    'the storage class is missing',
    BLOCKED,
    'Pending',
    { Ready: 'False StorageClassMissing', Progressing: 'False StorageClassMissing' },
  ],
  [
    'a breaking model was refused',
    { schema: { kind: 'refused', reasons: ['Product.id: removed'] } },
    'Ready',
    { Ready: 'True ClusterReady', SchemaApplied: 'False Refused' },
  ],
  [
    'the number of voters was changed',
    { refusedChanges: ['changing voters is not supported yet'] },
    'Ready',
    { Ready: 'True ClusterReady', Progressing: 'False ChangeNotSupported' },
  ],
  [
    'pods are being replaced, and one is away for it',
    {
      ...ONE_DOWN,
      progress: { reason: 'RollingOut', message: '1 of 3', away: ['shop-2'] },
    },
    'Updating',
    {
      Ready: 'False MembersNotReady',
      Progressing: 'True RollingOut',
      Degraded: 'False AllWell',
      QuorumAvailable: 'True LeaderElected',
    },
  ],
  [
    'another member is away while pods are being replaced',
    {
      ...ONE_DOWN,
      progress: { reason: 'RollingOut', message: '1 of 3', away: ['shop-0'] },
    },
    'Degraded',
    { Progressing: 'True RollingOut', Degraded: 'True MembersMissing' },
  ],
  [
    'a rollout is stuck',
    {
      ...ONE_DOWN,
      pods: [...PODS.slice(0, 2), examplePod('shop-2', { ready: false, trouble: 'no image' })],
      progress: { reason: 'RolloutStuck', message: 'shop-2: no image', away: [] },
    },
    'Degraded',
    { Progressing: 'False RolloutStuck', Degraded: 'True MembersFailing' },
  ],
  [
    'pods of an older template are left to a person',
    { previous: SERVED, progress: PENDING },
    'Ready',
    { Ready: 'True ClusterReady', Progressing: 'False UpdatePending', Degraded: 'False AllWell' },
  ],
  [
    'a pod that somebody deleted for its template is on its way',
    { ...ONE_DOWN, progress: { ...PENDING, away: ['shop-2'] } },
    'Updating',
    { Ready: 'False MembersNotReady', Degraded: 'False AllWell' },
  ],
  [
    'a member that serves is far behind',
    {
      reports: exampleReports(3, 1).map((report) => {
        if (report.answer.kind !== 'serving') return report;
        const members = report.answer.status.members.map((member) =>
          member.name === 'shop-2' ? { ...member, lagMs: 45_000 } : member,
        );
        const status = { ...report.answer.status, members };
        return { ...report, answer: { kind: 'serving' as const, status } };
      }),
    },
    'Ready',
    { Ready: 'True ClusterReady', Degraded: 'True MembersBehind' },
  ],
  [
    'a learner is a member as it is to be',
    {
      members: MEMBERS.map((member) => ({
        ...member,
        role: member.name === 'shop-2' ? ('learner' as const) : member.role,
      })),
    },
    'Ready',
    { Ready: 'True ClusterReady' },
  ],
  [
    'a disk is of another cluster',
    { strangers: ['cluster-2'] },
    'Failed',
    { Ready: 'False ClusterIDMismatch', ClusterIDMismatch: 'True ForeignDisk' },
  ],
  [
    'a member crashes',
    {
      ...ONE_DOWN,
      pods: [...PODS.slice(0, 2), examplePod('shop-2', { ready: false, trouble: 'x' })],
    },
    'Degraded',
    { Degraded: 'True MembersFailing' },
  ],
];

for (const [name, changes, phase, conditions] of ROWS) {
  test(`status: ${name}`, () => {
    const status = buildStatus({ ...WELL, ...changes });
    assert.equal(status.phase, phase);
    for (const [type, expected] of Object.entries(conditions)) {
      const found = status.conditions?.find((condition) => condition.type === type);
      assert.equal(`${found?.status} ${found?.reason}`, expected, type);
    }
  });
}

test('the status names members, leader, term and what to connect to', () => {
  const status = buildStatus(WELL);
  assert.equal(status.leader, 'shop-1');
  assert.equal(status.term, 2);
  assert.equal(status.observedGeneration, 3);
  assert.equal(status.endpoint, 'http://shop.trade.svc');
  assert.equal(status.nodeSummary, '3/3');
  assert.deepEqual(status.nodes?.[1], {
    name: 'shop-1',
    memberId: '2',
    role: 'leader',
    ready: true,
    lag: 0,
    version: '0.1.0',
  });
});

test('the paths of an invalid model are in the message', () => {
  const ready = buildStatus({ ...WELL, ...INVALID }).conditions?.find(
    ({ type }) => type === 'Ready',
  );
  assert.match(ready?.message ?? '', /spec\.models\[0\]\.name: no; what was accepted before/);
});

test('a steady cluster has the same status at another time', () => {
  const later = { ...WELL, previous: SERVED, now: '2026-02-02T00:00:00Z' };
  assert.deepEqual(stored(later), SERVED);
});

test('a time moves only where the status of its condition does', () => {
  const later = stored({ ...WELL, ...ONE_DOWN, now: '2026-02-02T00:00:00Z' });
  const times = Object.fromEntries(
    (later.conditions ?? []).map((condition) => [condition.type, condition.lastTransitionTime]),
  );
  assert.equal(times['Ready'], '2026-02-02T00:00:00Z');
  assert.equal(times['QuorumAvailable'], '2026-01-01T00:00:00Z');
});

test('a term never goes back, whoever answers', () => {
  const before = stored({ ...WELL, reports: exampleReports(3, 1, 7) });
  assert.equal(buildStatus({ ...WELL, previous: before, reports: [] }).term, 7);
});

test('a decision about a newer generation is not taken from an older one', () => {
  const pending = { kind: 'pending', reason: 'waiting' } as const;
  const same = buildStatus({ ...WELL, previous: SERVED, schema: pending });
  assert.equal(finding(same, 'SchemaApplied'), 'True Applied');
  const newer = buildStatus({ ...WELL, previous: SERVED, schema: pending, generation: 4 });
  assert.equal(finding(newer, 'SchemaApplied'), 'Unknown Pending');
});

test('what is written twice tells nothing twice', () => {
  const changes = fc.constantFrom(...ROWS.map(([, change]) => change));
  fc.assert(
    fc.property(changes, (change) => {
      const status = stored({ ...WELL, ...change });
      const again = stored({ ...WELL, ...change, previous: status });
      const reasons = notesOf(status, again).map(({ reason }) => reason);
      // A status that has served once sees one thing more: that members are missing.
      assert.deepEqual(
        reasons.filter((reason) => reason !== 'MembersMissing'),
        [],
      );
    }),
  );
});

const STORIES: readonly [string, Partial<StatusInput>, Partial<StatusInput>, string[]][] = [
  ['it becomes ready', NO_CLUSTER, {}, ['Normal ClusterReady', 'Normal LeaderChanged']],
  ['another one leads', {}, { reports: exampleReports(3, 2, 3) }, ['Normal LeaderChanged']],
  ['a member goes', {}, ONE_DOWN, ['Warning MembersMissing']],
  [
    'the model is refused',
    {},
    { schema: { kind: 'refused', reasons: ['x'] } },
    ['Warning ModelRefused'],
  ],
  ['the model is invalid', {}, INVALID, ['Warning InvalidModel']],
  ['the class is missing', NO_CLUSTER, BLOCKED, ['Warning StorageClassMissing']],
  ['the template changes', {}, { progress: ROLLING }, ['Normal RollingOut']],
  ['pods are left to a person', {}, { progress: PENDING }, ['Normal UpdatePending']],
  ['voters are changed', {}, { refusedChanges: ['no'] }, ['Warning ChangeNotSupported']],
  ['the quorum goes', {}, { reports: exampleReports(3, null, 4) }, ['Warning QuorumLost']],
];

for (const [name, before, after, expected] of STORIES) {
  test(`events: ${name}`, () => {
    const previous = stored({ ...WELL, ...before });
    const next = stored({ ...WELL, ...after, previous });
    const notes = notesOf(previous, next).map(({ type, reason }) => `${type} ${reason}`);
    assert.deepEqual(notes.toSorted(), expected.toSorted());
  });
}

test('the first status tells that the cluster was created', () => {
  const [note] = notesOf(undefined, stored({ ...WELL, ...NO_CLUSTER }));
  assert.deepEqual(note, {
    type: 'Normal',
    reason: 'ClusterCreated',
    message: 'cluster cluster-1 of 3 members',
  });
});

function lagging(lag: number): number | undefined {
  const reports = exampleReports(3, 1).map((report) => {
    if (report.answer.kind !== 'serving') return report;
    const { status } = report.answer;
    const members = status.members.map((member) => ({ ...member, lag }));
    return { ...report, answer: { kind: 'serving' as const, status: { ...status, members } } };
  });
  return buildStatus({ ...WELL, reports }).nodes?.[0]?.lag;
}

test('a growing lag under load does not change the status at every look', () => {
  assert.deepEqual([3, 999, 1_000, 1_900, 47_123].map(lagging), [0, 0, 1_000, 1_000, 40_000]);
});

test('lags are told coarsely, so that a busy cluster does not write a status a second', () => {
  const reports = exampleReports(3, 1).map((report): StatusInput['reports'][number] => {
    if (report.answer.kind !== 'serving') return report;
    const members = report.answer.status.members.map((member, i) =>
      i === 2 ? { ...member, lag: 4_321, lagBytes: 5_432_100, lagMs: 65_400 } : member,
    );
    return { ...report, answer: { kind: 'serving', status: { ...report.answer.status, members } } };
  });
  const { nodes } = stored({ ...WELL, reports });
  assert.deepEqual(
    nodes?.map(({ lag, lagBytes, lagSeconds }) => [lag, lagBytes, lagSeconds]),
    [
      [0, undefined, undefined],
      [0, undefined, undefined],
      [4_000, 5_000_000, 60],
    ],
  );
});

function lagOf(lagMs: number) {
  const reports = exampleReports(3, 1).map((report): StatusInput['reports'][number] => {
    if (report.answer.kind !== 'serving') return report;
    const members = report.answer.status.members.map((member) => {
      return { ...member, lag: 837, lagBytes: 96_500, lagMs };
    });
    return { ...report, answer: { kind: 'serving', status: { ...report.answer.status, members } } };
  });
  const [node] = stored({ ...WELL, reports }).nodes ?? [];
  return [node?.lag, node?.lagBytes, node?.lagSeconds];
}

test('of a member that stays behind, also a small lag is told', () => {
  assert.deepEqual(lagOf(1_900), [0, 0, 0]);
  assert.deepEqual(lagOf(20_400), [800, 90_000, 20]);
});

test('the scale subresource has read replicas that are there and what selects their pods', () => {
  const pods = [...PODS, examplePod('shop-read-0', { learner: true })];
  const { readReplicas, readReplicaSelector } = stored({ ...WELL, pods });
  assert.equal(readReplicas, 1);
  assert.equal(readReplicaSelector, 'lithair.dev/set=shop-read,lithair.dev/cluster=shop');
});
