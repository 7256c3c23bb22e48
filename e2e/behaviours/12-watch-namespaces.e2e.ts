import assert from 'node:assert/strict';
import {
  apply,
  applyModel,
  at,
  exampleModel,
  get,
  installOperator,
  kubectl,
  OPERATOR_NAMESPACE,
  patch,
  scenario,
  sleep,
  waitFor,
} from '../cluster/index.ts';

const ONE_VOTER = { cluster: { voters: 1, storage: { size: '256Mi', retain: false } } };

scenario('an operator of one namespace works there and may touch no other', async (scenario) => {
  const { namespace, say } = scenario;
  const other = `${namespace}-other`;
  kubectl(['create', 'namespace', other]);
  try {
    installOperator('--set', `watchNamespaces={${namespace}}`);
    await applyModel(namespace, exampleModel('shop', ONE_VOTER));
    patch(namespace, 'lithairmodel', 'shop', { metadata: { labels: { seen: 'yes' } } });
    apply(other, exampleModel('shop', ONE_VOTER));
    await sleep(5_000);
    assert.equal(at(get(other, 'lithairmodel', 'shop'), 'status'), null);
    say('its own namespace: Ready; the other one: untouched');
    checkPermissions(namespace, other);
    say('kubectl auth can-i agrees');
    kubectl(['delete', 'lithairmodel', 'shop', '-n', namespace, '--timeout=120s']);
    say('its Role is enough to delete volumes, too');
  } finally {
    kubectl(['delete', 'lithairmodel', 'shop', '-n', other, '--wait=false', '--ignore-not-found']);
    installOperator();
    await waitFor('the other namespace to be looked after', () => {
      const model = get(other, 'lithairmodel', 'shop');
      return model === null;
    });
    kubectl(['delete', 'namespace', other, '--wait=false']);
  }
});

function checkPermissions(own: string, other: string): void {
  const account = `system:serviceaccount:${OPERATOR_NAMESPACE}:lithair-operator`;
  const rows: readonly [string, string, string, string][] = [
    ['patch', 'statefulsets', own, 'yes'],
    ['get', 'secrets', own, 'yes'],
    ['list', 'secrets', own, 'no'],
    ['get', 'secrets', other, 'no'],
    ['list', 'pods', other, 'no'],
    ['delete', 'pods', own, 'yes'],
    ['delete', 'pods', other, 'no'],
    ['create', 'pods', own, 'no'],
  ];
  for (const [verb, resource, namespace, expected] of rows) {
    const words = ['auth', 'can-i', verb, resource, '-n', namespace, '--as', account];
    assert.equal(canI(words), expected, `${verb} ${resource} in ${namespace}`);
  }
}

/** `can-i` ends in 1 where the answer is no. */
function canI(words: readonly string[]): string {
  try {
    return kubectl(words).trim();
  } catch (error) {
    return /\bno\b/.test(String(error)) ? 'no' : String(error);
  }
}
