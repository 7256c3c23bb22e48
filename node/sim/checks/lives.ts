import type { LifeAnswer, LifeAttempt, LifeCall } from '../workload/index.ts';
import { isOver, type LifeRow, type LifeRows, type LifeRules } from './life-step.ts';
import { fieldText, idOf, stampOf, textOf } from './row.ts';
import { indexOfToken } from './token.ts';
import { type Row, STAMP } from './types.ts';

/** What clients of rows with declared lives were told, and what the log made of these rows. */
export interface LivesRun {
  readonly attempts: readonly LifeAttempt[];
  /** Every index that changed something, in the order of the log. */
  readonly tale: readonly LifeRows[];
  /** Whether there is no more to the log than the tale. */
  readonly isWhole: boolean;
  /** The rows at an index; null where that is not known. */
  readonly at: (index: number) => LifeRows | null;
  readonly rules: LifeRules;
}

type Write = Extract<LifeCall, { kind: 'write' }>;
type List = Extract<LifeCall, { kind: 'list' }>;

/** Whether every answer tells what the log says, and every write did what its answer says. */
export function checkLives(run: LivesRun): string[] {
  const births = birthsIn(run.tale);
  return run.attempts.flatMap((attempt) => [
    ...checkCode(attempt),
    ...checkBirths(run, attempt, births),
    ...checkAnswer(run, attempt),
  ]);
}

const ROWS = ['unique_conflict', 'missing_reference', 'transition_refused'];
const CODES: Readonly<Record<string, readonly string[]>> = {
  read: [],
  list: [],
  create: [...ROWS, 'already_exists'],
  put: [...ROWS, 'not_found'],
  patch: [...ROWS, 'not_found'],
  delete: ['not_found'],
  restore: ['not_found', 'already_exists', 'unique_conflict', 'missing_reference'],
  purge: ['not_found'],
};

function checkCode({ call, result, answer }: LifeAttempt): string[] {
  if (result === 'done' || answer === null || answer.code === null) return [];
  const expected = CODES[call.kind === 'write' ? call.verb : call.kind] ?? [];
  if (expected.includes(answer.code)) return [];
  return [`${told(call)} was answered with ${answer.status} ${answer.code}`];
}

/** How often each stamp came to stand in a row that did not have it. */
function birthsIn(tale: readonly LifeRows[]): ReadonlyMap<string, number> {
  const births = new Map<string, number>();
  let before: LifeRows | null = null;
  for (const rows of tale) {
    for (const stamp of bornIn(before, rows)) births.set(stamp, (births.get(stamp) ?? 0) + 1);
    before = rows;
  }
  return births;
}

/** A row that comes back has the stamp that it had. */
function bornIn(before: LifeRows | null, { models }: LifeRows): string[] {
  return (['Parcel', 'Lease', 'Remark'] as const).flatMap((model) =>
    [...models[model]].flatMap(([id, { row }]) => {
      const kept = model === 'Parcel' ? before?.models.ParcelDeleted.get(id) : undefined;
      const olds = [before?.models[model].get(id), kept];
      const stamp = stampOf(row);
      return olds.some((old) => old !== undefined && stampOf(old.row) === stamp) ? [] : [stamp];
    }),
  );
}

function checkBirths(
  { isWhole }: LivesRun,
  { call, result }: LifeAttempt,
  births: ReadonlyMap<string, number>,
): string[] {
  if (call.kind !== 'write' || call.body === null) return [];
  const count = births.get(stampOf(call.body)) ?? 0;
  if (count > 1) return [`${told(call)} was done ${count} times`];
  if (result === 'refused' && count > 0) return [`${told(call)} was refused, and done`];
  if (result === 'done' && count === 0 && isWhole) return [`${told(call)} is done nowhere`];
  return [];
}

function checkAnswer(run: LivesRun, { call, result, answer }: LifeAttempt): string[] {
  const index = indexOfToken(answer?.token ?? null);
  const rows = index === null ? null : run.at(index);
  if (result !== 'done' || answer === null) return [];
  if (index === null) return [`${told(call)} was answered without a session token`];
  if (rows === null) return [];
  const problem = problemOf(run, call, answer, rows);
  return problem === null ? [] : [`${told(call)} by n${answer.node} at index ${index}: ${problem}`];
}

