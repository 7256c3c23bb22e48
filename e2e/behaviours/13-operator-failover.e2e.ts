import assert from 'node:assert/strict';
import {
  applyModel,
  exampleModel,
  get,
  kubectl,
  leaseHolder,
  list,
  OPERATOR_NAMESPACE,
  patch,
  podIdentities,
  podOfHolder,
  scenario,
  seconds,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

scenario('when the leading operator dies, the other one goes on', async ({ namespace, say }) => {
  await applyModel(namespace, exampleModel('shop', { cluster: { voters: 1, storage: SMALL } }));
  const first = await waitFor('two operators', () => {
    const pods = list(OPERATOR_NAMESPACE, 'pods', 'app.kubernetes.io/name=lithair-operator');
    return pods.length === 2 ? leaderPod() : null;
  });
  const before = podIdentities(namespace, 'shop');
  const killedMs = performance.now();
  const kill = ['delete', 'pod', first, '-n', OPERATOR_NAMESPACE, '--grace-period=0', '--force'];
  kubectl(kill);
  patch(namespace, 'lithairmodel', 'shop', { spec: { cluster: { readReplicas: 1 } } });
  const second = await waitFor(
    'another leader',
    () => (leaderPod() === first ? null : leaderPod()),
    60_000,
  );
  say(`killed ${first}: ${second} leads after ${seconds(performance.now() - killedMs)}`);
  await waitReady(namespace, 'shop');
  assert.equal(text(get(namespace, 'lithairmodel', 'shop'), 'status.nodeSummary'), '2/2');
  say(`what was changed meanwhile is done after ${seconds(performance.now() - killedMs)}`);
  const after = podIdentities(namespace, 'shop');
  assert.equal(after['shop-0'], before['shop-0'], 'the member did not notice');
});

const SMALL = { size: '256Mi' };

function leaderPod(): string {
  return podOfHolder(leaseHolder());
}
