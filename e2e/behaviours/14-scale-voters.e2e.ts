import assert from 'node:assert/strict';
import {
  applyModel,
  at,
  checkLoad,
  events,
  exampleModel,
  get,
  list,
  patch,
  scenario,
  seconds,
  startLoad,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

const WRITES_PER_SECOND = 60;
const SMALL = { size: '256Mi' };

scenario(
  'voters go from 1 to 3 to 5 to 3 and again to 5 under load, and no acknowledged write is lost',
  async ({ namespace, say }) => {
    const cluster = { voters: 1, storage: SMALL };
    await applyModel(namespace, exampleModel('shop', { cluster }));
    const address = text(get(namespace, 'service', 'shop'), 'spec.clusterIP');
    const load = await startLoad(namespace, `http://${address}/api/products`, WRITES_PER_SECOND);
    for (const voters of [3, 5, 3, 5]) {
      load.mark(`to-${voters}`);
      const startedMs = performance.now();
      await scaleTo(namespace, voters);
      say(`${voters} voters after ${seconds(performance.now() - startedMs)}`);
      if (voters === 3) await checkVolumes(namespace);
    }
    const ids = memberIds(namespace);
    say(`members: ${ids.join(', ')}`);
    assert.ok(Math.max(...ids) > 5, 'an id is never used again');
    say(`events: ${events(namespace, 'shop').filter(isAboutScaling).join(' | ')}`);
    checkLoad(await load.stop(), say);
  },
);

async function scaleTo(namespace: string, voters: number): Promise<void> {
  patch(namespace, 'lithairmodel', 'shop', { spec: { cluster: { voters } } });
  await waitReady(namespace, 'shop', 240_000);
  const model = get(namespace, 'lithairmodel', 'shop');
  assert.equal(text(model, 'status.nodeSummary'), `${voters}/${voters}`);
  assert.equal(new Set(memberIds(namespace)).size, voters);
  await waitFor('as many pods', () => {
    const pods = list(namespace, 'pods', 'lithair.dev/cluster=shop');
    return pods.length === voters;
  });
}

/** The default is to retain: what was removed says so, and stays. */
async function checkVolumes(namespace: string): Promise<void> {
  const claims = list(namespace, 'persistentvolumeclaims', 'lithair.dev/cluster=shop');
  const removed = claims.filter((claim) => {
    const annotations = at(claim, 'metadata.annotations');
    return (
      typeof annotations === 'object' && JSON.stringify(annotations).includes('removed-member')
    );
  });
  const names = removed.map((claim) => text(claim, 'metadata.name'));
  if (claims.length === 5) assert.deepEqual(names, ['data-shop-3', 'data-shop-4']);
  else assert.deepEqual(names, []);
}

function memberIds(namespace: string): number[] {
  const nodes = at(get(namespace, 'lithairmodel', 'shop'), 'status.nodes');
  return (Array.isArray(nodes) ? nodes : []).map((node) => Number(text(node, 'memberId')));
}

function isAboutScaling(event: string): boolean {
  return event.includes(' Scaling: ');
}
