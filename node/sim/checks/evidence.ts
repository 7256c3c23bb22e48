import { byKey, type KeyOperation, keyName } from './key-model.ts';
import { idOf, stampOf } from './row.ts';
import { buildTimeline, type Timeline } from './timeline.ts';
import type { Call, History, Operation, Row } from './types.ts';

/** A row as somebody saw it. */
export interface Sighting {
  readonly model: string;
  readonly row: Row;
  /** Null in lists and answers to bulks. */
  readonly version: number | null;
  /** Null where it stands in a node's state at the end. */
  readonly operation: Operation | null;
}

/** One body that was sent. */
export interface Written {
  readonly operation: Operation;
  readonly body: Row;
}

/** A history, arranged once for all checks. */
export interface Evidence {
  readonly history: History;
  readonly keys: ReadonlyMap<string, readonly KeyOperation[]>;
  /** What is known of each aggregate by log index, by model and id. */
  readonly timelines: ReadonlyMap<string, Timeline>;
  /** Bodies by the stamp that they set. */
  readonly bodies: ReadonlyMap<string, Written>;
  readonly sightings: readonly Sighting[];
}

export function gather(history: History): Evidence {
  const operations = history.operations.map(asPromised);
  const keys = byKey(operations);
  const timelines = new Map(Array.from(keys, ([name, all]) => [name, buildTimeline(all)]));
  return {
    history: { ...history, operations },
    keys,
    timelines,
    bodies: new Map(operations.flatMap(writtenBy)),
    sightings: [...operations.flatMap(sightingsOf), ...finalSightings(history)],
  };
}

/** A write that a leader alone has on its disk may be lost: nothing was promised. */
function asPromised(operation: Operation): Operation {
  const { call, result } = operation;
  const isRead = call.kind === 'read' || call.kind === 'list';
  if (isRead || result.kind !== 'ok' || result.durability === 'quorum') return operation;
  return { ...operation, completed: null, result: { kind: 'unknown', reason: 'leader only' } };
}

/** The bodies of a call, which may have been stored. */
function bodiesOf(call: Call): readonly Row[] {
  if (call.kind === 'bulk') return call.bodies;
  return 'body' in call ? [call.body] : [];
}

/** The rows that a write may have changed; none where the server chose the id and never told it. */
export function targetsOf({ call }: Operation): readonly string[] {
  if (call.kind === 'bulk') return call.bodies.map((body) => keyName(call.model, idOf(body)));
  if (call.kind === 'list' || call.kind === 'read' || call.id === null) return [];
  return [keyName(call.model, call.id)];
}

function writtenBy(operation: Operation): [string, Written][] {
  return bodiesOf(operation.call).map((body) => [stampOf(body), { operation, body }]);
}

function sightingsOf(operation: Operation): Sighting[] {
  const { call, tries } = operation;
  return tries.flatMap(({ result }) =>
    result.kind === 'ok'
      ? result.rows.map((row) => ({ model: call.model, row, version: result.version, operation }))
      : [],
  );
}

function finalSightings({ finalStates }: History): Sighting[] {
  return finalStates.flatMap(({ models }) =>
    Array.from(models).flatMap(([model, rows]) =>
      Array.from(rows.values(), ({ row, version }) => ({ model, row, version, operation: null })),
    ),
  );
}
