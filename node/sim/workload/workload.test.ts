import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualWorld } from '../../consensus/testing/virtual-world.ts';
import { createApi } from '../../http/index.ts';
import { SingleNode } from '../../http/testing/single-node.ts';
import { createMetrics, silentLogger } from '../../telemetry/index.ts';
import { checkHistory, type History } from '../checks/index.ts';
import { callListener, type Delivery, finalStateOf, Workload, workloadSchema } from './index.ts';

const REFUSED = 0.05;
const LOST = 0.1;

/** One node without a log, behind connections that break. */
async function run(seed: number, ms: number): Promise<History> {
  const world = new VirtualWorld(seed);
  const random = () => world.random.fraction();
  const engine = new SingleNode(workloadSchema());
  const { apiListener } = createApi({
    engine,
    auth: { mode: 'open' },
    logger: silentLogger,
    metrics: createMetrics({ processMetrics: false }),
    clock: world.clock,
    admit: () => {},
    version: '0.0.0',
  });
  const pause = () =>
    new Promise<void>((resolve) => {
      world.clock.after(random() * 50, resolve);
    });
  let breaks = true;
  const workload = new Workload({
    nodes: () => [1],
    clock: world.clock,
    random,
    async send(_node, request): Promise<Delivery> {
      await pause();
      if (breaks && random() < REFUSED) return { kind: 'refused' };
      const answer = await callListener(apiListener, request);
      await pause();
      return breaks && random() < LOST ? { kind: 'lost' } : { kind: 'answer', answer };
    },
  });
  await world.run(ms);
  await world.settled(workload.stop(), 200_000);
  breaks = false;
  await world.settled(workload.readAll(), 200_000);
  return workload.history([finalStateOf(1, engine.current)]);
}

test('a correct node keeps every promise to its clients', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const history = await run(seed, 5000);
    assert.deepEqual(checkHistory(history), []);
  }
});

test('all kinds of requests and results occur', async () => {
  const met = new Set<string>();
  for (let seed = 1; seed <= 5; seed++) {
    for (const { call, result, tries } of (await run(seed, 5000)).operations) {
      met.add(`${call.kind} ${result.kind}`);
      if (result.kind === 'failed') met.add(result.code);
      if (tries.some((one) => one.result.kind === 'ok' && one.result.replayed)) met.add('replayed');
    }
  }
  const kinds = ['create', 'bulk', 'put', 'delete', 'read', 'list'];
  const codes = ['not_found', 'already_exists', 'unique_conflict', 'missing_reference'];
  const others = [
    'still_referenced',
    'precondition_failed',
    'replayed',
    'put unknown',
    'put failed',
  ];
  for (const one of [...kinds.map((kind) => `${kind} ok`), ...codes, ...others]) {
    assert.ok(met.has(one), `no ${one}`);
  }
});

test('the same seed gives the same history', async () => {
  assert.deepEqual(outline(await run(3, 3000)), outline(await run(3, 3000)));
});

/** Without the ids of tickets, which come from the machine's randomness here. */
function outline({ operations }: History) {
  return operations.map(({ call, invoked, result }) => [call.kind, invoked, result.kind]);
}
