import assert from 'node:assert/strict';
import {
  agentNodes,
  applyModel,
  at,
  ClientPod,
  checkLoad,
  conditionOf,
  cutOff,
  exampleModel,
  get,
  type Json,
  kubectl,
  list,
  membersOf,
  scenario,
  seconds,
  sleep,
  startLoad,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

const CUT_OFF_MS = 125_000;
const REGION = 'topology.kubernetes.io/region';

scenario(
  'a region of learners that is cut off for two minutes keeps serving what it has, and catches up',
  async ({ namespace, say }) => {
    const [far, ...near] = agentNodes();
    assert.ok(far !== undefined && near.length >= 2);
    for (const node of near) label(node, 'eu');
    label(far, 'us');
    const regions = [
      { name: 'eu', role: 'Voter', nodes: 3, nodeSelector: { [REGION]: 'eu' } },
      { name: 'us', role: 'Learner', nodes: 1, nodeSelector: { [REGION]: 'us' } },
    ];
    const model = exampleModel('shop', { cluster: { regions, storage: { size: '256Mi' } } });
    const readyMs = await applyModel(namespace, model);
    const members = membersOf(await waitReady(namespace, 'shop'));
    say(`two regions Ready after ${seconds(readyMs)}: ${members.join(', ')}`);
    checkPlaces(namespace, far);

    const client = new ClientPod(namespace);
    await client.start();
    const learner = `http://${podIp(namespace, 'shop-us-0')}:8080/api/products`;
    const address = text(get(namespace, 'service', 'shop'), 'spec.clusterIP');
    const load = await startLoad(namespace, `http://${address}/api/products`, 40);
    await waitFor('the learner to have rows', () => countOf(client, learner) > 0);

    load.mark('cut-off');
    const startedMs = performance.now();
    const heal = cutOff(far, near);
    try {
      const atCut = load.acknowledged();
      await waitFor('the status to tell the lag', () => {
        const node = nodeOf(namespace, 'shop-us-0');
        const isTold = Number(at(node, 'lag')) > 0 && Number(at(node, 'lagBytes')) > 0;
        return isTold && Number(at(node, 'lagSeconds')) >= 20 ? node : null;
      });
      say(`lag told: ${JSON.stringify(nodeOf(namespace, 'shop-us-0'))}`);
      assert.ok(countOf(client, learner) > 0, 'the region serves what it has');
      const strong = client.request('GET', `${learner}?limit=1`, undefined, {}, 60_000);
      assert.equal(strong.status, 503, 'and does not claim that it is current');
      await sleep(Math.max(0, CUT_OFF_MS - (performance.now() - startedMs)));
      assert.ok(load.acknowledged() > atCut + 500, 'the voters go on');
      const degraded = conditionOf(get(namespace, 'lithairmodel', 'shop'), 'Degraded');
      assert.match(degraded, /^True MembersBehind: .*shop-us-0/);
    } finally {
      heal();
    }
    load.mark('healed');
    const healedMs = performance.now();
    await waitReady(namespace, 'shop', 120_000);
    await waitFor('the learner to catch up', () => {
      const behind = load.acknowledged() - countOf(client, learner);
      return behind < 400;
    });
    say(`caught up ${seconds(performance.now() - healedMs)} after the partition ended`);
    checkLoad(await load.stop(), say);
    const rows = countOf(client, `http://${address}/api/products`);
    await waitFor('the learner to have every row', () => countOf(client, learner) === rows);
  },
);

function label(node: string, region: string): void {
  kubectl(['label', 'node', node, `${REGION}=${region}`, '--overwrite']);
}

function checkPlaces(namespace: string, far: string): void {
  const pods = list(namespace, 'pods', 'lithair.dev/cluster=shop');
  for (const pod of pods) {
    const isFar = text(pod, 'spec.nodeName') === far;
    assert.equal(isFar, text(pod, 'metadata.name') === 'shop-us-0', text(pod, 'metadata.name'));
  }
}

function podIp(namespace: string, name: string): string {
  return text(get(namespace, 'pod', name), 'status.podIP');
}

function nodeOf(namespace: string, name: string): Json {
  const nodes = at(get(namespace, 'lithairmodel', 'shop'), 'status.nodes');
  return (Array.isArray(nodes) ? nodes : []).find((node) => text(node, 'name') === name) ?? null;
}

/** Rows as one node has them, however old. */
function countOf(client: ClientPod, url: string): number {
  const { body } = client.request('GET', `${url}?limit=1&count=true&consistency=eventual`);
  return Number(at(body, 'page.total') ?? 0);
}
