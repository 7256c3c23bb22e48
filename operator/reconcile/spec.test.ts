import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../kubernetes/index.ts';
import { exampleSpec } from '../testing/examples.ts';
import { acceptedSpec, judge } from './spec.ts';

function resource(spec: unknown): KubeObject {
  return {
    apiVersion: 'lithair.dev/v1alpha1',
    kind: 'LithairModel',
    metadata: {
      name: 'shop',
      namespace: 'trade',
      uid: 'u1',
      generation: 2,
      resourceVersion: '17',
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    },
    spec,
    status: { anything: true },
  };
}

const MODELS = [{ name: 'Product', fields: [{ name: 'id', type: 'uuid', primaryKey: true }] }];

test('what the API server adds to a resource is not judged', () => {
  const { verdict, spec } = judge(resource({ auth: { mode: 'open' }, models: MODELS }));
  assert.equal(verdict.kind, 'accepted');
  assert.equal(spec?.cluster.voters, 3);
});

test('a resource that does not say who may call is refused', () => {
  const { verdict, spec } = judge(resource({ models: MODELS }));
  assert.equal(spec, null);
  assert.ok(verdict.kind === 'refused');
  assert.equal(verdict.reason, 'AuthNotDeclared');
});

test('an invalid resource is refused with the paths', () => {
  const { verdict } = judge(resource({ auth: { mode: 'open' }, models: MODELS, colour: 'red' }));
  assert.ok(verdict.kind === 'refused');
  assert.equal(verdict.reason, 'InvalidModel');
  assert.match(verdict.problems.join(), /spec\.colour/);
});

test('a directory for cold archives is refused with the reason, a bucket is not', () => {
  const spec = { auth: { mode: 'open' }, models: MODELS };
  const cold = { type: 'directory', directory: '/cold' };
  const { verdict } = judge(resource({ ...spec, store: { cold } }));
  assert.ok(verdict.kind === 'refused');
  assert.match(verdict.problems.join(), /spec\.store\.cold\.type: .* share no directory: say s3/);
  const s3 = { type: 's3', bucket: 'past', credentialsSecret: 'keys' };
  assert.equal(judge(resource({ ...spec, store: { cold: s3 } })).verdict.kind, 'accepted');
});

test('a spec that was accepted is read back as it was', () => {
  const spec = exampleSpec({ resources: { limits: { memory: '1Gi' } } });
  const metadata = { name: 'shop-model' };
  const data = { 'model.json': JSON.stringify(spec) };
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
  assert.deepEqual(acceptedSpec(configMap), spec);
});

test('a model ConfigMap that somebody spoiled counts as none', () => {
  const metadata = { name: 'shop-model' };
  for (const data of [{}, { 'model.json': '{' }, { 'model.json': '{"models": 1}' }]) {
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
    assert.equal(acceptedSpec(configMap), null);
  }
});
