import assert from 'node:assert/strict';
import {
  applyModel,
  checkLoad,
  conditionOf,
  events,
  exampleModel,
  firstReady,
  get,
  kubectl,
  patch,
  podIdentities,
  scenario,
  seconds,
  startLoad,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

const WRITES_PER_SECOND = 60;

scenario(
  'a changed pod template replaces every pod under load; one that does not work stops at the first',
  async ({ namespace, say }) => {
    const cluster = { voters: 3, readReplicas: 1, storage: { size: '256Mi' } };
    await applyModel(namespace, exampleModel('shop', { cluster }));
    const address = text(get(namespace, 'service', 'shop'), 'spec.clusterIP');
    const load = await startLoad(namespace, `http://${address}/api/products`, WRITES_PER_SECOND);

    const before = podIdentities(namespace, 'shop');
    load.mark('rolling');
    const startedMs = performance.now();
    const resources = { requests: { cpu: '50m' } };
    patch(namespace, 'lithairmodel', 'shop', { spec: { cluster: { resources } } });
    await firstReady(namespace, 'shop', 240_000);
    say(`four pods replaced after ${seconds(performance.now() - startedMs)}`);
    const after = podIdentities(namespace, 'shop');
    for (const name of Object.keys(before)) assert.notEqual(after[name], before[name], name);
    const order = replacedOf(namespace);
    say(`order: ${order.join(', ')}`);
    assert.equal(order[0], 'shop-read-0', 'learners first');
    assert.equal(order.length, 4);
    assert.equal(order.at(-1), handedOverBy(namespace), 'the leader last, which handed over');

    load.mark('broken-image');
    patch(namespace, 'lithairmodel', 'shop', { spec: { cluster: { image: 'lithair/node:none' } } });
    const stuck = await waitFor(
      'the rollout to be stuck',
      () => {
        const condition = conditionOf(get(namespace, 'lithairmodel', 'shop'), 'Progressing');
        return condition.includes('RolloutStuck') ? condition : null;
      },
      180_000,
    );
    say(stuck);
    const kept = podIdentities(namespace, 'shop');
    const touched = Object.keys(after).filter((name) => kept[name] !== after[name]);
    assert.deepEqual(touched, ['shop-read-0'], 'no other pod was touched');
    assert.match(conditionOf(get(namespace, 'lithairmodel', 'shop'), 'QuorumAvailable'), /^True/);

    load.mark('taken-back');
    patch(namespace, 'lithairmodel', 'shop', { spec: { cluster: { image: 'lithair/node:dev' } } });
    await waitReady(namespace, 'shop', 180_000);
    assert.deepEqual(
      Object.entries(podIdentities(namespace, 'shop')).filter(([name, id]) => after[name] !== id)
        .length,
      1,
      'pods that had the good image stayed',
    );

    load.mark('supervised');
    await superviseUpdate(namespace, say);
    checkLoad(await load.stop(), say);
  },
);

/** All but the leader's pod are replaced; that one goes when somebody deletes it. */
async function superviseUpdate(namespace: string, say: (message: string) => void): Promise<void> {
  const before = podIdentities(namespace, 'shop');
  const updatePolicy = { mode: 'Supervised' };
  const resources = { requests: { cpu: '60m' } };
  patch(namespace, 'lithairmodel', 'shop', { spec: { cluster: { updatePolicy, resources } } });
  const pending = await waitFor(
    'the leader to be left to a person',
    () => {
      const condition = conditionOf(get(namespace, 'lithairmodel', 'shop'), 'Progressing');
      return condition.includes('UpdatePending') ? condition : null;
    },
    240_000,
  );
  say(pending);
  const model = await waitReady(namespace, 'shop');
  const leader = text(model, 'status.leader');
  const now = podIdentities(namespace, 'shop');
  const kept = Object.keys(before).filter((name) => now[name] === before[name]);
  assert.deepEqual(kept, [leader], 'the pod of the leader stays, and no other');
  kubectl(['delete', 'pod', leader, '-n', namespace, '--wait=false']);
  await waitFor('the update to be over', () => {
    const condition = conditionOf(get(namespace, 'lithairmodel', 'shop'), 'Progressing');
    return condition.includes('AsSpecified');
  });
  const last = podIdentities(namespace, 'shop');
  const replaced = Object.keys(now).filter((name) => last[name] !== now[name]);
  assert.deepEqual(replaced, [leader], 'nobody else was touched for it');
}

/** Who was last told to hand leadership over. */
function handedOverBy(namespace: string): string | undefined {
  return events(namespace, 'shop')
    .flatMap((event) => {
      const [, name] = /; (shop-\d+) hands leadership to/.exec(event) ?? [];
      return name === undefined ? [] : [name];
    })
    .at(-1);
}

/** The pods in the order in which the Events tell that they were replaced. */
function replacedOf(namespace: string): string[] {
  const found = events(namespace, 'shop').flatMap((event) => {
    const [, name] = /RollingOut: .*; (shop\S*) is replaced/.exec(event) ?? [];
    return name === undefined ? [] : [name];
  });
  return [...new Set(found)];
}
