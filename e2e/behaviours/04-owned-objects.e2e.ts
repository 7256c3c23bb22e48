import assert from 'node:assert/strict';
import {
  applyModel,
  at,
  ClientPod,
  exampleModel,
  get,
  kubectl,
  podIdentities,
  scenario,
  seconds,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

const OWNED: readonly [string, string][] = [
  ['service', 'shop'],
  ['service', 'shop-leader'],
  ['service', 'shop-read'],
  ['service', 'shop-peers'],
  ['configmap', 'shop-model'],
  ['poddisruptionbudget', 'shop'],
  ['serviceaccount', 'shop'],
];
const IDENTITIES: readonly [string, string][] = [
  ['configmap', 'shop-cluster'],
  ['secret', 'shop-ca'],
  ['secret', 'shop-peer-tls'],
];

scenario('deleting an object of a cluster brings it back', async ({ namespace, say }) => {
  await applyModel(namespace, exampleModel('shop'));
  const client = new ClientPod(namespace);
  await client.start();
  const products = `http://shop.${namespace}.svc/api/products`;
  const created = client.request('POST', products, { name: 'Lamp' });
  assert.equal(created.status, 201, JSON.stringify(created.body));
  const pods = podIdentities(namespace, 'shop');
  for (const [kind, name] of OWNED) await deleteAndWait(namespace, kind, name, say);
  for (const [kind, name] of IDENTITIES) {
    const data = keptPart(namespace, kind, name);
    await deleteAndWait(namespace, kind, name, say);
    assert.equal(keptPart(namespace, kind, name), data, `${kind} ${name} is what it was`);
  }
  assert.deepEqual(podIdentities(namespace, 'shop'), pods);
  say('none of that touched a pod');
  await deleteAndWait(namespace, 'statefulset', 'shop', say);
  await waitReady(namespace, 'shop');
  const id = text(created.body, 'id');
  const found = await waitFor('the data', () => {
    const answer = client.request('GET', `${products}/${id}`);
    return answer.status === 200 ? answer : null;
  });
  assert.equal(text(found.body, 'name'), 'Lamp');
  say('the StatefulSet came back with its volumes, and the data with them');
});

/** What must be the same after it came back: the id, and the authority. */
function keptPart(namespace: string, kind: string, name: string): string {
  const object = get(namespace, kind, name);
  const key = kind === 'configmap' ? 'id' : 'ca\\.crt';
  if (kind === 'configmap') return text(object, `data.${key}`);
  const data = at(object, 'data');
  const keyed = typeof data === 'object' && data !== null && !Array.isArray(data) ? data : {};
  return JSON.stringify(keyed['ca.crt'] ?? null);
}

async function deleteAndWait(
  namespace: string,
  kind: string,
  name: string,
  say: (message: string) => void,
): Promise<void> {
  const uid = text(get(namespace, kind, name), 'metadata.uid');
  assert.notEqual(uid, '', `${kind} ${name} is there`);
  const startedMs = performance.now();
  kubectl(['delete', kind, name, '-n', namespace]);
  await waitFor(`${kind} ${name} to come back`, () => {
    const next = text(get(namespace, kind, name), 'metadata.uid');
    return next !== '' && next !== uid;
  });
  say(`${kind} ${name} was back after ${seconds(performance.now() - startedMs)}`);
}
