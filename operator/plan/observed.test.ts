import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../kubernetes/index.ts';
import { viewPod } from './index.ts';

function troubleOf(status: Record<string, unknown>): string | null {
  const metadata = { name: 'shop-0', uid: 'u' };
  return viewPod({ apiVersion: 'v1', kind: 'Pod', metadata, status }).trouble;
}

const ROWS: readonly [string, Record<string, unknown>, RegExp | null][] = [
  ['nothing is known yet', {}, null],
  [
    'it cannot be scheduled',
    {
      conditions: [
        { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' },
      ],
    },
    /^Unschedulable: 0\/3 nodes/,
  ],
  [
    'its image is not there',
    { containerStatuses: [{ state: { waiting: { reason: 'ErrImagePull', message: 'no such' } } }] },
    /^ErrImagePull: no such/,
  ],
  [
    'its disk was refused',
    {
      containerStatuses: [
        {
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { exitCode: 3 } },
        },
      ],
    },
    /^exit code 3 \(the data directory was refused/,
  ],
  [
    'it stopped in order',
    { containerStatuses: [{ state: { terminated: { exitCode: 0 } } }] },
    null,
  ],
  [
    'it crashed long ago and is well',
    { containerStatuses: [{ ready: true, lastState: { terminated: { exitCode: 4 } } }] },
    null,
  ],
];

for (const [name, status, expected] of ROWS) {
  test(`trouble of a pod: ${name}`, () => {
    const trouble = troubleOf(status);
    if (expected === null) assert.equal(trouble, null);
    else assert.match(trouble ?? '', expected);
  });
}

function endedSaying(message: string): KubeObject {
  const terminated = { exitCode: 3, message };
  const containerStatuses = [
    { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated } },
  ];
  const metadata = { name: 'shop-0', uid: 'u' };
  return { apiVersion: 'v1', kind: 'Pod', metadata, status: { containerStatuses } };
}

test('the last words of a node are shown, and a disk of another cluster is known by them', () => {
  const words = 'the disk belongs to cluster c-2, not to c-1';
  const pod = viewPod(endedSaying(`{"level":"info","msg":"starting"}\nlithair: ${words}\n`));
  assert.match(pod.trouble ?? '', /^exit code 3 \(the data directory was refused.*\): the disk/);
  assert.equal(pod.foreignCluster, 'c-2');
});

test('a damaged disk is not one of another cluster', () => {
  const pod = viewPod(endedSaying('lithair: 0000000000000001.seg: record 7 is damaged'));
  assert.equal(pod.foreignCluster, null);
  assert.match(pod.trouble ?? '', /record 7 is damaged/);
});
