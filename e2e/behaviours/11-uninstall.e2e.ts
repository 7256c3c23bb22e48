import assert from 'node:assert/strict';
import {
  apply,
  applyModel,
  ClientPod,
  exampleModel,
  execute,
  get,
  installOperator,
  OPERATOR_NAMESPACE,
  podIdentities,
  RELEASE,
  scenario,
  text,
  waitFor,
} from '../cluster/index.ts';

scenario(
  'uninstalling the operator keeps the definition, the clusters and the data',
  async (scenario) => {
    const { namespace, say } = scenario;
    await applyModel(namespace, exampleModel('shop'));
    const client = new ClientPod(namespace);
    await client.start();
    const before = podIdentities(namespace, 'shop');
    execute('helm', ['uninstall', RELEASE, '--namespace', OPERATOR_NAMESPACE, '--wait']);
    assert.notEqual(get('default', 'crd', 'lithairmodels.lithair.dev'), null);
    const products = `http://shop.${namespace}.svc/api/products`;
    assert.equal(client.request('POST', products, { name: 'Lamp' }).status, 201);
    say('with no operator the cluster takes writes');
    installOperator();
    const resources = { requests: { memory: '200Mi' } };
    const cluster = { voters: 3, storage: { size: '256Mi' }, resources };
    apply(namespace, exampleModel('shop', { cluster }));
    await waitFor('the new operator to take over', () => {
      const set = get(namespace, 'statefulset', 'shop');
      return text(set, 'spec.template.spec.containers.0.resources.requests.memory') === '200Mi';
    });
    assert.deepEqual(podIdentities(namespace, 'shop'), before);
    say('a new installation took over the same pods');
  },
);
