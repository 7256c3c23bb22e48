import assert from 'node:assert/strict';
import {
  applyModel,
  at,
  ClientPod,
  exampleModel,
  kubectl,
  list,
  scenario,
  seconds,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

scenario('kubectl scale adds and takes read replicas', async ({ namespace, say }) => {
  const cluster = { voters: 1, storage: { size: '256Mi', retain: false } };
  await applyModel(namespace, exampleModel('shop', { cluster }));
  const client = new ClientPod(namespace);
  await client.start();
  const base = `http://shop-read.${namespace}.svc/api/products`;
  const created = client.request('POST', `http://shop.${namespace}.svc/api/products`, {
    name: 'Lamp',
  });
  assert.equal(created.status, 201);
  assert.deepEqual(scaleOf(namespace), { spec: 0, status: 0 });

  const startedMs = performance.now();
  kubectl(['scale', 'lm/shop', '--replicas=2', '-n', namespace]);
  const model = await waitReady(namespace, 'shop');
  say(`two read replicas after ${seconds(performance.now() - startedMs)}`);
  assert.deepEqual(scaleOf(namespace), { spec: 2, status: 2 });
  const nodes = at(model, 'status.nodes');
  assert.deepEqual(
    (Array.isArray(nodes) ? nodes : []).map(
      (node) => `${text(node, 'name')} ${text(node, 'role')}`,
    ),
    ['shop-0 leader', 'shop-read-0 learner', 'shop-read-1 learner'],
  );
  const selector = text(model, 'status.readReplicaSelector');
  assert.equal(list(namespace, 'pods', selector).length, 2);
  await waitFor('the read Service to lead to learners', () => {
    const slices = list(namespace, 'endpointslices', 'kubernetes.io/service-name=shop-read');
    const names = slices.flatMap((slice) => {
      const endpoints = at(slice, 'endpoints');
      return (Array.isArray(endpoints) ? endpoints : []).map((e) => text(e, 'targetRef.name'));
    });
    return names.toSorted().join() === 'shop-read-0,shop-read-1';
  });
  const id = text(created.body, 'id');
  const strong = client.request('GET', `${base}/${id}`);
  assert.equal(strong.status, 200, 'strong reads are right on a learner, too');
  const local = client.request('GET', `${base}/${id}?consistency=eventual`);
  assert.equal(local.status, 200);

  kubectl(['scale', 'lm/shop', '--replicas=0', '-n', namespace]);
  await waitFor('the replicas to go', () => scaleOf(namespace).status === 0);
  await waitReady(namespace, 'shop');
  assert.deepEqual(scaleOf(namespace), { spec: 0, status: 0 });
  assert.equal(client.request('GET', `${base}/${id}`).status, 200);
  await waitFor('volumes and StatefulSet to go', () => {
    const claims = list(namespace, 'persistentvolumeclaims', 'lithair.dev/cluster=shop');
    const sets = list(namespace, 'statefulsets', 'lithair.dev/cluster=shop');
    return claims.length === 1 && sets.length === 1;
  });
  say('none again: pods, StatefulSet and volumes are gone, the read Service leads to voters');
});

function scaleOf(namespace: string): { spec: number; status: number } {
  const path = `/apis/lithair.dev/v1alpha1/namespaces/${namespace}/lithairmodels/shop/scale`;
  const scale = JSON.parse(kubectl(['get', '--raw', path]));
  return {
    spec: Number(at(scale, 'spec.replicas')),
    status: Number(at(scale, 'status.replicas')),
  };
}
