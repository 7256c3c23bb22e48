import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KubeObject } from '../kubernetes/index.ts';
import { type DeletionState, FINALIZER, planDeletion } from './index.ts';

function object(kind: string, name: string): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name, uid: `uid-${name}` } };
}

const FULL: DeletionState = {
  finalizers: [FINALIZER, 'example.com/other'],
  retain: false,
  statefulSets: [object('StatefulSet', 'shop')],
  pods: [object('Pod', 'shop-0')],
  volumes: [object('PersistentVolumeClaim', 'data-shop-0')],
  identities: [object('Secret', 'shop-ca'), object('ConfigMap', 'shop-cluster')],
};

const states = fc.record({
  finalizers: fc.subarray([FINALIZER, 'example.com/other']),
  retain: fc.boolean(),
  statefulSets: fc.subarray([...FULL.statefulSets]),
  pods: fc.subarray([...FULL.pods]),
  volumes: fc.subarray([...FULL.volumes]),
  identities: fc.subarray([...FULL.identities]),
});

test('with retain nothing is ever deleted', () => {
  fc.assert(
    fc.property(states, (state) => {
      const actions = planDeletion({ ...state, retain: true });
      assert.equal(
        actions.some((action) => action.do === 'delete'),
        false,
      );
    }),
  );
});

test('nothing is deleted for a resource that does not carry our finalizer', () => {
  fc.assert(
    fc.property(states, (state) => {
      assert.deepEqual(planDeletion({ ...state, finalizers: ['example.com/other'] }), []);
    }),
  );
});

test('the resource is let go only when nothing of it is left but identities', () => {
  fc.assert(
    fc.property(states, (state) => {
      const actions = planDeletion({ ...state, retain: false, finalizers: [FINALIZER] });
      const left = state.statefulSets.length + state.pods.length + state.volumes.length;
      assert.equal(
        actions.some((action) => action.do === 'setFinalizers'),
        left === 0,
      );
    }),
  );
});

test('pods go first, then volumes, then identities, and the finalizer last', () => {
  const order = [
    planDeletion(FULL),
    planDeletion({ ...FULL, statefulSets: [] }),
    planDeletion({ ...FULL, statefulSets: [], pods: [] }),
    planDeletion({ ...FULL, statefulSets: [], pods: [], volumes: [] }),
  ].map((actions) => actions.map((action) => (action.do === 'delete' ? action.name : action.do)));
  assert.deepEqual(order, [
    ['shop'],
    [],
    ['data-shop-0'],
    ['shop-ca', 'shop-cluster', 'setFinalizers'],
  ]);
});

test('finalizers of others are kept', () => {
  const [action] = planDeletion({ ...FULL, retain: true });
  assert.deepEqual(action, { do: 'setFinalizers', finalizers: ['example.com/other'] });
});
