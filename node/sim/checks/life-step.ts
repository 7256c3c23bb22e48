import { fieldText, textOf } from './row.ts';
import { type Row, STAMP } from './types.ts';

/** A row with its version. */
export interface LifeRow {
  readonly version: number;
  readonly row: Row;
}

/** All rows with declared lives as one index of the log left them. */
export interface LifeRows {
  readonly index: number;
  /** Log time, epoch milliseconds. */
  readonly timeMs: number;
  readonly models: Readonly<Record<LifeRowsModel, ReadonlyMap<string, LifeRow>>>;
  /** Values of parcels and leases that are kept as used. */
  readonly used: number;
}
export type LifeRowsModel = 'Parcel' | 'ParcelDeleted' | 'Lease' | 'Remark';

/** What the models declare. */
export interface LifeRules {
  readonly initial: string;
  readonly transitions: readonly { readonly from: readonly string[]; readonly to: string }[];
  /** From when on, and after how long, rows go by themselves. */
  readonly ends: Readonly<Partial<Record<LifeRowsModel, LifeEnd>>>;
}

interface LifeEnd {
  readonly field: string;
  readonly afterMs: number;
}

/** What one state says by itself: values that are computed, unique, and that refer. */
export function brokenIn({ models }: LifeRows): string[] {
  const { Parcel, Lease, Remark } = models;
  return [
    ...[...Parcel].flatMap(([id, { row }]) => {
      const { units, price, total } = row;
      const isRight = Number(units) * Number(price) === total;
      return isRight ? [] : [`Parcel ${id} has total ${JSON.stringify(total)}: ${textOf(row)}`];
    }),
    ...[...Remark].flatMap(([id, { row }]) => {
      const { parcel, lease, held } = row;
      const isRight = isThere(Parcel, parcel) && isThere(Lease, lease) && held === (lease !== null);
      return isRight ? [] : [`Remark ${id} says what is not so: ${textOf(row)}`];
    }),
    ...twice(Parcel, 'slot', ({ status }) => status === 'open'),
    ...twice(Parcel, 'code', () => true),
    ...twice(Lease, 'code', () => true),
  ];
}

function isThere(rows: ReadonlyMap<string, LifeRow>, ref: unknown): boolean {
  return ref === null || (typeof ref === 'string' && rows.has(ref));
}

function twice(
  rows: ReadonlyMap<string, LifeRow>,
  field: string,
  counts: (row: Row) => boolean,
): string[] {
  const holders = new Map<string, string>();
  return [...rows].flatMap(([id, { row }]) => {
    const value = fieldText(row, field);
    if (value === '' || !counts(row)) return [];
    const other = holders.get(value);
    holders.set(value, id);
    return other === undefined ? [] : [`${other} and ${id} both have ${field} ${value}`];
  });
}

/** What one entry of the log made of the rows before it, and must not. */
export function brokenBetween(before: LifeRows, after: LifeRows, rules: LifeRules): string[] {
  return [
    ...parcelIds(before, after).flatMap((id) => parcelStep(id, before, after, rules)),
    ...[...before.models.Lease].flatMap(([id, row]) => leaseStep(id, row, after, rules)),
  ];
}

function parcelIds(before: LifeRows, after: LifeRows): string[] {
  return [...new Set([...before.models.Parcel.keys(), ...after.models.Parcel.keys()])];
}

function parcelStep(id: string, before: LifeRows, after: LifeRows, rules: LifeRules): string[] {
  const [old, now] = [before.models.Parcel.get(id), after.models.Parcel.get(id)];
  const kept = before.models.ParcelDeleted.get(id);
  if (old !== undefined && now !== undefined) return changed(id, old, now, rules);
  if (now !== undefined) return begun(id, now, kept, after, rules);
  if (old === undefined) return [];
  const stays = after.models.ParcelDeleted.get(id);
  const isKept = stays !== undefined && isSameRow(stays.row, old.row);
  return isKept ? [] : [`Parcel ${id} was deleted, and is not kept: ${textOf(old.row)}`];
}

function changed(id: string, old: LifeRow, now: LifeRow, rules: LifeRules): string[] {
  if (textOf(old.row) === textOf(now.row)) return [];
  const [from, to] = [fieldText(old.row, 'status'), fieldText(now.row, 'status')];
  const problems = [];
  if (now.version !== old.version + 1) {
    problems.push(`Parcel ${id} went from version ${old.version} to ${now.version}`);
  }
  if (from !== to && !isDeclared(from, to, now.row, rules)) {
    problems.push(`Parcel ${id} went from ${from} to ${to}: ${textOf(now.row)}`);
  }
  return problems;
}

function isDeclared(from: string, to: string, row: Row, { transitions }: LifeRules): boolean {
  if (to === 'packed' && !(Number(row['total']) > 0)) return false;
  return transitions.some((one) => one.to === to && one.from.includes(from));
}

/** Restored as it was deleted, or new and in the first state. */
function begun(
  id: string,
  now: LifeRow,
  kept: LifeRow | undefined,
  after: LifeRows,
  rules: LifeRules,
): string[] {
  if (kept !== undefined && kept.row[STAMP] === now.row[STAMP]) {
    const isMoved = !after.models.ParcelDeleted.has(id);
    if (!isSameRow(kept.row, now.row) || !isMoved) return [`Parcel ${id} came back as another`];
    const wasOver = isOver(rules, 'ParcelDeleted', kept.row, after.timeMs);
    return wasOver ? [`Parcel ${id} came back when its time was over`] : [];
  }
  const status = fieldText(now.row, 'status');
  return status === rules.initial ? [] : [`Parcel ${id} began as ${status}`];
}

/** Whether a deleted row is what the row was. */
export function isSameRow(deleted: Row, row: Row): boolean {
  const { deletedAt: _at, deletedBy: _by, ...rest } = deleted;
  return textOf(rest) === textOf(row);
}

/** A lease goes, or begins anew under its id, only once its time has come. */
function leaseStep(id: string, old: LifeRow, after: LifeRows, rules: LifeRules): string[] {
  const now = after.models.Lease.get(id);
  const isSame = now !== undefined && now.version <= old.version + 1;
  if (isSame || isOver(rules, 'Lease', old.row, after.timeMs)) return [];
  const time = new Date(after.timeMs).toISOString();
  return [`Lease ${id} of ${fieldText(old.row, 'seenAt')} went at ${time}`];
}

/** Whether a row's time has come. */
export function isOver(
  { ends }: LifeRules,
  model: LifeRowsModel,
  row: Row,
  timeMs: number,
): boolean {
  const end = ends[model];
  const from = end === undefined ? undefined : row[end.field];
  return end !== undefined && typeof from === 'string' && Date.parse(from) + end.afterMs <= timeMs;
}
