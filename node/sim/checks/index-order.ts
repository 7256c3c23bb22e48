/**
 * The log is one order of everything, and every answer names its place in it. So each answer can
 * be held against the acknowledged writes up to its index: exactly, and across aggregates, which
 * makes strong reads linearizable over the whole state and lists consistent cuts.
 *
 * Lists of fewer rows than one slice of a query are made from one state.
 */
import type { Evidence } from './evidence.ts';
import { keyName, keyOfName } from './key-model.ts';
import { idOf } from './row.ts';
import { contradiction, entryAt } from './timeline.ts';
import { indexOfToken } from './token.ts';
import type { Call, Operation, Read, Row, Violation } from './types.ts';

const CHECK = 'index order';

export function checkIndexOrder(evidence: Evidence): Violation[] {
  return [
    ...checkVersions(evidence),
    ...checkFreshness(evidence.history.operations),
    ...checkContents(evidence),
  ];
}

/** Versions of acknowledged writes rise with their indexes. */
function checkVersions({ timelines }: Evidence): Violation[] {
  return Array.from(timelines).flatMap(([name, { entries }]) =>
    entries.flatMap((entry, at) => {
      const before = entries[at - 1];
      if (before === undefined) return [];
      if (before.index < entry.index && before.version < entry.version) return [];
      const operations = [before, entry].flatMap(({ operation }) => operation ?? []);
      const message = `${name}: version ${entry.version} at index ${entry.index} comes after version ${before.version} at ${before.index}`;
      return [{ check: CHECK, message, key: keyOfName(name), operations }];
    }),
  );
}

/** Strong answers are not older than any answer before them, sequential ones than their token. */
function checkFreshness(operations: readonly Operation[]): Violation[] {
  const ends = operations
    .flatMap((operation) => {
      const { completed, result } = operation;
      const index = result.kind === 'ok' ? indexOfToken(result.token) : null;
      return completed === null || index === null
        ? []
        : [{ at: completed.order, index, operation }];
    })
    .sort((a, b) => a.at - b.at);
  let newest: (typeof ends)[number] | null = null;
  let next = 0;
  const violations: Violation[] = [];
  for (const operation of operations) {
    for (let end = ends[next]; end !== undefined && end.at < operation.invoked.order; ) {
      if (newest === null || end.index > newest.index) newest = end;
      next += 1;
      end = ends[next];
    }
    const stale = staleness(operation, newest);
    if (stale !== null) violations.push(stale);
  }
  return violations;
}

function staleness(
  operation: Operation,
  newest: { readonly index: number; readonly operation: Operation } | null,
): Violation | null {
  const { call, result } = operation;
  const index = result.kind === 'ok' ? indexOfToken(result.token) : null;
  if (index === null) return null;
  const demanded = demandedIndex(call, newest?.index ?? 0);
  if (index >= demanded) return null;
  const how = 'consistency' in call ? `a ${call.consistency}` : 'a';
  return {
    check: CHECK,
    message: `${how} ${call.kind} of ${call.model} has index ${index}, not ${demanded} or later`,
    key: 'id' in call && call.id !== null ? { model: call.model, id: call.id } : null,
    operations: newest === null ? [operation] : [newest.operation, operation],
  };
}

/** A write takes a place of its own, behind all that was seen before it began. */
function demandedIndex(call: Call, newest: number): number {
  if (call.kind !== 'read' && call.kind !== 'list') return newest + 1;
  const minIndex = indexOfToken(call.minToken) ?? 0;
  return call.consistency === 'strong' ? Math.max(newest, minIndex) : minIndex;
}

/** Every answer shows what the acknowledged writes up to its index made. */
function checkContents(evidence: Evidence): Violation[] {
  return evidence.history.operations.flatMap((operation) => {
    const { call, result } = operation;
    if ((call.kind !== 'read' && call.kind !== 'list') || result.kind !== 'ok') return [];
    const index = indexOfToken(result.token);
    if (index === null) return [];
    if (call.kind === 'list') return checkList(evidence, operation, call, result.rows, index);
    const name = keyName(call.model, call.id);
    const timeline = evidence.timelines.get(name);
    const problem = timeline === undefined ? null : contradiction(timeline, index, result.rows[0]);
    return problem === null ? [] : [violation(operation, name, index, problem)];
  });
}

function checkList(
  { timelines }: Evidence,
  operation: Operation,
  { model, filter }: Extract<Read, { kind: 'list' }>,
  rows: readonly Row[],
  index: number,
): Violation[] {
  const matches = (row: Row) => filter === null || row[filter.field] === filter.value;
  const shown = new Map(rows.map((row) => [keyName(model, idOf(row)), row]));
  const found: Violation[] = [];
  if (shown.size < rows.length) found.push(violation(operation, model, index, 'a row twice'));
  for (const [name, row] of shown) {
    if (!matches(row)) found.push(violation(operation, name, index, 'not what was asked for'));
  }
  for (const [name, timeline] of timelines) {
    if (keyOfName(name).model !== model) continue;
    const entry = entryAt(timeline, index);
    const isHidden = !shown.has(name) && (entry.row === null || !matches(entry.row));
    const mayBeHidden = !shown.has(name) && entry.loose;
    if (isHidden || mayBeHidden) continue;
    const problem = contradiction(timeline, index, shown.get(name));
    if (problem !== null) found.push(violation(operation, name, index, problem));
  }
  return found;
}

function violation(operation: Operation, name: string, index: number, problem: string): Violation {
  const { call } = operation;
  const consistency = 'consistency' in call ? call.consistency : '';
  const key = name.includes('/') ? keyOfName(name) : null;
  const message = `${name}: a ${consistency} ${call.kind} at index ${index} shows ${problem}`;
  return { check: CHECK, message, key, operations: [operation] };
}
