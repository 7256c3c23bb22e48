import assert from 'node:assert/strict';
import {
  applyModel,
  exampleModel,
  get,
  installOperator,
  kubectl,
  leaseHolder,
  list,
  OPERATOR_NAMESPACE,
  podIdentities,
  podOfHolder,
  scenario,
  sleep,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

const KINDS =
  'lithairmodels,statefulsets,services,configmaps,secrets,serviceaccounts,poddisruptionbudgets,pods,pvc';

scenario('a steady cluster is written to by nobody', async ({ namespace, say }) => {
  await applyModel(namespace, exampleModel('shop'));
  await waitFor('the last writes', () => podsLabelled(namespace));
  await sleep(8_000);
  const before = versions(namespace);
  const writes = operatorWrites();
  const reconciles = operatorReconciles();
  const leading = leaseHolder();
  await sleep(20_000);
  assert.equal(leaseHolder(), leading, 'another operator leads: what it counts is not comparable');
  assert.deepEqual(versions(namespace), before);
  assert.deepEqual(operatorWrites(), writes);
  const passes = operatorReconciles() - reconciles;
  assert.ok(passes > 0, `${passes} reconciles`);
  say(`${passes} reconciles in 20 s, ${before.size} objects unchanged, no write`);
});

scenario('restarting or upgrading the operator restarts no node', async ({ namespace, say }) => {
  await applyModel(namespace, exampleModel('shop'));
  const before = podIdentities(namespace, 'shop');
  const deployment = ['-n', OPERATOR_NAMESPACE, 'deployment/lithair-operator'];
  kubectl(['rollout', 'restart', ...deployment]);
  kubectl(['rollout', 'status', ...deployment, '--timeout=120s']);
  await sleep(10_000);
  assert.deepEqual(podIdentities(namespace, 'shop'), before);
  say('restarted the operator: the same three pods, no restart');
  installOperator('--set', 'nodeImage.tag=next', '--set', 'logLevel=debug');
  await sleep(10_000);
  assert.deepEqual(podIdentities(namespace, 'shop'), before);
  const set = get(namespace, 'statefulset', 'shop');
  assert.ok(set !== null);
  assert.equal(text(set, 'spec.template.spec.containers.0.image'), 'lithair/node:dev');
  installOperator();
  await waitReady(namespace, 'shop');
  say('upgraded the operator to another default image: running clusters keep theirs');
});

scenario('one of two operators works, and the other takes over', async ({ namespace, say }) => {
  installOperator('--set', 'replicas=2');
  const first = await waitFor('a holder of the lease', () => leaseHolder() || null);
  const pod = podOfHolder(first);
  const startedMs = performance.now();
  kubectl(['delete', 'pod', '-n', OPERATOR_NAMESPACE, pod, '--grace-period=0', '--force']);
  const next = await waitFor('another holder', () =>
    leaseHolder() === first ? null : leaseHolder() || null,
  );
  say(
    `${next} took over ${((performance.now() - startedMs) / 1000).toFixed(1)} s after the first was deleted`,
  );
  await applyModel(namespace, exampleModel('shop', { cluster: { voters: 1 } }));
  installOperator();
});

function podsLabelled(namespace: string): boolean {
  return list(namespace, 'pods', 'lithair.dev/leader=true').length === 1;
}

function versions(namespace: string): Map<string, string> {
  return new Map(
    list(namespace, KINDS).map((object) => [
      `${text(object, 'kind')}/${text(object, 'metadata.name')}`,
      text(object, 'metadata.resourceVersion'),
    ]),
  );
}

/** Of the operator that leads; the other one does nothing. */
function operatorMetrics(): string {
  const name = podOfHolder(leaseHolder());
  return kubectl([
    'get',
    '--raw',
    `/api/v1/namespaces/${OPERATOR_NAMESPACE}/pods/${name}:9080/proxy/metrics`,
  ]);
}

function operatorWrites(): string[] {
  return operatorMetrics()
    .split('\n')
    .filter((line) => line.startsWith('lithair_operator_api_writes_total'));
}

function operatorReconciles(): number {
  const metrics = operatorMetrics();
  const [, count] = /^lithair_operator_reconciles_total\{result="ok"\} (\d+)/m.exec(metrics) ?? [];
  assert.ok(count !== undefined, `the leading operator has not reconciled anything:\n${metrics}`);
  return Number(count);
}
