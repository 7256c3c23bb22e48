import assert from 'node:assert/strict';
import { test } from 'node:test';
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
