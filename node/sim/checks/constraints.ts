import type { Constraint, FinalState, History, Operation, Row, Violation } from './types.ts';

/** Unique values are unique in every list and state; references point to rows in every state. */
export function checkConstraints(history: History): Violation[] {
  return history.constraints.flatMap((constraint) => [
    ...history.finalStates.flatMap((state) => checkState(state, constraint)),
    ...history.operations.flatMap((operation) => checkList(operation, constraint)),
  ]);
}

function checkState(state: FinalState, constraint: Constraint): Violation[] {
  const rows = rowsOf(state, constraint.model);
  const where = `node ${state.node}`;
  if (constraint.kind === 'unique') return clashes(rows, constraint, where, null);
  const targets = new Set(state.models.get(constraint.to)?.keys());
  return rows.flatMap((row) => {
    const value = row[constraint.field] ?? null;
    if (value === null || (typeof value === 'string' && targets.has(value))) return [];
    const what = `${JSON.stringify(row['id'])} refers to ${JSON.stringify(value)}`;
    const message = `${where}: ${constraint.model} ${what}, which is not there`;
    return [{ check: 'constraints', message, key: null, operations: [] }];
  });
}

function rowsOf({ models }: FinalState, model: string): Row[] {
  return Array.from(models.get(model)?.values() ?? [], ({ row }) => row);
}

function checkList(operation: Operation, constraint: Constraint): Violation[] {
  const { call, result } = operation;
  if (constraint.kind !== 'unique' || call.kind !== 'list' || call.model !== constraint.model) {
    return [];
  }
  return result.kind === 'ok' ? clashes(result.rows, constraint, 'a list', operation) : [];
}

function clashes(
  rows: readonly Row[],
  { model, field }: Constraint,
  where: string,
  operation: Operation | null,
): Violation[] {
  const ids = new Map<string, string>();
  return rows.flatMap((row) => {
    const value = row[field] ?? null;
    if (value === null) return [];
    const text = JSON.stringify(value);
    const id = JSON.stringify(row['id']);
    const other = ids.get(text);
    ids.set(text, id);
    if (other === undefined) return [];
    const message = `${where}: ${model} ${other} and ${id} have the same ${field}, ${text}`;
    const operations = operation === null ? [] : [operation];
    return [{ check: 'constraints', message, key: null, operations }];
  });
}
