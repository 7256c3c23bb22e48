import assert from 'node:assert/strict';
import {
  applyModel,
  at,
  checkLoad,
  exampleModel,
  get,
  killNode,
  kubectl,
  membersOf,
  scenario,
  seconds,
  sleep,
  startLoad,
  startNode,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

const WRITES_PER_SECOND = 80;

scenario(
  'no acknowledged write is lost with the leader`s pod, nor with its machine',
  async (scenario) => {
    const { namespace, say } = scenario;
    await applyModel(namespace, exampleModel('shop'));
    const address = text(get(namespace, 'service', 'shop'), 'spec.clusterIP');
    const load = await startLoad(namespace, `http://${address}/api/products`, WRITES_PER_SECOND);
    say(`8 clients write ${WRITES_PER_SECOND} times a second; ${load.acknowledged()} acknowledged`);

    const first = leaderOf(namespace);
    load.mark('leader-pod-deleted');
    const deletedMs = performance.now();
    kubectl(['delete', 'pod', first, '-n', namespace, '--wait=false']);
    const second = await anotherLeader(namespace, first);
    say(`deleted pod ${first}: ${second} leads`);
    await sleep(2_000);
    await waitReady(namespace, 'shop');
    say(`three nodes Ready again after ${seconds(performance.now() - deletedMs)}`);

    const leader = leaderOf(namespace);
    const machine = text(get(namespace, 'pod', leader), 'spec.nodeName');
    load.mark('leader-machine-killed');
    const killedMs = performance.now();
    killNode(machine);
    try {
      const third = await anotherLeader(namespace, leader);
      say(
        `killed ${machine} with ${leader}: ${third} leads, seen after ${seconds(performance.now() - killedMs)}`,
      );
      const before = load.acknowledged();
      await sleep(15_000);
      assert.ok(load.acknowledged() > before, 'two of three go on writing');
      await waitFor('the status to say so', () => {
        const model = get(namespace, 'lithairmodel', 'shop');
        return text(model, 'status.phase') === 'Degraded' ? membersOf(model) : null;
      });
    } finally {
      startNode(machine);
    }
    load.mark('machine-started');
    const startedMs = performance.now();
    const model = await waitReady(namespace, 'shop', 300_000);
    assert.equal(at(model, 'status.nodeSummary'), '3/3');
    say(`started ${machine}: three nodes Ready after ${seconds(performance.now() - startedMs)}`);
    checkLoad(await load.stop(), say);
  },
);

function leaderOf(namespace: string): string {
  return text(get(namespace, 'lithairmodel', 'shop'), 'status.leader');
}

function anotherLeader(namespace: string, old: string): Promise<string> {
  return waitFor(
    'another leader',
    () => {
      const leader = leaderOf(namespace);
      return leader !== '' && leader !== old ? leader : null;
    },
    90_000,
    200,
  );
}