function problemOf(run: LivesRun, call: LifeCall, answer: LifeAnswer, at: LifeRows): string | null {
  switch (call.kind) {
    case 'write':
      return ofWrite(call, answer, at);
    case 'read': {
      const held = at.models[call.model].get(call.id);
      return ofRow(run, call, answer, held, answer.rows[0], at);
    }
    case 'list':
      return ofList(run, call, answer, at);
  }
}

function ofWrite({ verb, id, body }: Write, answer: LifeAnswer, at: LifeRows): string | null {
  const { ParcelDeleted } = at.models;
  if (verb === 'purge') return ParcelDeleted.has(id) ? 'the deleted row is still there' : null;
  const held = heldAt(at, id);
  if (verb === 'delete') return held === undefined ? null : 'the row is still there';
  const [row] = answer.rows;
  if (held === undefined || row === undefined || !isSame(held.row, row)) {
    return `${shown(row)} was told, and ${shown(held?.row)} is there`;
  }
  if (answer.version !== held.version) return `version ${answer.version} is ${held.version}`;
  const lost = Object.keys(body ?? {}).filter((name) => row[name] !== body?.[name]);
  return lost.length === 0 ? null : `${lost.join(', ')} was sent, and ${shown(row)} is there`;
}

function isSame(one: Row, other: Row): boolean {
  return textOf(one) === textOf(other);
}

function heldAt({ models: { Parcel, Lease, Remark } }: LifeRows, id: string): LifeRow | undefined {
  return Parcel.get(id) ?? Lease.get(id) ?? Remark.get(id);
}

/** A row whose time has come by log time is shown by nobody; by a node's clock it may be hidden. */
function ofRow(
  { rules }: LivesRun,
  { model }: LifeCall,
  { reachedMs }: LifeAnswer,
  held: LifeRow | undefined,
  row: Row | undefined,
  { timeMs }: LifeRows,
): string | null {
  if (row === undefined) {
    const hidesFromMs = Math.max(reachedMs, timeMs);
    const mayHide = held === undefined || isOver(rules, model, held.row, hidesFromMs);
    return mayHide ? null : `${shown(held.row)} is there, and not shown`;
  }
  if (held === undefined || textOf(held.row) !== textOf(row)) {
    return `${shown(row)} is shown, and ${shown(held?.row)} is there`;
  }
  return isOver(rules, model, row, timeMs) ? `${shown(row)} is shown, and over` : null;
}

function ofList(run: LivesRun, call: List, answer: LifeAnswer, at: LifeRows): string | null {
  const told = new Map(answer.rows.map((row) => [idOf(row), row]));
  const held = new Map([...at.models[call.model]].filter(([, { row }]) => fits(row, call.where)));
  for (const id of new Set([...told.keys(), ...held.keys()])) {
    const problem = ofRow(run, call, answer, held.get(id), told.get(id), at);
    if (problem !== null) return problem;
  }
  return isSorted(answer.rows, call.sort) ? null : `not in the order of ${call.sort}`;
}

function fits(row: Row, where: Row): boolean {
  return Object.entries(where).every(([name, value]) => row[name] === value);
}

/** Where values are; those that are none come together. */
function isSorted(rows: readonly Row[], field: string): boolean {
  const values = rows.flatMap(({ [field]: value }) =>
    typeof value === 'string' || typeof value === 'number' ? [value] : [],
  );
  return values.every((value, at) => {
    const next = values[at + 1];
    return next === undefined || value <= next;
  });
}

function shown(row: Row | undefined): string {
  return row === undefined ? 'nothing' : textOf(row);
}

function told(call: LifeCall): string {
  if (call.kind === 'list') return `a list of ${call.model}`;
  if (call.kind === 'read') return `a read of ${call.model} ${call.id}`;
  const stamp = call.body === null ? '' : ` ${fieldText(call.body, STAMP)}`;
  return `${call.verb} of ${call.model} ${call.id}${stamp}`;
}
