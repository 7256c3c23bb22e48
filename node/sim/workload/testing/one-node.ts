import { compileSchema } from '@lithair/crds';
import { VirtualWorld } from '../../../consensus/testing/virtual-world.ts';
import { createApi } from '../../../http/index.ts';
import { SingleNode } from '../../../http/testing/single-node.ts';
import { createMetrics, LogSink, silentLogger, Tracer } from '../../../telemetry/index.ts';
import type { FinalState, History } from '../../checks/index.ts';
import {
  type Answer,
  callListener,
  type Delivery,
  finalStateOf,
  type Request,
  Workload,
  workloadSpec,
} from '../index.ts';

const REFUSED = 0.05;
const LOST = 0.1;

/** How a request reaches the node; a test may get in between. */
export type Serve = (request: Request) => Promise<Answer>;

export interface Faults {
  /** Wraps the node. `random` is the world's. */
  readonly around?: (serve: Serve, random: () => number) => Serve;
  /** Changes what the node holds in the end. */
  readonly atEnd?: (state: FinalState) => FinalState;
}

/** Clients of one node without a log, behind connections that break. */
export async function runOneNode(seed: number, ms: number, faults: Faults = {}): Promise<History> {
  const world = new VirtualWorld(seed);
  const random = () => world.random.fraction();
  const engine = new SingleNode(compileSchema(workloadSpec()));
  const { apiListener } = createApi({
    engine,
    readSecret: () => Promise.reject(new Error('there are no secrets')),
    logger: silentLogger,
    metrics: createMetrics({ processMetrics: false }),
    tracer: new Tracer(world.clock, world.random, new LogSink(silentLogger)),
    clock: world.clock,
    admit: () => {},
    version: '0.0.0',
  });
  const direct: Serve = (request) => callListener(apiListener, request);
  const serve = faults.around?.(direct, random) ?? direct;
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
      const answer = await serve(request);
      await pause();
      return breaks && random() < LOST ? { kind: 'lost' } : { kind: 'answer', answer };
    },
  });
  await world.run(ms);
  await world.settled(workload.stop(), 200_000);
  breaks = false;
  await world.settled(workload.readAll(), 200_000);
  const state = finalStateOf(1, engine.current);
  return workload.history([faults.atEnd?.(state) ?? state]);
}
