import assert from 'node:assert/strict';
import {
  applyModel,
  at,
  checkLoad,
  events,
  exampleModel,
  get,
  kubectl,
  scenario,
  seconds,
  startLoad,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

scenario(
  'a member whose volume is gone for good is replaced by a new one',
  async ({ namespace, say }) => {
    await applyModel(namespace, exampleModel('shop'));
    const address = text(get(namespace, 'service', 'shop'), 'spec.clusterIP');
    const load = await startLoad(namespace, `http://${address}/api/products`, 60);
    const lost = memberNotLeading(namespace);
    const before = memberId(namespace, lost);
    load.mark('volume-lost');
    const startedMs = performance.now();
    kubectl(['delete', 'pvc', `data-${lost}`, '-n', namespace, '--wait=false']);
    kubectl(['delete', 'pod', lost, '-n', namespace, '--wait=false']);
    const after = await waitFor(
      'a new member',
      () => {
        const id = memberId(namespace, lost);
        return id !== '' && id !== before ? id : null;
      },
      120_000,
    );
    await waitReady(namespace, 'shop', 120_000);
    say(
      `${lost}: member ${before}, then ${after}, Ready after ${seconds(performance.now() - startedMs)}`,
    );
    const told = events(namespace, 'shop').filter((event) => event.includes('ReplacingMember'));
    say(told.join(' | '));
    assert.equal(told.length > 0, true);
    checkLoad(await load.stop(), say);
  },
);

function memberNotLeading(namespace: string): string {
  const leader = text(get(namespace, 'lithairmodel', 'shop'), 'status.leader');
  return ['shop-2', 'shop-1'].find((name) => name !== leader) ?? '';
}

function memberId(namespace: string, name: string): string {
  const nodes = at(get(namespace, 'lithairmodel', 'shop'), 'status.nodes');
  const found = (Array.isArray(nodes) ? nodes : []).find((node) => text(node, 'name') === name);
  return found === undefined ? '' : text(found, 'memberId');
}
