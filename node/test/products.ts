import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileSchema, readModelFile } from '@lithair/crds';
import { productBody } from '../bench/product.ts';
import { LeaderSession } from '../command/index.ts';
import { createState, type ReplicatedState } from '../state/index.ts';
import { random } from './random.ts';

const MODEL = join(import.meta.dirname, '..', 'bench', 'model.yaml');
const NOW_MS = Date.UTC(2026, 0, 1);

/** A state with so many products in it, made by the commands that make them in a node. */
export function stateOfProducts(count: number): ReplicatedState {
  const read = readModelFile(readFileSync(MODEL, 'utf8'), MODEL);
  if (!read.ok) throw new Error('the bench model is not valid');
  const state = createState({
    clusterId: 'c',
    epoch: 1,
    schema: compileSchema(read.value.spec),
    members: [{ id: 1, name: 'n1', address: 'a:1', diskUuid: 'd', intent: 'voter' }],
    nowMs: NOW_MS,
  });
  const session = new LeaderSession(state, 1);
  const fraction = random(1);
  const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, () => fraction() * 256);
  for (let n = 0; n < count; n += 1) createProduct(session, state, n, bytes);
  return state;
}

function createProduct(
  session: LeaderSession,
  state: ReplicatedState,
  n: number,
  bytes: (n: number) => Uint8Array,
): void {
  const execution = session.execute(
    {
      command: { kind: 'create', model: 'Product', body: JSON.parse(productBody(n)) },
      actor: { subject: 'anonymous', method: 'none', roles: [] },
      schemaVersion: state.schemaVersion,
      idempotency: null,
      timeoutMs: 1000,
    },
    NOW_MS + n,
    bytes,
  );
  if (execution.kind !== 'propose') throw new Error('a product was not proposed');
  const index = Math.max(2, state.appliedIndex + 1);
  session.proposed(execution.ticket, index);
  state.apply(index, 1, execution.data);
  session.applied(index);
}
