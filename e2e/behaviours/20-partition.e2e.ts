import assert from 'node:assert/strict';
import {
  agentNodes,
  applyModel,
  ClientPod,
  checkLoad,
  cutOff,
  exampleModel,
  get,
  kubectl,
  scenario,
  seconds,
  sleep,
  startLoad,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

const CUT_OFF_MS = 20_000;
const PLACE = 'lithair.dev/e2e-place';

scenario(
  'a region with the leader in it is cut off: the others elect one, and nothing acknowledged is lost',
  async ({ namespace, say }) => {
    const nodes = agentNodes().slice(0, 3);
    const regions = nodes.map((node, i) => {
      kubectl(['label', 'node', node, `${PLACE}=place-${i}`, '--overwrite']);
      return { name: `r${i}`, role: 'Voter', nodes: 1, nodeSelector: { [PLACE]: `place-${i}` } };
    });
    const model = exampleModel('shop', { cluster: { regions, storage: { size: '256Mi' } } });
    await applyModel(namespace, model);
    const client = new ClientPod(namespace);
    await client.start();
    const address = text(get(namespace, 'service', 'shop'), 'spec.clusterIP');
    const load = await startLoad(namespace, `http://${address}/api/products`, 60);

    const old = leaderOf(namespace);
    const machine = text(get(namespace, 'pod', old), 'spec.nodeName');
    const oldUrl = `http://${text(get(namespace, 'pod', old), 'status.podIP')}:8080/api/products`;
    load.mark('cut-off');
    const startedMs = performance.now();
    const heal = cutOff(
      machine,
      nodes.filter((node) => node !== machine),
    );
    try {
      const next = await waitFor('another leader', () => {
        const leader = leaderOf(namespace);
        return leader !== '' && leader !== old ? leader : null;
      });
      say(`${old} cut off: ${next} leads, seen after ${seconds(performance.now() - startedMs)}`);
      const before = load.acknowledged();
      const strong = client.request('GET', `${oldUrl}?limit=1`, undefined, {}, 60_000);
      assert.equal(strong.status, 503, 'who was cut off does not claim to be current');
      const local = client.request('GET', `${oldUrl}?limit=1&consistency=eventual`);
      assert.equal(local.status, 200, 'it serves what it has');
      await sleep(Math.max(0, CUT_OFF_MS - (performance.now() - startedMs)));
      assert.ok(load.acknowledged() > before + 100, 'the others go on writing');
    } finally {
      heal();
    }
    load.mark('healed');
    await waitReady(namespace, 'shop', 120_000);
    checkLoad(await load.stop(), say);
  },
);

function leaderOf(namespace: string): string {
  return text(get(namespace, 'lithairmodel', 'shop'), 'status.leader');
}
