import assert from 'node:assert/strict';
import {
  applyModel,
  ClientPod,
  exampleModel,
  get,
  kubectl,
  list,
  scenario,
  seconds,
  text,
  waitFor,
} from '../cluster/index.ts';

scenario('deleting and creating a resource again finds the data again', async (scenario) => {
  const { namespace, say } = scenario;
  await applyModel(namespace, exampleModel('shop'));
  const client = new ClientPod(namespace);
  await client.start();
  const products = `http://shop.${namespace}.svc/api/products`;
  const ids = ['Lamp', 'Shade', 'Bulb'].map((name) => {
    const created = client.request('POST', products, { name });
    assert.equal(created.status, 201, JSON.stringify(created.body));
    return text(created.body, 'id');
  });
  const clusterId = text(get(namespace, 'configmap', 'shop-cluster'), 'data.id');
  kubectl(['delete', 'lithairmodel', 'shop', '-n', namespace]);
  await waitFor('everything owned to go', () => {
    const left = list(
      namespace,
      'pods,statefulsets,services,poddisruptionbudgets',
      'lithair.dev/cluster=shop',
    );
    return left.length === 0;
  });
  const kept = list(namespace, 'pvc,secrets,configmaps', 'lithair.dev/cluster=shop').map(
    (object) => `${text(object, 'kind')}/${text(object, 'metadata.name')}`,
  );
  assert.deepEqual(kept.toSorted(), [
    'ConfigMap/shop-cluster',
    'PersistentVolumeClaim/data-shop-0',
    'PersistentVolumeClaim/data-shop-1',
    'PersistentVolumeClaim/data-shop-2',
    'Secret/shop-ca',
    'Secret/shop-peer-tls',
  ]);
  say(`deleted; kept: ${kept.length} objects`);
  const tookMs = await applyModel(namespace, exampleModel('shop'));
  assert.equal(text(get(namespace, 'configmap', 'shop-cluster'), 'data.id'), clusterId);
  for (const id of ids) {
    const found = await waitFor(`product ${id}`, () => {
      const answer = client.request('GET', `${products}/${id}`);
      return answer.status === 200 ? answer : null;
    });
    assert.equal(text(found.body, 'id'), id);
  }
  say(
    `created again: Ready after ${seconds(tookMs)}, same cluster id, all ${ids.length} rows there`,
  );
});

scenario('with storage.retain: false everything goes, volumes included', async (scenario) => {
  const { namespace, say } = scenario;
  const storage = { size: '256Mi', retain: false };
  await applyModel(namespace, exampleModel('shop', { cluster: { voters: 1, storage } }));
  const first = text(get(namespace, 'configmap', 'shop-cluster'), 'data.id');
  const startedMs = performance.now();
  kubectl(['delete', 'lithairmodel', 'shop', '-n', namespace, '--timeout=120s']);
  const left = list(namespace, 'pvc,secrets,configmaps,statefulsets', 'lithair.dev/cluster=shop')
    .filter((object) => text(object, 'metadata.deletionTimestamp') === '')
    .map((object) => `${text(object, 'kind')}/${text(object, 'metadata.name')}`)
    // Owned, so the garbage collector's: it comes after the resource itself.
    .filter((name) => name !== 'ConfigMap/shop-model');
  assert.deepEqual(left, []);
  say(`gone after ${seconds(performance.now() - startedMs)}, volume, certificates and id with it`);
  await applyModel(namespace, exampleModel('shop', { cluster: { voters: 1, storage } }));
  assert.notEqual(text(get(namespace, 'configmap', 'shop-cluster'), 'data.id'), first);
});
