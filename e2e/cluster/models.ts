import { apply, at, get, type Json, list, type Manifest, text } from './kubectl.ts';
import { waitFor } from './wait.ts';

/** A LithairModel with one small model; `spec` is merged over it. */
export function exampleModel(name: string, spec: Record<string, unknown> = {}): Manifest {
  return {
    apiVersion: 'lithair.dev/v1alpha1',
    kind: 'LithairModel',
    metadata: { name },
    spec: {
      auth: { mode: 'open' },
      models: [
        {
          name: 'Product',
          fields: [
            { name: 'id', type: 'uuid', primaryKey: true },
            { name: 'name', type: 'string', required: true, maxLength: 200 },
            { name: 'price', type: 'decimal', minimum: 0, index: 'ordered' },
          ],
        },
      ],
      cluster: { voters: 3, storage: { size: '256Mi' } },
      ...spec,
    },
  };
}

/** Applies a model and waits until its cluster is Ready; returns the time that took. */
export async function applyModel(namespace: string, model: Manifest): Promise<number> {
  const startedMs = performance.now();
  apply(namespace, model);
  await waitReady(namespace, model.metadata.name);
  return performance.now() - startedMs;
}

const LOOK_MS = 250;
/** What a test did to pods and machines may not have reached the operator yet. */
const READY_LOOKS = 12;

/** Waits until a model's cluster is Ready in its latest generation, and stays so for 3 s. */
export function waitReady(namespace: string, name: string, timeoutMs = 180_000): Promise<Json> {
  let looks = 0;
  return waitFor(
    `${name} to be Ready`,
    () => {
      const model = readyModel(namespace, name);
      looks = model === null ? 0 : looks + 1;
      return looks >= READY_LOOKS ? model : null;
    },
    timeoutMs,
    LOOK_MS,
  );
}

/** Waits for the very first status that calls a model's latest generation Ready. */
export function firstReady(namespace: string, name: string, timeoutMs: number): Promise<Json> {
  const what = `${name} to be Ready for the first time`;
  return waitFor(what, () => readyModel(namespace, name), timeoutMs, LOOK_MS);
}

/** A model as it is; null where it is not Ready in its latest generation. */
function readyModel(namespace: string, name: string): Json | null {
  const model = get(namespace, 'lithairmodel', name);
  if (model === null) return null;
  const isCurrent = at(model, 'status.observedGeneration') === at(model, 'metadata.generation');
  return isCurrent && text(model, 'status.phase') === 'Ready' ? model : null;
}

/** Members as the status names them: `shop-0 leader ready`. */
export function membersOf(model: Json): string[] {
  const nodes = at(model, 'status.nodes');
  return (Array.isArray(nodes) ? nodes : []).map(
    (node) => `${text(node, 'name')} ${text(node, 'role')} ${at(node, 'ready') ? 'ready' : 'down'}`,
  );
}

/** Which pods these are: uid and restarts, so that a replaced or restarted one shows. */
export function podIdentities(namespace: string, name: string): Record<string, string> {
  const pods = list(namespace, 'pods', `lithair.dev/cluster=${name}`);
  return Object.fromEntries(
    pods.map((pod) => [
      text(pod, 'metadata.name'),
      `${text(pod, 'metadata.uid')} ${text(pod, 'status.containerStatuses.0.restartCount')}`,
    ]),
  );
}
