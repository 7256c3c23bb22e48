import type { JsonValue } from '@lithair/crds';
import type { Operation, Row, ToldPast, ToldVersion } from './checks/index.ts';
import type { Machine } from './machine.ts';
import { type ClientWorld, deliver, pathOf } from './workload/index.ts';

/** More versions than a row gets in a run, so that its past is one page. */
const LIMIT = 1000;
const TRIES = 100;
const PAUSE_MS = 100;
const PATIENCE_MS = 10_000;

/** What the API of each machine tells of the past of every aggregate that was written. */
export async function pastsOf(
  world: ClientWorld,
  machines: readonly Machine[],
  operations: readonly Operation[],
): Promise<ToldPast[]> {
  const pasts: ToldPast[] = [];
  const written = [...writtenIn(operations)];
  const rows = written.flatMap(([model, ids]) => [...ids].map((id) => ({ model, id })));
  for (const { model, id } of rows) {
    for (const machine of machines) {
      const past = await pastOf(world, machine, model, id);
      if (past !== null) pasts.push(past);
    }
  }
  return pasts;
}

/** Ids by model: of what came into being, as far as answers tell. */
function writtenIn(operations: readonly Operation[]): Map<string, Set<string>> {
  const written = new Map<string, Set<string>>();
  for (const { call, result } of operations) {
    if (result.kind !== 'ok') continue;
    const ids = written.get(call.model) ?? new Set();
    written.set(call.model, ids);
    for (const { id } of result.rows) if (typeof id === 'string') ids.add(id);
  }
  return written;
}

/** A member that still fetches archives says 503 for a while. Null where there never was a row. */
async function pastOf(
  world: ClientWorld,
  machine: Machine,
  model: string,
  id: string,
): Promise<ToldPast | null> {
  const target = `${pathOf(model)}/${encodeURIComponent(id)}/history?limit=${LIMIT}`;
  const { number: node } = machine;
  const request = { method: 'GET', target, headers: {}, body: '' };
  let last = '';
  for (let tried = 0; tried < TRIES; tried++) {
    const fromMs = logTimeOf(machine);
    const delivery = await deliver(world, node, request, PATIENCE_MS);
    const answer = delivery.kind === 'answer' ? delivery.answer : null;
    if (answer?.status === 200) {
      return {
        node,
        model,
        id,
        versions: versionsIn(answer.body),
        fromMs,
        toMs: logTimeOf(machine),
      };
    }
    if (answer?.status === 404) return null;
    last = answer?.body ?? delivery.kind;
    await new Promise<void>((resolve) => void world.clock.after(PAUSE_MS, resolve));
  }
  throw new Error(`n${node} does not tell the past of ${model} ${id}: ${last}`);
}

function logTimeOf({ core }: Machine): number {
  return core?.consensus?.state?.logTimeMs ?? 0;
}

interface Item {
  readonly version: number;
  readonly at: string;
  readonly data: Readonly<Record<string, JsonValue>> | null;
}

function versionsIn(body: string): ToldVersion[] {
  const page: { readonly data: readonly Item[]; readonly page: { readonly next: string | null } } =
    JSON.parse(body);
  if (page.page.next !== null) throw new Error('a past was longer than its limit');
  return page.data.map(({ version, at, data }) => {
    const row: Row | null = data;
    return { version, atMs: Date.parse(at), data: row };
  });
}
