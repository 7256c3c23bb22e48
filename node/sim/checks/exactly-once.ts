import type { Evidence, Sighting, Written } from './evidence.ts';
import { keyName } from './key-model.ts';
import { idOf, stampOf, textOf } from './row.ts';
import { indexOfToken } from './token.ts';
import type { Operation, Result, Row, Violation } from './types.ts';

const CHECK = 'exactly once';

/**
 * A write that was sent several times took effect once, and one that was refused never: each stamp
 * was stored under one id and in one version, and all answers to one key tell the same.
 */
export function checkExactlyOnce(evidence: Evidence): Violation[] {
  return [
    ...evidence.history.operations.flatMap(checkAnswers),
    ...checkStamps(evidence),
    ...checkRows(evidence),
  ];
}

function checkAnswers(operation: Operation): Violation[] {
  const answers = operation.tries.flatMap(({ result }) => (result.kind === 'ok' ? [result] : []));
  const told = new Set(answers.map(textOfAnswer));
  const executed = answers.filter(({ replayed }) => !replayed).length;
  if (told.size <= 1 && executed <= 1) return [];
  const what =
    executed > 1 ? `was executed ${executed} times` : `got ${told.size} different answers`;
  return [violation(`a ${operation.call.kind} with a key ${what}`, operation)];
}

function textOfAnswer({ version, rows, token }: Extract<Result, { kind: 'ok' }>): string {
  return `${version} ${indexOfToken(token)} ${rows.map(textOf).join()}`;
}

/** Each stamp names one write, so two versions or two ids with it are two executions. */
function checkStamps({ sightings, bodies }: Evidence): Violation[] {
  const ids = new Map<string, string>();
  const versions = new Map<string, number>();
  const twice = new Map<string, string>();
  for (const sighting of sightings) {
    const problem = repetition(sighting, ids, versions);
    if (problem !== null) twice.set(stampOf(sighting.row), problem);
  }
  return Array.from(twice, ([stamp, problem]) =>
    violation(`stamp ${stamp} ${problem}`, bodies.get(stamp)?.operation ?? null),
  );
}

function repetition(
  { model, row, version }: Sighting,
  ids: Map<string, string>,
  versions: Map<string, number>,
): string | null {
  const stamp = stampOf(row);
  const name = keyName(model, idOf(row));
  const id = ids.get(stamp) ?? name;
  ids.set(stamp, id);
  if (id !== name) return `is in ${id} and in ${name}`;
  if (version === null) return null;
  const known = versions.get(stamp) ?? version;
  versions.set(stamp, known);
  return known === version ? null : `has versions ${known} and ${version} of ${name}`;
}

/** Whatever was seen anywhere was written, as it stands, by a write that was not refused. */
function checkRows({ sightings, bodies }: Evidence): Violation[] {
  const phantoms = new Map<string, Violation>();
  for (const { model, row, operation } of sightings) {
    const stamp = stampOf(row);
    if (phantoms.has(stamp)) continue;
    const written = bodies.get(stamp);
    const source = written?.operation ?? null;
    if (written === undefined) {
      phantoms.set(stamp, violation(`${model}: nobody wrote ${textOf(row)}`, operation));
    } else if (written.operation.result.kind === 'failed') {
      phantoms.set(stamp, violation(`${textOf(row)} was refused, and is there`, source));
    } else if (!isMadeOf(row, written)) {
      phantoms.set(stamp, violation(`${textOf(row)} is not what was written`, source));
    }
  }
  return [...phantoms.values()];
}

/** A patch says only some fields; a body without an id gets one. */
function isMadeOf(row: Row, { body, operation: { call } }: Written): boolean {
  const same = Object.entries(body).every(
    ([name, value]) => JSON.stringify(row[name]) === JSON.stringify(value),
  );
  if (!same) return false;
  if (call.kind === 'patch') return call.id === idOf(row);
  const made = 'id' in body ? 0 : 1;
  return Object.keys(row).length === Object.keys(body).length + made;
}

function violation(message: string, operation: Operation | null): Violation {
  const call = operation?.call;
  const id = call !== undefined && 'id' in call ? call.id : null;
  const key = call === undefined || id === null ? null : { model: call.model, id };
  return { check: CHECK, message, key, operations: operation === null ? [] : [operation] };
}
