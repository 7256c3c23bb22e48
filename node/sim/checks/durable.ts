import { type Evidence, targetsOf } from './evidence.ts';
import { keyOfName } from './key-model.ts';
import { contradiction, type Entry, entryAt, type Timeline } from './timeline.ts';
import type { FinalState, HeldRow, Violation } from './types.ts';

/** What every node holds in the end is what the acknowledged writes made. */
export function checkDurable({ history, timelines }: Evidence): Violation[] {
  return history.finalStates.flatMap((state) =>
    Array.from(timelines).flatMap(([name, timeline]) => lossIn(state, name, timeline)),
  );
}

function lossIn({ node, models }: FinalState, name: string, timeline: Timeline): Violation[] {
  const key = keyOfName(name);
  const held = models.get(key.model)?.get(key.id);
  const last = entryAt(timeline, Number.POSITIVE_INFINITY);
  const problem =
    contradiction(timeline, Number.POSITIVE_INFINITY, held?.row) ?? regression(held, last);
  if (problem === null) return [];
  const message = `${name}: node ${node} holds ${problem} at the end`;
  const operations = last.operation === null ? [] : [last.operation];
  return [{ check: 'durable', message, key, operations }];
}

function regression(held: HeldRow | undefined, last: Entry): string | null {
  if (held === undefined || held.version >= last.version) return null;
  return `version ${held.version} where ${last.version} was acknowledged`;
}

/** A bulk that nobody else interfered with is there as a whole, or not at all. */
export function checkAtomic({ history }: Evidence): Violation[] {
  const writers = new Map<string, number>();
  for (const operation of history.operations) {
    for (const name of targetsOf(operation)) writers.set(name, (writers.get(name) ?? 0) + 1);
  }
  return history.operations.flatMap((operation) => {
    const names = targetsOf(operation);
    const isAlone = names.every((name) => writers.get(name) === 1);
    if (operation.call.kind !== 'bulk' || !isAlone) return [];
    return history.finalStates.flatMap(({ node, models }) => {
      const there = names.filter((name) => {
        const { model, id } = keyOfName(name);
        return models.get(model)?.has(id) ?? false;
      });
      if (there.length === 0 || there.length === names.length) return [];
      const message = `node ${node} holds ${there.length} of the ${names.length} rows of a bulk`;
      return [{ check: 'atomic', message, key: null, operations: [operation] }];
    });
  });
}
