import assert from 'node:assert/strict';
import {
  apply,
  at,
  exampleModel,
  get,
  installOperator,
  kubectl,
  list,
  OPERATOR_NAMESPACE,
  scenario,
  text,
} from '../cluster/index.ts';

scenario('helm install gives a running operator under the restricted policy', async ({ say }) => {
  const [pod] = list(OPERATOR_NAMESPACE, 'pods', 'app.kubernetes.io/name=lithair-operator');
  assert.ok(pod);
  assert.equal(text(pod, 'status.phase'), 'Running');
  assert.equal(at(pod, 'spec.containers.0.securityContext.readOnlyRootFilesystem'), true);
  assert.equal(at(pod, 'spec.securityContext.runAsNonRoot'), true);
  const label = 'pod-security.kubernetes.io/enforce=restricted';
  const answer = kubectl(['label', 'namespace', OPERATOR_NAMESPACE, label, '--dry-run=server']);
  assert.doesNotMatch(answer, /Warning|violate/);
  const name = text(pod, 'metadata.name');
  const path = `/api/v1/namespaces/${OPERATOR_NAMESPACE}/pods/${name}:9080/proxy/metrics`;
  const [, bytes] =
    /^process_resident_memory_bytes (\d+)/m.exec(kubectl(['get', '--raw', path])) ?? [];
  const megabytes = Number(bytes) / 1024 / 1024;
  say(`the operator uses ${megabytes.toFixed(0)} MB`);
  assert.ok(megabytes <= 110, 'the operator is to use at most 110 MB');
});

scenario('helm upgrade puts a changed CustomResourceDefinition back', async ({ say }) => {
  const crd = 'lithairmodels.lithair.dev';
  const remove = [{ op: 'remove', path: '/spec/names/shortNames' }];
  kubectl(['patch', 'crd', crd, '--type', 'json', '-p', JSON.stringify(remove)]);
  installOperator('--force');
  assert.deepEqual(at(get('default', 'crd', crd), 'spec.names.shortNames'), ['lm']);
  say('kubectl get lm works again');
});

scenario(
  'the API server itself refuses what can be checked in place',
  async ({ namespace, say }) => {
    const wrong = exampleModel('wrong', { cluster: { voters: 2 } });
    assert.throws(() => apply(namespace, wrong), /voters/);
    say('an even number of voters does not get in');
  },
);
