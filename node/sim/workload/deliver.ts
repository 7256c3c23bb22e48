import type { ClientWorld, Delivery, Request } from './world.ts';

/** Sends a request; what has not come back after a while is lost, whatever becomes of it. */
export function deliver(
  world: ClientWorld,
  node: number,
  request: Request,
  patienceMs: number,
): Promise<Delivery> {
  return new Promise((resolve) => {
    const timer = world.clock.after(patienceMs, () => resolve({ kind: 'lost' }));
    void world
      .send(node, request)
      .then(resolve)
      .finally(() => timer.cancel());
  });
}
