/** Hand-made histories for the tests of the checks. */
import { type Evidence, gather } from '../evidence.ts';
import { idOf } from '../row.ts';
import type { Constraint, FinalState, History, Operation, Row } from '../types.ts';
import { ITEM } from './operations.ts';

export function history(
  operations: readonly Operation[],
  finalStates: readonly FinalState[] = [],
  constraints: readonly Constraint[] = [],
): History {
  return { operations, finalStates, constraints };
}

export function evidence(
  operations: readonly Operation[],
  finalStates: readonly FinalState[] = [],
): Evidence {
  return gather(history(operations, finalStates));
}

/** What a node holds: items with their versions. */
export function holding(
  node: number,
  rows: readonly (readonly [number, Row])[],
  appliedIndex = 100,
): FinalState {
  const items = new Map(rows.map(([version, row]) => [idOf(row), { version, row }]));
  return { node, appliedIndex, models: new Map([[ITEM, items]]) };
}
