import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../kubernetes/index.ts';
import { examplePod, exampleSpec } from '../testing/examples.ts';
import { chooseImage, outdatedPods, type Snapshot } from './observe.ts';

function setWith(image: string, status: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'shop', generation: 2 },
    spec: { template: { spec: { containers: [{ image }] } } },
    status,
  };
}

function snapshotOf(...statefulSets: KubeObject[]): Snapshot {
  const pods = [
    examplePod('shop-0', { revision: 'old' }),
    examplePod('shop-1', { revision: 'new' }),
  ];
  return {
    objects: new Map(),
    statefulSets,
    pods,
    identity: null,
    inForce: null,
    accepted: null,
  };
}

const SAID = exampleSpec({ image: 'said:1' });
const SILENT = exampleSpec();

const IMAGES: readonly [string, Parameters<typeof chooseImage>, string][] = [
  [
    'a new cluster has the default of the operator',
    [SILENT, snapshotOf(), {}, 'default:1'],
    'default:1',
  ],
  ['the spec comes first', [SAID, snapshotOf(setWith('runs:1')), {}, 'default:1'], 'said:1'],
  [
    'a running cluster keeps its image when the default changes',
    [SILENT, snapshotOf(setWith('runs:1')), {}, 'default:2'],
    'runs:1',
  ],
  [
    'a StatefulSet that was deleted comes back with the image of the status',
    [SILENT, snapshotOf(), { image: 'ran:1' }, 'default:2'],
    'ran:1',
  ],
];

for (const [name, args, expected] of IMAGES) {
  test(`image: ${name}`, () => {
    assert.equal(chooseImage(...args), expected);
  });
}

test('pods of an older template are named', () => {
  const set = setWith('x', { observedGeneration: 2, updateRevision: 'new' });
  assert.deepEqual(outdatedPods(snapshotOf(set)), ['shop-0']);
});

test('a StatefulSet that has not taken in its spec says nothing about its pods', () => {
  const set = setWith('x', { observedGeneration: 1, updateRevision: 'new' });
  assert.deepEqual(outdatedPods(snapshotOf(set)), []);
});
