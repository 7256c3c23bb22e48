import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../kubernetes/index.ts';
import { groupsOf } from '../manifests/index.ts';
import { examplePod, exampleSpec } from '../testing/examples.ts';
import { settling } from './index.ts';

const GROUPS = groupsOf('shop', exampleSpec({ voters: 3 }));
const PODS = ['shop-0', 'shop-1', 'shop-2'].map((name) => examplePod(name));

function statefulSet(observedGeneration: number | undefined): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'shop', generation: 2 },
    status: observedGeneration === undefined ? {} : { observedGeneration },
  };
}

const SETTLED = { actions: [], statefulSets: [statefulSet(2)], pods: PODS, groups: GROUPS };

test('a cluster whose pods are its members, of a StatefulSet that is carried out, has settled', () => {
  assert.equal(settling(SETTLED), null);
});

test('the pass that applies a StatefulSet has begun a change, though all pods are ready', () => {
  const object = statefulSet(2);
  const progress = settling({ ...SETTLED, actions: [{ do: 'apply', object, seen: true }] });
  assert.equal(progress?.reason, 'RollingOut');
  assert.equal(progress?.message, 'a change of shop begins');
});

test('what else a pass applies begins no change of the pods', () => {
  const object = { ...statefulSet(2), kind: 'Service' };
  assert.equal(settling({ ...SETTLED, actions: [{ do: 'apply', object, seen: true }] }), null);
});

for (const observed of [1, undefined]) {
  test(`a StatefulSet of generation 2 is not carried out when ${observed} was observed`, () => {
    const progress = settling({ ...SETTLED, statefulSets: [statefulSet(observed)] });
    assert.equal(progress?.reason, 'RollingOut');
  });
}

test('a pod that is no member any more is waited for, until it is being deleted', () => {
  const pods = [...PODS, examplePod('shop-3')];
  assert.deepEqual(settling({ ...SETTLED, pods }), {
    reason: 'Scaling',
    message: 'shop-3: to go',
    away: [],
  });
  const going = [...PODS, examplePod('shop-3', { deleting: true })];
  assert.equal(settling({ ...SETTLED, pods: going }), null);
});
