import assert from 'node:assert/strict';
import {
  applyModel,
  checkLoad,
  exampleModel,
  get,
  kubectl,
  list,
  scenario,
  seconds,
  startLoad,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

scenario(
  'all pods restarted at once come back with other addresses and all that was acknowledged',
  async ({ namespace, say }) => {
    const cluster = { voters: 3, readReplicas: 1, storage: { size: '256Mi' } };
    await applyModel(namespace, exampleModel('shop', { cluster }));
    const address = text(get(namespace, 'service', 'shop'), 'spec.clusterIP');
    const load = await startLoad(namespace, `http://${address}/api/products`, 60);
    const before = addressesOf(namespace);
    load.mark('all-killed');
    const killedMs = performance.now();
    const all = ['-l', 'lithair.dev/cluster=shop', '-n', namespace];
    kubectl(['delete', 'pods', ...all, '--grace-period=0', '--force']);
    await waitFor('four new pods', () => Object.keys(addressesOf(namespace)).length === 4);
    await waitReady(namespace, 'shop', 180_000);
    const after = addressesOf(namespace);
    say(`Ready again after ${seconds(performance.now() - killedMs)}`);
    say(`addresses: ${JSON.stringify(before)} then ${JSON.stringify(after)}`);
    assert.ok(Object.keys(before).every((name) => before[name] !== after[name]));
    checkLoad(await load.stop(), say);
  },
);

function addressesOf(namespace: string): Record<string, string> {
  const pods = list(namespace, 'pods', 'lithair.dev/cluster=shop');
  return Object.fromEntries(
    pods
      .map((pod) => [text(pod, 'metadata.name'), text(pod, 'status.podIP')])
      .filter(([, ip]) => ip !== ''),
  );
}
