import { hash } from 'node:crypto';
import { usedModelName } from '@lithair/crds';
import { type Change, isPut } from '../entry/index.ts';
import type { IndexKey, JsonObject } from '../ports/index.ts';
import {
  type Conflict,
  isShareable,
  type ModelPlan,
  type PlannedIndex,
  parseRow,
  type RowsView,
  rowKeys,
} from '../state/index.ts';
import { NULL_KEY } from '../values/index.ts';
import type { LiveRow } from './overlay.ts';
import { conflict } from './refusal.ts';

interface UsedRows extends RowsView {
  find(model: string, id: string): LiveRow | undefined;
}

/** What changes mean for values that are unique forever. */
interface UsedValues {
  /** Changes that take what another row had. */
  readonly conflicts: readonly Conflict[];
  /** What their rows had and have no more, to be kept. */
  readonly kept: readonly Change[];
}

/** Nobody is told of them: they are no events. */
const UNTOLD: readonly string[] = [];

/**
 * Values that rows give up are kept, as hashes with the id of the row, where an index is unique
 * forever; only the row of that id takes them again.
 */
export function usedValues(rows: UsedRows, changes: readonly Change[]): UsedValues {
  const conflicts: Conflict[] = [];
  const kept = new Map<string, Change>();
  for (const [at, change] of changes.entries()) {
    const plan = rows.plan(change.model);
    if (plan === undefined) continue;
    for (const { index, old, key } of turnover(rows, plan, change)) {
      if (isTaken(rows, plan, index, key, change.id)) conflicts.push(...taken(plan, index, at));
      const release = released(rows, plan, index, old, change.id);
      if (release !== null) kept.set(`${release.model}/${release.id}`, release);
    }
  }
  return { conflicts, kept: [...kept.values()] };
}

/** What a change takes and gives up in each index that is unique forever. */
function turnover(rows: UsedRows, plan: ModelPlan, change: Change) {
  if (change.effect === 'unchanged' || plan.forever.length === 0) return [];
  const before = keysBefore(rows, plan, change);
  return plan.forever.flatMap((index) => {
    const key = isPut(change) ? (change.keys[index.position] ?? NULL_KEY) : NULL_KEY;
    const old = before?.[index.position] ?? NULL_KEY;
    return key === old ? [] : [{ index, old, key }];
  });
}

function keysBefore(
  rows: UsedRows,
  plan: ModelPlan,
  { model, id }: Change,
): readonly IndexKey[] | null {
  const before = rows.find(model, id);
  return before === undefined ? null : rowKeys(plan, parseRow(before.json));
}

function isTaken(
  rows: UsedRows,
  { schema }: ModelPlan,
  index: PlannedIndex,
  key: IndexKey,
  id: string,
): boolean {
  if (isShareable(index, key)) return false;
  const used = rows.find(usedModelName(schema.name), hashOf(index, key));
  return used !== undefined && parseRow(used.json)['owner'] !== id;
}

function taken({ schema }: ModelPlan, { fields }: PlannedIndex, at: number): Conflict[] {
  const names = fields.map(({ name }) => name);
  const message = `another ${schema.name} had this ${names.join(' and this ')}`;
  const otherwise = `another ${schema.name} had these values`;
  const about = { model: schema.name, fields: names, otherwise };
  return names.map((name) => conflict('unique_conflict', at, name, message, about));
}

function released(
  rows: UsedRows,
  { schema }: ModelPlan,
  index: PlannedIndex,
  key: IndexKey,
  owner: string,
): Change | null {
  const model = usedModelName(schema.name);
  const id = hashOf(index, key);
  if (isShareable(index, key) || rows.versionOf(model, id) !== 0) return null;
  const row: JsonObject = { id, owner };
  return {
    effect: 'created',
    model,
    id,
    expectedVersion: rows.deletedVersion(model, id),
    json: JSON.stringify(row),
    keys: [],
    events: UNTOLD,
  };
}

/** Of 128 bits: two values meet in one by chance never, and nobody reads one out of it. */
function hashOf({ name }: PlannedIndex, key: IndexKey): string {
  return hash('sha256', `${name}\u0000${key}`, 'hex').slice(0, 32);
}
